"""The door for PostgreSQL clients (`pip install 'tokensh[pgwire]'`, Python 3.11 and newer): `tokensh serve`.

Protocol 3.0 and 3.2 on loopback, with SCRAM-SHA-256. The messages are pygwire's.
"""

from __future__ import annotations

try:
    import pygwire as _pygwire  # noqa: F401 (only whether it is there)
except ModuleNotFoundError as missing:
    raise ImportError(
        "tokensh.integrations.pgwire needs pygwire, and Python 3.11 or newer: pip install 'tokensh[pgwire]'"
    ) from missing
