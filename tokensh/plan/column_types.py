"""The types that columns of CREATE TABLE can have, and the name under which SQLite gives each the right affinity."""

from __future__ import annotations

from tokensh.errors import NotSupportedError, UnknownName
from tokensh.plan.expression_types import declared_type
from tokensh.rows import ColumnType
from tokensh.sql import nodes
from tokensh.text import nearest

_INTEGERS = """
INT, INTEGER, TINYINT, SMALLINT, MEDIUMINT, BIGINT, UNSIGNED BIG INT, INT2, INT4, INT8
"""
_TEXTS = """
TEXT, TINYTEXT, MEDIUMTEXT, LONGTEXT, CHAR, CHARACTER, VARCHAR, VARYING CHARACTER, CHARACTER VARYING, CHAR VARYING, NCHAR,
NVARCHAR, NATIVE CHARACTER, VARCHAR2, NVARCHAR2, CLOB
"""
_NUMBERS = """
REAL, DOUBLE, DOUBLE PRECISION, FLOAT, FLOAT4, FLOAT8, NUMERIC, DECIMAL, DEC, NUMBER
"""
# Stored as they are written: SQLite's NUMERIC makes a number only of what is one.
_OTHERS = """
BOOLEAN, BOOL, DATE, TIME, DATETIME, TIMESTAMP, TIMESTAMPTZ, TIMESTAMP_NTZ, TIMESTAMP_LTZ, BLOB
"""
# SQLite knows affinities by letters, and these have none that say what they are.
_RENAMED = {
    **dict.fromkeys(("STRING", "UUID", "JSON", "JSONB"), "TEXT"),
    **dict.fromkeys(("SIGNED", "UNSIGNED", "BYTE", "SHORT", "LONG"), "INTEGER"),
    **dict.fromkeys(("BINARY", "VARBINARY", "BYTEA", "BYTES"), "BLOB"),
}
_NUMBERED = frozenset(
    ("AUTO_INCREMENT", "AUTOINCREMENT", "IDENTITY", "SERIAL", "SMALLSERIAL", "BIGSERIAL", "GENERATED", "ALWAYS")
)
NUMBERED_HINT = "a column of the type INTEGER PRIMARY KEY numbers the rows by itself"


def _names_in(text: str) -> frozenset[str]:
    return frozenset(" ".join(name.split()) for name in text.split(","))


_KNOWN = frozenset().union(*map(_names_in, (_INTEGERS, _TEXTS, _NUMBERS, _OTHERS))) | _RENAMED.keys()


def check_column_type(column: nodes.ColumnDefinition) -> tuple[str, ColumnType]:
    """Return a column's type as SQLite is told it, and as tokensh knows it.

    Raises UnknownName for a type that nothing has, NotSupportedError for words that make a column number its rows.
    """
    name, parenthesis, sizes = column.type.upper().partition("(")
    words = name.split()
    odd = next((word for word in words if word in _NUMBERED), None)
    if odd is not None:
        raise NotSupportedError(f"{odd} is not offered", span=column.type_span, hint=NUMBERED_HINT)
    if not words:
        return "", "any"
    plain = " ".join(words)
    if plain not in _KNOWN:
        plain = " ".join(word for word in words if word not in ("SIGNED", "UNSIGNED"))
    if plain not in _KNOWN:
        near = nearest(plain, sorted(_KNOWN))
        hint = None if near else "types are text, integer, real, numeric, boolean, date, timestamp, blob"
        raise UnknownName("type", plain.lower(), near=near and near.lower(), span=column.type_span, hint=hint)
    if plain in _RENAMED:
        known: ColumnType = "json" if plain.startswith("JSON") else declared_type(_RENAMED[plain])
        return _RENAMED[plain], known
    return plain + parenthesis + sizes, declared_type(plain)
