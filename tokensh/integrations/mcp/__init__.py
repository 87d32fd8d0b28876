"""The door for assistants (`pip install 'tokensh[mcp]'`): `tokensh mcp` serves the Model Context Protocol.

An assistant gets rows, never the value of a token: values go to a program, a file or `tokensh reveal`, and every message
passes `guard.Guard`.
"""

from __future__ import annotations

try:
    import mcp as _mcp  # noqa: F401 (only whether it is there)
except ModuleNotFoundError as missing:
    raise ImportError("tokensh.integrations.mcp needs the MCP SDK: pip install 'tokensh[mcp]'") from missing
