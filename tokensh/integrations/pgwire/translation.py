"""Queries in PostgreSQL's language as queries of SQLite's: casts, functions and operators; arrays are JSON texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import sqlglot
from sqlglot import exp

from tokensh.integrations.pgwire.relations import OWNER, VISIBLE_SCHEMA
from tokensh.integrations.pgwire.utilities import VERSION, Settings
from tokensh.integrations.pgwire.values import NAMES
from tokensh.rows import Value
from tokensh.sql.quoting import quote_name

Node: TypeAlias = Any
"""sqlglot's Expression, which type checkers do not see: it is of an extra."""

INTEGER_CASTS = ("int", "integer", "bigint", "smallint", "oid")
_TYPE_CASES = " ".join(f"WHEN {number} THEN '{name}'" for number, name in NAMES.items())
# What a function becomes; its arguments are SQLite's already. A text becomes an array at its separators.
_FUNCTIONS: Mapping[str, Callable[..., str]] = {
    "format_type": lambda oid, *_: f"CASE {oid} {_TYPE_CASES} END",
    "pg_table_is_visible": lambda oid: (
        "EXISTS (SELECT 1 FROM pg_class AS seen JOIN pg_namespace AS place ON place.oid = seen.relnamespace"  # noqa: S608 (a query of the catalog)
        f" WHERE seen.oid = {oid} AND place.nspname = '{VISIBLE_SCHEMA}')"
    ),
    "to_regtype": lambda name: f"(SELECT kind.oid FROM pg_type AS kind WHERE kind.typname = {name})",  # noqa: S608 (the same)
    "to_regclass": lambda name: f"(SELECT seen.oid FROM pg_class AS seen WHERE seen.relname = {name})",  # noqa: S608 (the same)
    "quote_ident": str,
    "string_to_array": lambda text, separator: f"""('["' || replace({text}, {separator}, '","') || '"]')""",
    "parse_ident": lambda text: f"""('["' || replace(replace({text}, '"', ''), '.', '","') || '"]')""",
    "array_lower": lambda *_: "1",
    "array_upper": lambda array, *_: f"json_array_length({array})",
    "array_length": lambda array, *_: f"json_array_length({array})",
    "array_size": lambda array, *_: f"json_array_length({array})",
    "current_schemas": lambda system: (
        f"""CASE WHEN {system} THEN '["pg_catalog","{VISIBLE_SCHEMA}"]' ELSE '["{VISIBLE_SCHEMA}"]' END"""
    ),
}
_CONSTANTS: Mapping[str, Value] = {
    "current_schema": VISIBLE_SCHEMA,
    "version": VERSION,
    "current_version": VERSION,
    "pg_get_userbyid": OWNER,
    "pg_encoding_to_char": "UTF8",
    "pg_backend_pid": 0,
    "pg_is_in_recovery": 0,
    "pg_type_is_visible": 1,
    "pg_function_is_visible": 1,
    "pg_relation_is_publishable": 0,
}


def translate(tree: Node, values: Sequence[Value], settings: Settings) -> Node:
    """Return a query with the values of `$1` and so on; the tree is changed."""
    # Bottom up: what a node is made of is translated before it.
    for node in reversed(list(tree.walk())):
        changed = _translate(node, values, settings)
        if changed is not node:
            if node is tree:
                tree = changed
            else:
                node.replace(changed)
    return tree


def name_table(table: Node) -> str:
    """Return how a table of the catalog is called here: `pg_class`, `information_schema.tables`."""
    name, schema = str(table.name).lower(), str(table.db).lower()
    return name if name.startswith("pg_") or schema in ("", "pg_catalog") else f"{schema}.{name}"


def name_cast(cast: Node) -> str:
    """Return the name of the type that a cast makes, without its schema."""
    return str(cast.to.sql("postgres")).lower().rpartition(".")[2]


def _translate(node: Node, values: Sequence[Value], settings: Settings) -> Node:
    """Return what a node becomes; the node itself if it stays."""
    match node:
        case exp.Parameter():
            index = int(node.name) - 1 if node.name.isdecimal() else -1
            return exp.convert(values[index] if 0 <= index < len(values) else None)
        case exp.Table():
            return _translate_table(node)
        case exp.Unnest() if isinstance(node.parent, exp.From | exp.Join | exp.Lateral):
            return _make_rows(node, "SELECT value AS {column} FROM json_each({array})", array=node.expressions[0])
        case exp.Lateral():
            return _alias_table(node.this, node) if isinstance(node.this, exp.Subquery) else _make_rows(node, _NO_ROWS)
        case exp.Column():
            return _translate_column(node, settings)
        case exp.Dot():
            return node.expression if isinstance(node.this, exp.Identifier) else exp.null()
        case exp.Bracket():
            return _translate_index(node)
        case exp.Collate():
            return node.this
        case exp.ByteString():
            return exp.Literal.string(node.name.replace("\\n", "\n"))
        case exp.Func() if isinstance(node.parent, exp.Table):
            return node  # with its table
        case exp.Cast() | exp.Func():
            return _translate_cast(node) if isinstance(node, exp.Cast) else _translate_function(node, settings)
        case _:
            return _translate_operation(node)


# ---- tables


_NO_ROWS = "SELECT NULL AS {column} WHERE 0"
_SERIES = """WITH RECURSIVE n(i) AS (SELECT {start} UNION ALL SELECT i + 1 FROM n WHERE i < {end})
    SELECT i AS {column} FROM n WHERE i <= {end}"""


