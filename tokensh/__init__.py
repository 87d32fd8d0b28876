"""tokensh: an interactive SQL shell for Databricks personal access tokens.

The package is a DB-API module (PEP 249): `tokensh.connect(..)`, `tokensh.Error`, `tokensh.paramstyle` and so on.
"""

from __future__ import annotations

TYPE_CHECKING = False
__version__ = "0.1.0"

if TYPE_CHECKING:
    from typing import Any

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


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext tokensh`: the magics `%tokensh` and `%%tokensh`."""
    from tokensh.integrations import ipython  # noqa: PLC0415 (IPython calls this, nobody else)

    ipython.load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext tokensh`."""
    from tokensh.integrations import ipython  # noqa: PLC0415 (as above)

    ipython.unload(shell)
