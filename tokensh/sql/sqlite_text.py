"""Texts that only SQLite needs: chains within its limits, its types and its blobs."""

from __future__ import annotations

from collections.abc import Sequence

from tokensh.errors import NotSupportedError, assert_never
from tokensh.functions import TO_DATE, TO_TIMESTAMP, find_function
from tokensh.sql import nodes
from tokensh.sql.quoting import text_literal
from tokensh.sql.visit import walk

_CHUNK = 64
MOST_OPERATORS = 200
DEPTH_OF_CALL = 20
"""What a call counts, which SQLite's parser cannot nest as deep."""
CHUNK_VALUE = '"tokensh:value"'
"""The value of the chunk before, in quotes."""


def join_balanced(parts: list[str], operator: str) -> str:
    """Return a chain as a shallow tree of parentheses: SQLite limits an expression's depth to 1,000."""
    while len(parts) > _CHUNK:
        groups = (parts[i : i + _CHUNK] for i in range(0, len(parts), _CHUNK))
        parts = [f"({operator.join(group)})" for group in groups]
    return operator.join(parts)


def join_chunks(chunks: Sequence[str], last: str) -> str:
    """Return an expression of which each chunk uses the value of the one before it."""
    names = [f'"tokensh:chunk {number}"' for number in range(len(chunks))]
    sources = ["", *(f" FROM {name}" for name in names)]
    ctes = (
        f"{name} ({CHUNK_VALUE}) AS MATERIALIZED (SELECT {chunk}{source})"
        for name, chunk, source in zip(names, chunks, sources, strict=False)
    )
    return f"(WITH {', '.join(ctes)} SELECT {last}{sources[-1]})"


def refuse_aggregates(chain: nodes.Chain) -> None:
    """Refuse what would be evaluated over the rows of another query in a query inside of an expression."""
    for part in walk(chain):
        if isinstance(part, nodes.Call) and (part.over is not None or part.star or _is_aggregate(part)):
            message = f"more than {MOST_OPERATORS} operators in a row take no aggregate"
            raise NotSupportedError(message, span=part.span, hint="name the aggregates in a query in FROM")


def _is_aggregate(call: nodes.Call) -> bool:
    function = find_function(call.name[-1].text)
    return function is not None and function.is_aggregate(len(call.arguments))


def order_letter(item: nodes.OrderItem) -> str:
    """Return a or d for the direction of a key, as a capital letter if NULL goes last."""
    if isinstance(item.expr, nodes.Collate):
        raise NotSupportedError("COLLATE is not offered here", span=item.expr.span, hint="order by lower(...)")
    letter = "d" if item.direction == "DESC" else "a"
    # As in SQLite, NULL is smaller than every other value.
    is_last = item.nulls == "LAST" if item.nulls else letter == "d"
    return letter.upper() if is_last else letter


# What casts to a type of time; anything that is not a time is an error.
TIME_CASTS = {"DATE": TO_DATE, "DATETIME": TO_TIMESTAMP, "TIMESTAMP": TO_TIMESTAMP}
_AFFINITIES = {
    **dict.fromkeys(("SIGNED", "UNSIGNED", "BOOLEAN", "BOOL"), "INTEGER"),
    # SQLite would make a number of a type that it does not know: 2027 of '2027-01-01'.
    **dict.fromkeys(("JSON", "STRING", "UUID", *nodes.TIME_TYPES), "TEXT"),
}
_DECIMALS = frozenset({"DECIMAL", "DEC", "NUMERIC", "NUMBER"})


def sqlite_type(name: str) -> str:
    """Return a type of SQL as one that has the right affinity in SQLite, which goes by the letters of the name."""
    words = name.partition("(")[0].split()
    return _AFFINITIES.get(words[0], " ".join(words)) if words else ""


def sqlite_cast(operand: str, name: str) -> str:
    """Return a cast of an operand's text to a type of SQL.

    A decimal type with a scale gives a number with a fraction, rounded to the scale. SQLite's own cast makes an integer of 5.00,
    which divides without a remainder.
    """
    words, _, sizes = name.upper().partition("(")
    scale = sizes.rstrip(" )").partition(",")[2].strip()
    if not _DECIMALS.isdisjoint(words.split()) and scale.isdecimal() and int(scale) > 0:
        return f"CAST(round({operand}, {scale}) AS REAL)"
    return f"CAST({operand} AS {sqlite_type(name)})"


def sqlite_blob(text: str) -> str:
    """Return `b'0101'` as x'05', the only form that SQLite reads."""
    if text[0] in "xX":
        return text
    digits = text[2:-1]
    size = (len(digits) + 7) // 8
    return f"x'{int(digits or '0', 2).to_bytes(size, 'big').hex()}'"


def sqlite_name(name: str) -> str:
    """Return what SQLite calls a function."""
    function = find_function(name)
    return function.sqlite_name or name if function else name


def literal_text(node: nodes.Literal, *, sqlite: bool) -> str:
    """Return a literal as it is written, or for SQLite."""
    if node.parameter and sqlite:
        return f"?{node.parameter}"
    match node.kind:
        case "string" | "time":
            return text_literal(node.text)
        case "number":
            return node.text
        case "blob":
            return sqlite_blob(node.text) if sqlite else node.text
        case "current":
            return node.text
        case "null" | "true" | "false" | "default":
            return node.kind.upper()
        case _:
            assert_never(node.kind)
