"""One parser per test process over one compiled grammar table, which is kept between runs."""

from __future__ import annotations

import json
import zlib
from functools import cache
from pathlib import Path
from typing import Any

from tokensh.sql import grammar
from tokensh.sql.parse import Parser

_COMPILER = zlib.crc32(Path(grammar.__file__).read_bytes())
CACHE_HOME = Path(__file__).parents[1] / ".pytest_cache" / "grammar" / f"{_COMPILER:08x}"
"""A value for XDG_CACHE_HOME: the compiled table is all that tokensh keeps there.

Compiling it takes 1 s of CPU. The table's own digest covers the grammar; the folder's name covers the compiler, so that
neither is ever tested against a table that the other version made.
"""


@cache
def shared_parser() -> Parser:
    """Return the parser."""
    return Parser(CACHE_HOME / "tokensh")


@cache
def compiled_grammar() -> dict[str, Any]:
    """Return the compiled grammar, as the parser's cache has it."""
    shared_parser()
    digest = grammar.compute_digest(grammar.read_grammar())
    compiled: dict[str, Any] = json.loads((CACHE_HOME / "tokensh" / f"grammar-{digest[:16]}.json").read_bytes())
    return compiled
