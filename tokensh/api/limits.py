"""The limits of requests, and their defaults. Importing this module loads nothing: `--help` and the options read it too."""

from __future__ import annotations

REQUEST_TIMEOUT = 30.0
"""Seconds for a request, its retries included."""
CREATE_TIMEOUT = 60.0
"""Seconds for a request whose lost response would cost a token."""
MAX_TIMEOUT = 86400.0
CONNECTIONS = 16
"""Requests at a time."""
MAX_CONNECTIONS = 64
WRITE_CONNECTIONS = 1
"""Revokes of one statement that are sent to a workspace at a time."""
PAGES = 1000
"""Pages that are read of one list."""
MAX_PAGES = 1_000_000
RESPONSE_SIZE = 32 * 2**20
"""Bytes of a response, decompressed."""
