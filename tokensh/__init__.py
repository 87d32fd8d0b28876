"""tokensh: an interactive SQL shell for Databricks personal access tokens.

The package is a DB-API module (PEP 249): `tokensh.connect(..)`, `tokensh.Error`, `tokensh.paramstyle` and so on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from tokensh.dbapi import *  # noqa: F403 (what __getattr__ brings)
else:

    def __getattr__(name: str) -> Any:
        """What `tokensh.dbapi` offers, when it is first asked for: importing the package loads nothing."""
        # A module of the package is asked for in this way too, before it is imported; none has such a name.
        if name[:1].isupper() or name in ("apilevel", "connect", "paramstyle", "threadsafety"):
            from tokensh import dbapi  # noqa: PLC0415

            if name in dbapi.__all__:
                return getattr(dbapi, name)
        raise AttributeError(f"module 'tokensh' has no attribute {name!r}")
