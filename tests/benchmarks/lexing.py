"""Compare colouring 10 kB of SQL with pygments' own lexer for SQL."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from pygments.lexers.sql import SqlLexer as PygmentsSql

from tests.shared_parser import shared_parser
from tokensh.shell.highlight import lexer_for

STATEMENT = """SELECT u.token_id, upper(u.comment) AS name, CASE WHEN expiry_time = -1 THEN 'never' ELSE 'once' END -- why
FROM databricks_workspace.workspace.user_tokens u LEFT JOIN tokens AS t ON u.token_id = t.token_id
WHERE u.deployment_name IN ('dbc-1', 'dbc-2') AND t.owner_id > 12345 ORDER BY 1 DESC LIMIT 10;
"""


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def keystroke(size: int, runs: int = 15) -> tuple[float, float]:
    """Return the median seconds of ours and of pygments', measured in turns, for `size` characters."""
    text = (STATEMENT * (size // len(STATEMENT) + 1))[:size]
    ours, theirs = lexer_for(shared_parser().table)(), PygmentsSql()
    pairs = [
        (
            seconds(lambda: list(ours.get_tokens_unprocessed(text))),
            seconds(lambda: list(theirs.get_tokens_unprocessed(text))),
        )
        for _ in range(runs)
    ]
    return median(a for a, _ in pairs), median(b for _, b in pairs)
