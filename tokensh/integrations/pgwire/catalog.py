"""PostgreSQL's system catalog, as far as clients ask it: schemas, tables and columns; keys, indexes and the rest do not exist here.

Clients ask with queries that only PostgreSQL can run. What they ask for is read from a query instead: the tables after FROM say
what a row is (a column, a table, a schema), comparisons with literals say which rows, and the names of the result's columns say
what is in them. A table of the catalog that has no rows here gives an empty result with the right columns, which is the truth.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tokensh._dataclasses import dataclass
from tokensh.integrations.pgwire.values import BOOL, INT8, NAMES, SIZES, TEXT, TYPES
from tokensh.plan.method_resolution import scan_columns
from tokensh.plan.objects import View
from tokensh.provider.catalog import DEFAULT
from tokensh.rows import Column, Value

if TYPE_CHECKING:
    from tokensh.dbapi.connection import Connection

LOCAL = "tokensh.local"
VISIBLE_SCHEMA = DEFAULT[-1]
_FIRST_OID = 16_384
"""Where PostgreSQL begins to number the objects of users."""
_SYSTEM = re.compile(r"\b(?:pg_catalog\s*\.\s*)?pg_[a-z_]+\b|\binformation_schema\s*\.", re.IGNORECASE)
_TABLES = re.compile(
    r"\b(?:FROM|JOIN)\s+(?:ONLY\s+)?(?:(pg_catalog|information_schema)\s*\.\s*)?\"?(\w+)\"?", re.IGNORECASE
)
_MORE_TABLES = re.compile(r",\s*(pg_catalog)\s*\.\s*(pg_\w+)", re.IGNORECASE)
_GDESC = re.compile(r"(?s)FROM \(VALUES (.*)\) s\(name, tp, tpm\)")  # psql's \gdesc
_GDESC_ROW = re.compile(r"\(('(?:[^']|'')*'),\s*'(\d+)'")
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
# Over the reversed text, so that the alias is at the beginning and is looked for once.
_ALIAS = re.compile(r"(?is)(\"(?:[^\"]|\"\")+\"|\w+)\s+(?:SA\s+)?(?=\S)")
_NAME = re.compile(r"(?i)(?:\w+\s*\.\s*)*\"?(\w+)\"?$")


@dataclass(frozen=True, slots=True)
class Relation:
    """A table of the catalog; `visible`: its name needs no schema."""

    oid: int
    schema: str
    name: str
    is_view: bool
    columns: tuple[Column, ...]
    visible: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a query of the catalog: names and types of its columns, and rows."""

    columns: tuple[tuple[str, int], ...]
    rows: Sequence[Sequence[Value]]


Facts = Mapping[str, Value]


def asks_catalog(query: str) -> bool:
    """Return whether a query reads PostgreSQL's catalog."""
    bare = _QUOTED.sub("''", query)
    return any(schema or table.lower().startswith("pg_") for schema, table in _TABLES.findall(bare)) or (
        _SYSTEM.search(bare) is not None and not _TABLES.search(bare)
    )


def answer_catalog(query: str, values: Sequence[Value], connection: Connection, database: str) -> Answer:
    """Answer a query of the catalog; `values` are those of `$1` and so on."""
    query = _fill_in(query, values)
    if gdesc := _GDESC.search(query):
        names = [
            (text[1:-1].replace("''", "'"), NAMES.get(int(number), number))
            for text, number in _GDESC_ROW.findall(gdesc[1])
        ]
        return Answer((("Column", TEXT), ("Type", TEXT)), names)
    rest = _QUOTED.sub("''", _outermost(query))
    tables = [table.lower() for _, table in (*_TABLES.findall(rest), *_MORE_TABLES.findall(rest))]
    outputs = list(_read_outputs(query))
    # The types are those of all rows, so that they do not depend on the conditions' values.
    found = [
        (_matches(query, facts), tuple(_find_value(expression, name, facts) for expression, name in outputs))
        for facts in _find_rows(tables, connection, database)
    ]
    columns = tuple((name, _find_type([row[i] for _, row in found])) for i, (_, name) in enumerate(outputs))
    return Answer(columns, [row for matches, row in found if matches])


