"""Let other programs use tokensh: SQLAlchemy and IPython, each behind an extra."""