def _translate_table(table: Node) -> Node:
    function = table.this
    match function:
        case exp.ExplodingGenerateSeries() | exp.GenerateSeries():
            return _make_rows(table, _SERIES, **function.args)
        case exp.StringToArray():
            array = _FUNCTIONS["string_to_array"](*map(_write, _list_arguments(function)))
            return _make_rows(table, "SELECT {array} AS {column}", array=_parse(array))
        case _:
            name = name_table(table) if isinstance(function, exp.Identifier) else str(function.name).lower()
            return exp.alias_(exp.to_table(quote_name(name)), table.alias or str(function.name), table=True)


def _make_rows(source: Node, select: str, **parts: Node) -> Node:
    """Return a subquery in place of a function after FROM: its alias is its column's name too, unless that has its own."""
    alias = source.args.get("alias")
    columns = alias.columns if alias is not None else ()
    name = source.alias or "nothing"
    written = {part: _write(node) for part, node in parts.items() if isinstance(node, exp.Expression)}
    query = _parse(select.format(column=quote_name(columns[0].name if columns else name), **written))
    return query.subquery(name)


def _alias_table(subquery: Node, named: Node) -> Node:
    return subquery.this.subquery(named.alias) if named.alias else subquery


# ---- expressions


def _write(node: Node) -> str:
    return str(node.sql("sqlite"))


def _parse(sql: str) -> Node:
    return sqlglot.parse_one(sql, read="sqlite")


def _list_arguments(function: Node) -> list[Node]:
    return list(function.expressions) if isinstance(function, exp.Anonymous) else list(function.iter_expressions())


def _translate_column(column: Node, settings: Settings) -> Node:
    if column.args.get("db"):
        return exp.column(column.this.copy(), table=column.args["table"].copy())
    if not column.table and column.name.lower() in ("user", "current_user", "session_user"):
        return exp.convert(settings.user)
    return column


def _translate_function(function: Node, settings: Settings) -> Node:
    name = str(function.name if isinstance(function, exp.Anonymous) else function.sql_name()).lower()
    arguments = _list_arguments(function)
    match name:
        case "current_database" | "current_catalog":
            return exp.convert(settings.database)
        case "current_user" | "session_user":
            return exp.convert(settings.user)
        case "current_setting" if arguments:
            return exp.convert(settings.get(arguments[0].name))
        case "array":
            return exp.func("json_array", *arguments) if not function.find(exp.Select) else exp.null()
        case "array_agg" | "explode" | "posexplode":
            return exp.null()
        case _:
            pass
    if name.startswith("has_") and name.endswith("_privilege"):
        return exp.convert(1)
    if name in _CONSTANTS:
        return exp.convert(_CONSTANTS[name])
    if name in _FUNCTIONS and arguments:
        return _parse(_FUNCTIONS[name](*map(_write, arguments)))
    # Any other function describes what does not exist here.
    return function if isinstance(function, _KEPT) else exp.null()


_KEPT = (
    exp.Connector, exp.Case, exp.If, exp.Exists, exp.Coalesce, exp.Nullif, exp.Count, exp.Min, exp.Max, exp.Sum, exp.Avg,
    exp.GroupConcat, exp.Lower, exp.Upper, exp.Trim, exp.Substring, exp.Length, exp.Replace, exp.Concat, exp.RowNumber,
    exp.Rank, exp.RegexpLike,
)  # fmt: skip
"""The functions, in sqlglot's sense, that SQLite has too."""


def _translate_index(bracket: Node) -> Node:
    """Translate `array[n]`; sqlglot has subtracted 1 from a literal, but not from an expression."""
    (index,) = bracket.expressions[:1]
    place = _write(index) if index.is_number else f"({_write(index)}) - 1"
    return _parse(f"json_extract({_write(bracket.this)}, '$[' || ({place}) || ']')")


def _translate_cast(cast: Node) -> Node:
    kind, value = name_cast(cast), cast.this
    if kind in ("regclass", "regtype"):
        name = ("to_" + kind) if value.is_string else "format_type"
        return value if kind == "regclass" and not value.is_string else _parse(_FUNCTIONS[name](_write(value)))
    if kind in INTEGER_CASTS and value.is_string:
        return exp.cast(value.copy(), "integer")
    if kind.endswith("[]") and value.is_string:  # '{a,b}'
        items = value.name.strip("{}")
        return exp.func("json_array", *(exp.Literal.string(item.strip(' "')) for item in items.split(",") if items))
    return value


def _translate_operation(node: Node) -> Node:
    match node:
        case exp.EQ() | exp.NEQ() if isinstance(node.expression, exp.Any | exp.All):
            return _translate_any(node)
        case exp.Like() if not isinstance(node.parent, exp.Escape):
            return exp.Escape(this=node.copy(), expression=exp.Literal.string("\\"))
        case exp.Operator():
            return _translate_operator(node)
        case _:
            return node


def _translate_any(node: Node) -> Node:
    """Translate `= ANY (array)` and `<> ALL (array)`."""
    array = node.expression.this
    if array.is_string:  # '{a,b}' without a cast
        array = _translate_cast(exp.cast(array.copy(), "text[]", dialect="postgres"))
    items = _parse("SELECT value FROM json_each(?)").transform(
        lambda part: array.unnest().copy() if isinstance(part, exp.Placeholder) else part
    )
    found = exp.In(this=node.this.copy(), query=items.subquery())
    return exp.Not(this=found) if isinstance(node, exp.NEQ) else found


def _translate_operator(node: Node) -> Node:
    """Translate `OPERATOR(pg_catalog.~)` and its like."""
    name = str(node.args["operator"]).rpartition(".")[2]
    left, right = node.this.copy(), node.expression.copy()
    match name:
        case "~" | "~*":
            return exp.RegexpLike(this=left, expression=right)
        case "!~" | "!~*":
            return exp.Not(this=exp.RegexpLike(this=left, expression=right))
        case "=":
            return exp.EQ(this=left, expression=right)
        case _:
            return exp.NEQ(this=left, expression=right)