def _fill_in(query: str, values: Sequence[Value]) -> str:
    def fill(match: re.Match[str]) -> str:
        at = int(match[1]) - 1
        value = values[at] if at < len(values) else None
        if isinstance(value, str) and value.startswith("{") and value.endswith("}"):  # an array
            return f"ARRAY[{', '.join(_quote(item.strip(chr(34))) for item in value[1:-1].split(','))}]"
        return "NULL" if value is None else _quote(str(value))

    return re.sub(r"\$(\d{1,4})", fill, query)


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _find_type(cells: Sequence[Value]) -> int:
    kinds = {type(cell) for cell in cells if cell is not None}
    return BOOL if kinds == {bool} else INT8 if kinds == {int} else TEXT


# ---- rows


def _find_rows(tables: Sequence[str], connection: Connection, database: str) -> Iterator[Facts]:
    """Yield what the rows of a query are about; the table with the finest rows decides."""
    known = set(tables)
    if known & {"pg_attribute", "columns"}:
        for relation in list_relations(connection):
            for number, column in enumerate(relation.columns, 1):
                yield {**_describe_relation(relation, database), **_describe_column(column, number)}
    elif known & _EMPTY:
        return
    elif known & {"pg_class", "tables", "views", "pg_tables", "pg_views", "pg_stat_user_tables"}:
        for relation in list_relations(connection):
            if relation.is_view or not known & {"views", "pg_views"}:
                yield _describe_relation(relation, database)
    elif known & {"pg_namespace", "schemata"}:
        for number, schema in enumerate(list_schemas(connection)):
            yield {
                "oid": number + 1,
                "nspname": schema,
                "schema_name": schema,
                "name": schema,
                "catalog_name": database,
            }
    elif "pg_database" in known:
        yield {"oid": 1, "datname": database, "name": database, "datallowconn": True, "datistemplate": False}
    elif not known:
        yield {}


_EMPTY = {
    "pg_attrdef", "pg_constraint", "pg_depend", "pg_description", "pg_enum", "pg_event_trigger", "pg_extension",
    "pg_foreign_table", "pg_index", "pg_indexes", "pg_inherits", "pg_policy", "pg_proc", "pg_publication", "pg_range",
    "pg_rewrite", "pg_sequence", "pg_statistic_ext", "pg_trigger", "pg_type",
    "table_constraints", "key_column_usage", "referential_constraints", "routines", "sequences", "triggers",
}  # fmt: skip
"""Tables that have no rows here: a query that begins with one of them has none either."""


def list_schemas(connection: Connection) -> list[str]:
    """Return the schemas: the services, those of other providers with the provider's name, and that of local tables."""
    own, _ = DEFAULT
    names = [
        service.name if provider.name == own else f"{provider.name}.{service.name}"
        for provider in connection.catalog.providers()
        for service in connection.catalog.services(provider.name)
    ]
    return [*names, LOCAL]


def list_relations(connection: Connection) -> Iterator[Relation]:
    """Yield the resources, then the local tables and views."""
    number = _FIRST_OID
    own, _ = DEFAULT
    for provider in connection.catalog.providers():
        for service in connection.catalog.services(provider.name):
            schema = service.name if provider.name == own else f"{provider.name}.{service.name}"
            for resource in connection.catalog.resources(provider.name, service.name):
                number += 1
                methods = resource.methods_for("SELECT")
                columns = (
                    tuple(scan.column for scan in scan_columns(resource, methods) if scan.visible) if methods else ()
                )
                yield Relation(number, schema, resource.name, False, columns, schema == VISIBLE_SCHEMA)
    for full_name in connection.objects.names():
        number += 1
        found = connection.objects.find(full_name)
        if found is None:
            continue
        stored = connection.objects.find_stored(full_name) if isinstance(found, View) else None
        columns = (stored.columns if stored else ()) if isinstance(found, View) else found.columns
        yield Relation(
            number,
            LOCAL,
            full_name.removeprefix(f"{LOCAL}."),
            isinstance(found, View),
            columns,
            not full_name.startswith(f"{LOCAL}."),
        )


