"""The functions that FROM can call, in one table for the planner and completion."""

from __future__ import annotations

from tokensh._dataclasses import dataclass
from tokensh.rows import ColumnType


@dataclass(frozen=True, slots=True)
class TableFunctionSpec:
    """One function: its name in SQLite, its result's columns, and a description of at most 60 characters."""

    sqlite_name: str
    columns: tuple[tuple[str, ColumnType], ...]
    description: str


# https://sqlite.org/json1.html#table_valued_functions_for_parsing_json_json_each_and_json_tree_
_JSON_COLUMNS: tuple[tuple[str, ColumnType], ...] = (
    ("key", "any"),
    ("value", "json"),
    ("type", "string"),
    ("atom", "any"),
    ("id", "integer"),
    ("parent", "integer"),
    ("fullkey", "string"),
    ("path", "string"),
)

TABLE_FUNCTIONS: dict[str, TableFunctionSpec] = {
    "json_each": TableFunctionSpec("json_each", _JSON_COLUMNS, "a row per element of a JSON array or object"),
    "json_tree": TableFunctionSpec("json_tree", _JSON_COLUMNS, "a row per element of a JSON text, at every depth"),
    # PostgreSQL's name, which StackQL takes in FROM as well.
    "json_array_elements_text": TableFunctionSpec(
        "json_each", (("value", "any"),), "a row per element of a JSON array"
    ),
}
