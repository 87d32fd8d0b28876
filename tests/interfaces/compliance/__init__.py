"""SQLAlchemy's compliance suite, as third-party dialects run it; `tests/interfaces/test_compliance.py` starts it."""