def _describe_relation(relation: Relation, database: str) -> dict[str, Value]:
    kind = "view" if relation.is_view else "table"
    return {
        "oid": relation.oid, "attrelid": relation.oid, "table_oid": relation.oid,
        "relname": relation.name, "table_name": relation.name, "tablename": relation.name, "viewname": relation.name,
        "name": relation.name, "table": relation.name,
        "nspname": relation.schema, "table_schema": relation.schema, "schema": relation.schema,
        "schemaname": relation.schema, "table_schem": relation.schema,
        "table_catalog": database, "table_cat": database,
        "relkind": "v" if relation.is_view else "r", "kind": "v" if relation.is_view else "r",
        "type": kind, "table_type": "VIEW" if relation.is_view else "BASE TABLE",
        "owner": "tokensh", "relowner": 10, "tableowner": "tokensh", "relpersistence": "p", "relreplident": "d",
        "relnatts": len(relation.columns), "relispartition": False, "relhasindex": False, "relhasrules": False,
        "relhastriggers": False, "relrowsecurity": False, "relforcerowsecurity": False, "relhasoids": False,
        "visible": relation.visible,
        "relchecks": 0, "reltablespace": 0, "amname": "heap",
    }  # fmt: skip


def _describe_column(column: Column, number: int) -> dict[str, Value]:
    type_number = TYPES[column.type]
    kind = NAMES[type_number]
    return {
        "attname": column.name, "column_name": column.name, "name": column.name, "column": column.name,
        "attnum": number, "ordinal_position": number, "atttypid": type_number, "atttypmod": -1,
        "attlen": SIZES.get(type_number, -1), "typname": kind,
        "format_type": kind, "data_type": kind, "type": kind, "udt_name": kind,
        "attnotnull": False, "not_null": False, "is_nullable": "YES", "attisdropped": False, "atthasdef": False,
        "attidentity": "", "attgenerated": "", "generated": "",
    }  # fmt: skip


# ---- conditions

_CONDITION = re.compile(
    r"(?is)(?:\w+\s*\.\s*)?\"?\b(relname|nspname|oid|attrelid|relkind|table_name|table_schema|tablename|schemaname|schema_name|attname)\"?"
    r"(?:::\w+)?\s*(<>|!=|!~~?|=\s*ANY|NOT\s+IN|NOT\s+LIKE|IN|LIKE|=|~~?|OPERATOR\s*\(\s*pg_catalog\.(?:!?~|=)\s*\))\s*"
    r"(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|ARRAY\s*\[[^\]]*\]|'(?:[^']|'')*'|\d+)"
)
_LITERAL = re.compile(r"'((?:[^']|'')*)'|\b(\d+)\b")


def _matches(query: str, facts: Facts) -> bool:
    if not facts.get("visible", True) and "pg_table_is_visible" in _outermost(query):
        return False
    return all(_agrees(facts, *condition) for condition in _CONDITION.findall(query))


def _agrees(facts: Facts, name: str, operator: str, operand: str) -> bool:
    """Return whether a row agrees with one comparison; with one that cannot be judged, it does."""
    if name.lower() not in facts or "select" in operand.lower():
        return True
    value = str(facts[name.lower()])
    literals = [text.replace("''", "'") or number for text, number in _LITERAL.findall(operand)]
    operator = re.sub(r"\s+", " ", operator.upper())
    negative = operator.startswith(("<>", "!", "NOT")) or "!~" in operator
    if "LIKE" in operator or operator in ("~~", "!~~"):
        patterns = [re.escape(text.replace("\\_", "_")).replace("%", ".*").replace("_", ".") for text in literals]
        return negative is not any(re.fullmatch(pattern, value) for pattern in patterns)
    if "~" in operator:
        return negative is not any(_matches_pattern(text, value) for text in literals)
    return negative is not (value in literals)


def _matches_pattern(pattern: str, value: str) -> bool:
    # psql writes `^(name)$` with `.*` for `*`; anything else is compared as it is.
    wanted = re.fullmatch(r"\^\((.*)\)\$", pattern)
    if wanted is None:
        return value.startswith(pattern.removeprefix("^")) if pattern.startswith("^") else pattern in value
    pieces = wanted[1].replace("\\", "").split(".*")
    return re.fullmatch(".*".join(map(re.escape, pieces)), value) is not None


