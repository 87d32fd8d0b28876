"""PostgreSQL's types for ours, and values in its text and binary formats.

The numbers of types are those of `pg_type.dat` in PostgreSQL's sources; the binary formats those of its `*_send` functions.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from uuid import UUID

from tokensh.errors import DataError
from tokensh.rows import Column, ColumnType, Row, Value

BOOL, BYTEA, INT8, TEXT, JSON, FLOAT8 = 16, 17, 20, 25, 114, 701
_INT2, _INT4, _FLOAT4, _NUMERIC, _UUID = 21, 23, 700, 1700, 2950
SIZES = {BOOL: 1, INT8: 8, FLOAT8: 8}
"""Bytes of types with a fixed size; the others have -1."""
NAMES = {
    BOOL: "boolean",
    BYTEA: "bytea",
    INT8: "bigint",
    TEXT: "text",
    JSON: "json",
    FLOAT8: "double precision",
}
"""What `format_type` calls them."""
TYPES: dict[ColumnType, int] = {
    "string": TEXT,
    "integer": INT8,
    "number": FLOAT8,
    "boolean": BOOL,
    "object": JSON,
    "array": JSON,
    "json": TEXT,  # JSON or any other text
    "any": TEXT,
}
CAST_TYPES = {
    "bigint": INT8, "int8": INT8, "int": INT8, "integer": INT8, "int4": INT8, "smallint": INT8, "int2": INT8,
    "float8": FLOAT8, "double": FLOAT8, "real": FLOAT8, "float4": FLOAT8, "float": FLOAT8,
    "bool": BOOL, "boolean": BOOL, "bytea": BYTEA,
}  # fmt: skip
"""The types of parameters by the cast that follows them."""


def find_types(columns: Sequence[Column], rows: Sequence[Row]) -> list[int]:
    """Return the columns' types; those of expressions, whose type is not known, are what the first rows hold."""
    return [
        _find_type([row[index] for row in rows]) if column.type == "any" else TYPES[column.type]
        for index, column in enumerate(columns)
    ]


def _find_type(cells: Sequence[Value]) -> int:
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds == {int}:
        return INT8
    if kinds and kinds <= {int, float}:
        return FLOAT8
    return BYTEA if kinds == {bytes} else TEXT


def encode(cell: Value, type_number: int, *, binary: bool) -> bytes | None:
    """Return a value in the format of a type. Raises DataError for one that does not fit."""
    if cell is None:
        return None
    try:
        return _BINARY[type_number](cell) if binary and type_number in _BINARY else _encode_text(cell, type_number)
    except (struct.error, ValueError, TypeError):
        name = NAMES.get(type_number, str(type_number))
        raise DataError(f"{cell!r} is not of the type {name} that its column has", hint="CAST the column") from None


def _encode_text(cell: Value, type_number: int) -> bytes:
    match cell:
        case bool():
            return b"t" if cell else b"f"
        case bytes():
            return b"\\x" + cell.hex().encode()
        case int() if type_number == BOOL:
            return b"t" if cell else b"f"
        case float():
            return _format_float(cell).encode()
        case str() if type_number in (INT8, FLOAT8, BOOL):
            raise ValueError
        case _:
            return str(cell).encode("utf-8", "replace")


def _format_float(number: float) -> str:
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return "NaN" if math.isnan(number) else repr(number)


def _encode_bytes(cell: Value) -> bytes:
    return cell if isinstance(cell, bytes) else str(cell).encode("utf-8", "replace")


def _encode_binary_text(cell: Value) -> bytes:
    return _encode_text(cell, TEXT)


_BINARY: dict[int, Callable[[Value], bytes]] = {
    BOOL: lambda cell: struct.pack("!?", cell),
    INT8: lambda cell: struct.pack("!q", cell),
    FLOAT8: lambda cell: struct.pack("!d", cell),
    TEXT: _encode_binary_text,
    JSON: _encode_binary_text,
    BYTEA: _encode_bytes,
}


def decode(raw: bytes | None, type_number: int, *, binary: bool) -> Value:
    """Return the value of a parameter. Raises DataError."""
    if raw is None:
        return None
    try:
        return _decode_binary(raw, type_number) if binary else _decode_text(raw.decode(), type_number)
    except (struct.error, ValueError):
        raise DataError(f"a parameter is not of its type {NAMES.get(type_number, str(type_number))}") from None


_STRUCTS = {BOOL: "!?", _INT2: "!h", _INT4: "!i", INT8: "!q", _FLOAT4: "!f", FLOAT8: "!d"}


def _decode_binary(raw: bytes, type_number: int) -> Value:
    if type_number in _STRUCTS:
        (number,) = struct.unpack(_STRUCTS[type_number], raw)
        return int(number) if isinstance(number, bool) else number
    if type_number == BYTEA:
        return raw
    if type_number == _UUID:
        return str(UUID(bytes=raw))
    if type_number == _NUMERIC:
        raise DataError("a numeric parameter in the binary format is not supported", hint="CAST it to float8 or text")
    return raw.decode()


def _decode_text(text: str, type_number: int) -> Value:
    match type_number:
        case 20 | 21 | 23:
            return int(text)
        case 700 | 701:
            return float(text)
        case 1700:
            return float(text) if set(text) & set(".eEnN") else int(text)
        case 16:
            return int(text.lower() in ("t", "true", "1", "on", "yes"))
        case 17:
            return bytes.fromhex(text[2:]) if text.startswith("\\x") else text.encode()
        case _:
            return text
