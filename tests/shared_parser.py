"""One parser per test process over one compiled grammar table, which is kept between runs."""

from __future__ import annotations

import zlib
from functools import cache
from pathlib import Path

from tokensh.sql import grammar
from tokensh.sql.parse import Parser

_CACHES = Path(__file__).parents[1] / ".pytest_cache" / "grammar"


@cache
def shared_parser() -> Parser:
    """Return the parser.

    Compiling the table takes 1 s of CPU. The table's own digest covers the grammar; the folder's name covers the compiler,
    so that neither is ever tested against a table that the other version made.
    """
    compiler = zlib.crc32(Path(grammar.__file__).read_bytes())
    return Parser(_CACHES / f"{compiler:08x}")
