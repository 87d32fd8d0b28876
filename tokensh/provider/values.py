"""Read values of a parsed document for what they mean: published documents have other types than the format says."""

from __future__ import annotations

from typing import Any

from tokensh.rows import ColumnType

Node = dict[str, Any]
TYPES: dict[str, ColumnType] = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "object": "object",
    "array": "array",
    # Names that published documents use in place of JSON's.
    "int32": "integer",
    "int64": "integer",
    "double": "number",
    "float": "number",
    "json": "object",
}


def as_mapping(value: object) -> Node:
    """Return a mapping; an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return a list; an empty one in place of anything else."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    """Return a text without blanks around it; an empty one in place of anything else."""
    return value.strip() if isinstance(value, str) else ""


def read_type(name: str) -> ColumnType:
    """Return the column type that a document's type means; unknown types are text."""
    name = name.strip().lower()
    return "array" if name.startswith("array of") else TYPES.get(name, "string")
