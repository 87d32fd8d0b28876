"""The door for PostgreSQL clients (`pip install 'tokensh[pgwire]'`, Python 3.11 and newer): `tokensh serve`.

Protocol 3.0 and 3.2 on loopback, with SCRAM-SHA-256 and TLS. The messages are pygwire's; sqlglot reads queries of the system
catalog.
"""

from __future__ import annotations

try:
    import pygwire as _pygwire  # noqa: F401 (only whether they are there)
    import sqlglot as _sqlglot  # noqa: F401 (the same)
except ModuleNotFoundError as missing:
    raise ImportError(
        "tokensh.integrations.pgwire needs pygwire and sqlglot, and Python 3.11 or newer: pip install 'tokensh[pgwire]'"
    ) from missing
