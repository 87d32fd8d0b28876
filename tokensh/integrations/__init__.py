"""Doors for other programs: SQLAlchemy and IPython. Each is behind an extra."""
