"""tokensh: an interactive SQL shell for Databricks personal access tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokensh.dbapi import Connection

__version__ = "0.1.0"


def connect(**settings: Any) -> Connection:
    """Open a session, see `tokensh.dbapi.Connection` for the settings. Raises InterfaceError."""
    from tokensh import dbapi  # noqa: PLC0415 (importing the package loads nothing)

    return dbapi.Connection(**settings)