# ---- outputs


def _outermost(query: str) -> str:
    """Return a query without what is in parentheses after FROM... of its select list, which is about something else."""
    start, end = _select_list(query)
    return query[end:] if start < end else query


def _select_list(query: str) -> tuple[int, int]:
    """Return where the select list begins and ends."""
    found = re.search(r"(?i)\bSELECT\s+(?:DISTINCT\s+(?:ON\s*\([^)]*\)\s*)?)?", query)
    if found is None:
        return 0, 0
    for at, word in _walk(query, found.end()):
        if word.upper() in ("FROM", "WHERE", "UNION", "ORDER", "LIMIT"):
            return found.end(), at
    return found.end(), len(query)


def _walk(query: str, start: int) -> Iterator[tuple[int, str]]:
    """Yield the words and commas of a query outside of quotes and parentheses."""
    depth = 0
    for match in re.finditer(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[()\[\],;]|\w+", query[start:]):
        word = match[0]
        if word in "([":
            depth += 1
        elif word in ")]":
            depth -= 1
        elif depth == 0 and word[0] not in "'\"":
            yield start + match.start(), word


def _read_outputs(query: str) -> Iterator[tuple[str, str]]:
    """Yield the expressions of the select list with the names of their columns."""
    start, end = _select_list(query)
    cuts = [at for at, word in _walk(query[:end], start) if word in (",", ";")]
    for left, right in zip([start, *(at + 1 for at in cuts)], [*cuts, end], strict=True):
        text = query[left:right].strip().rstrip(";").strip()
        if not text:
            continue
        alias = _ALIAS.match(text[::-1])
        if alias and alias[1][::-1].upper() not in ("END", "NULL"):
            yield text[: -alias.end()].strip(), alias[1][::-1].strip('"')
        else:
            yield text, _default_name(text)


def _default_name(text: str) -> str:
    """Return the name that PostgreSQL gives a column without an alias."""
    text = re.sub(r"::[\w\s.]+(?:\[\])?$", "", text)
    if text.upper().startswith("CASE"):
        return "case"
    call = re.match(r"(?:\w+\s*\.\s*)*(\w+)\s*\(", text)
    plain = _NAME.match(text)
    return plain[1] if plain else call[1].lower() if call else "?column?"


_FUNCTIONS: Mapping[str, Callable[[Facts], Value]] = {
    "format_type": lambda facts: facts.get("format_type"),
    "pg_get_userbyid": lambda _facts: "tokensh",
    "pg_table_is_visible": lambda _facts: True,
    "pg_encoding_to_char": lambda _facts: "UTF8",
}


def _find_value(expression: str, name: str, facts: Facts) -> Value:
    """Return a cell: a literal, a fact with the expression's name or else the column's, NULL for what is not known."""
    literal = re.fullmatch(r"(?is)'((?:[^']|'')*)'(?:::[\w.\s]+)?|(\d+)|(true|false)|NULL(?:::[\w.\s]+)?", expression)
    if literal:
        if literal[3]:
            return literal[3].lower() == "true"
        return literal[1].replace("''", "'") if literal[1] is not None else int(literal[2]) if literal[2] else None
    bare = re.sub(r"::[\w.\s]+(?:\[\])?$", "", expression).strip()
    plain = _NAME.match(bare)
    if plain and plain[1].lower() in facts:
        return facts[plain[1].lower()]
    call = re.match(r"(?is)(?:pg_catalog\s*\.\s*)?(\w+)\s*\(", bare)
    if call and call[1].lower() in _FUNCTIONS:
        return _FUNCTIONS[call[1].lower()](facts)
    if bare.startswith("(") or (call and call[1].lower() != "coalesce"):
        return None  # a subquery, or a function of PostgreSQL's that describes what is not here
    if name.lower() in facts:
        return facts[name.lower()]
    return "" if name == "case" else None  # what psql takes for nothing
