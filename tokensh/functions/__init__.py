"""The functions that statements may call: one table, which binding, completion, SHOW FUNCTIONS and the engine read.

A function is added in one place. One that SQLite lacks is a decorated Python function in the module of its field (`text`,
`json`, `times`); one that SQLite has is a line in `sqlite`. Tests then ask for a case of it.
"""

from __future__ import annotations

from functools import cache

from tokensh.functions.declaration import Function, FunctionParameter
from tokensh.rows import CANONICAL_NAME

__all__ = ["Function", "FunctionParameter", "find_function", "functions", "internal_functions"]


# The names, in the text for SQLite, of functions that no statement can call: such a name has no colon, even in quotes.
ADD_INTERVAL, TO_DATE, TO_TIMESTAMP = "tokensh:add", "tokensh:date", "tokensh:timestamp"
SORTED_CONCAT = "tokensh:concat"
# Those of `guards`.
MODIFIER = "tokensh:modifier"
NUMBER, TEXT, ALIKE = "tokensh:number", "tokensh:text", "tokensh:alike"
ONE_ROW, NO_NULL = "tokensh:one_row", "tokensh:no_null"
CHECKED = "tokensh:checked"
"""What the store's file calls for a value that it is about to keep: `(value, name of the column, type of the column)`."""


# Cached and not a constant: completion and SHOW need it, `--version` and the library's import do not.
@cache
def functions() -> dict[str, Function]:
    """Return all functions by name; those of newer versions of SQLite may be missing from the one that is installed."""
    from tokensh.functions import (  # noqa: PLC0415 (they import this package)
        aggregates,
        calendar,
        json,
        sqlite,
        standard,
        text,
        times,
    )

    tables = (sqlite, text, json, times, standard, calendar, aggregates)
    return {name: function for table in tables for name, function in table.FUNCTIONS.items()}


def find_function(name: str) -> Function | None:
    """Return the function that a call means by a name, in any case; None for an unknown name."""
    # Planning calls it for most queries of a workspace, and must not load the table for them.
    return None if name == CANONICAL_NAME else functions().get(name.lower())


@cache
def internal_functions() -> dict[str, Function]:
    """Return the functions that only the text for SQLite calls, by name."""
    from tokensh.functions import aggregates, calendar  # noqa: PLC0415 (they import this package)

    return {**aggregates.INTERNAL, **calendar.INTERNAL}
