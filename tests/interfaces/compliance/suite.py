"""SQLAlchemy's compliance suite; its name keeps pytest from collecting it without its plugin."""

from sqlalchemy.testing.suite import *  # noqa: F403
