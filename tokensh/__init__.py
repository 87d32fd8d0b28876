"""tokensh: an interactive SQL shell for Databricks personal access tokens.

The package is a DB-API module (PEP 249): `tokensh.connect(...)`, `tokensh.Error`, `tokensh.paramstyle` and so on. Importing it
loads nothing; the first use of one of those names does.
"""

from __future__ import annotations

TYPE_CHECKING = False
__version__ = "0.2.0"

if TYPE_CHECKING:
    from typing import Any

    from tokensh.dbapi.pep249 import *  # noqa: F403 (what __getattr__ brings)
else:

    def __getattr__(name: str) -> Any:
        """Return a name of the DB-API module, which is imported for the first one."""
        # Python asks for each module of the package in this way too, before it imports it: leave those alone.
        if name[:1].isupper() or name in ("apilevel", "connect", "paramstyle", "threadsafety"):
            from tokensh.dbapi import pep249  # noqa: PLC0415 (all of tokensh but the shell)

            if name in pep249.__all__:
                return getattr(pep249, name)
        raise AttributeError(f"module 'tokensh' has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """Add the magics `%tokensh` and `%%tokensh`, for `%load_ext tokensh`."""
    from tokensh.integrations import ipython  # noqa: PLC0415 (only IPython calls this)

    ipython.load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Close the magics' connection, for `%unload_ext tokensh`."""
    from tokensh.integrations import ipython  # noqa: PLC0415 (as above)

    ipython.unload(shell)
