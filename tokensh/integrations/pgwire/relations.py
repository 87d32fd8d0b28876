"""What PostgreSQL's system catalog has rows about here: schemas, tables and columns; keys, indexes and the rest do not exist.

The columns of the tables are those of PostgreSQL 16's manual, chapters 53 (system catalogs) and 37 (information schema).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tokensh._dataclasses import dataclass
from tokensh.integrations.pgwire.utilities import Settings
from tokensh.integrations.pgwire.values import BOOL, BYTEA, FLOAT8, INT8, JSON, NAMES, SIZES, TEXT, TYPES
from tokensh.plan.method_resolution import scan_columns
from tokensh.plan.objects import View
from tokensh.provider.catalog import DEFAULT
from tokensh.rows import Column, Value

if TYPE_CHECKING:
    from tokensh.dbapi.connection import Connection

LOCAL = "tokensh.local"
VISIBLE_SCHEMA = DEFAULT[-1]
OWNER = "tokensh"
_OWNER_OID = 10
_FIRST_OID = 16_384
"""Where PostgreSQL begins to number the objects of users."""
_TYPE_NAMES = {BOOL: "bool", BYTEA: "bytea", INT8: "int8", TEXT: "text", JSON: "json", FLOAT8: "float8"}
_CATEGORIES = {BOOL: "B", INT8: "N", FLOAT8: "N", TEXT: "S"}

Facts = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view: its numbers, its schema, and its columns."""

    oid: int
    schema_oid: int
    schema: str
    name: str
    is_view: bool
    columns: tuple[Column, ...]


def _list_schemas(connection: Connection) -> dict[str, int]:
    """Return the numbers of the schemas: the services, those of other providers with the provider's name, and local tables."""
    names = [_name_schema(*service) for service in _list_services(connection)]
    return {name: number for number, name in enumerate([*names, LOCAL], 1)}


def _list_services(connection: Connection) -> Iterator[tuple[str, str]]:
    for provider in connection.catalog.providers():
        for service in connection.catalog.services(provider.name):
            yield provider.name, service.name


def _name_schema(provider: str, service: str) -> str:
    return service if provider == DEFAULT[0] else f"{provider}.{service}"


def _list_relations(connection: Connection) -> Iterator[Relation]:
    """Yield the resources, then the local tables and views."""
    schemas = _list_schemas(connection)
    number = _FIRST_OID
    for provider, service in _list_services(connection):
        schema = _name_schema(provider, service)
        for resource in connection.catalog.resources(provider, service):
            number += 1
            methods = resource.methods_for("SELECT")
            scans = scan_columns(resource, methods) if methods else ()
            columns = tuple(scan.column for scan in scans if scan.visible)
            yield Relation(number, schemas[schema], schema, resource.name, False, columns)
    for full_name in connection.objects.names():
        number += 1
        found = connection.objects.find(full_name)
        if found is None:
            continue
        is_view = isinstance(found, View)
        stored = connection.objects.find_stored(full_name) if isinstance(found, View) else found
        name = full_name.removeprefix(f"{LOCAL}.")
        yield Relation(number, schemas[LOCAL], LOCAL, name, is_view, stored.columns if stored else ())


def _describe_schemas(connection: Connection, settings: Settings) -> Iterator[Facts]:
    for schema, number in _list_schemas(connection).items():
        yield {
            "oid": number, "nspname": schema, "nspowner": _OWNER_OID,
            "catalog_name": settings.database, "schema_name": schema, "schema_owner": OWNER,
        }  # fmt: skip


def _describe_relations(connection: Connection, settings: Settings) -> Iterator[Facts]:
    for relation in _list_relations(connection):
        yield {
            "oid": relation.oid, "relname": relation.name, "relnamespace": relation.schema_oid,
            "relkind": "v" if relation.is_view else "r", "relowner": _OWNER_OID, "relam": 0 if relation.is_view else 2,
            "relnatts": len(relation.columns), "relpersistence": "p", "relreplident": "d", "reltuples": -1, "relpages": 0,
            "reltoastrelid": 0, "reltablespace": 0, "relchecks": 0, "reltype": 0, "reloftype": 0, "relfilenode": 0,
            "relallvisible": 0, "relfrozenxid": 0, "relminmxid": 0, "relispopulated": True, "relrewrite": 0,
            "relhasindex": False, "relhasrules": False, "relhastriggers": False, "relrowsecurity": False,
            "relforcerowsecurity": False, "relhassubclass": False, "relispartition": False, "relisshared": False,
            "relhasoids": False,
            "table_catalog": settings.database, "table_schema": relation.schema, "table_name": relation.name,
            "table_type": "VIEW" if relation.is_view else "BASE TABLE", "is_insertable_into": "NO", "is_typed": "NO",
            "schemaname": relation.schema, "tablename": relation.name, "viewname": relation.name, "relid": relation.oid,
            "tableowner": OWNER, "viewowner": OWNER, "hasindexes": False, "hasrules": False, "hastriggers": False,
            "rowsecurity": False,
        }  # fmt: skip


def _describe_views(connection: Connection, settings: Settings) -> Iterator[Facts]:
    return (facts for facts in _describe_relations(connection, settings) if facts["relkind"] == "v")


def _describe_columns(connection: Connection, settings: Settings) -> Iterator[Facts]:
    for relation in _list_relations(connection):
        for number, column in enumerate(relation.columns, 1):
            type_number = TYPES[column.type]
            yield {
                "attrelid": relation.oid, "attname": column.name, "atttypid": type_number, "attnum": number,
                "attlen": SIZES.get(type_number, -1), "atttypmod": -1, "attndims": 0, "attcacheoff": -1,
                "attnotnull": False, "atthasdef": False, "atthasmissing": False, "attisdropped": False, "attislocal": True,
                "attidentity": "", "attgenerated": "", "attinhcount": 0, "attcollation": 0, "attstattarget": -1,
                "attstorage": "p", "attcompression": "", "attbyval": False, "attalign": "i",
                "table_catalog": settings.database, "table_schema": relation.schema, "table_name": relation.name,
                "column_name": column.name, "ordinal_position": number, "is_nullable": "YES",
                "data_type": NAMES[type_number], "udt_catalog": settings.database, "udt_schema": "pg_catalog",
                "udt_name": _TYPE_NAMES[type_number], "is_identity": "NO", "is_generated": "NEVER", "is_updatable": "NO",
            }  # fmt: skip


def _describe_types(_connection: Connection, _settings: Settings) -> Iterator[Facts]:
    for number, name in _TYPE_NAMES.items():
        yield {
            "oid": number, "typname": name, "typnamespace": 11, "typowner": _OWNER_OID, "typlen": SIZES.get(number, -1),
            "typbyval": number in SIZES, "typtype": "b", "typcategory": _CATEGORIES.get(number, "U"),
            "typispreferred": False, "typisdefined": True, "typdelim": ",", "typrelid": 0, "typelem": 0, "typarray": 0,
            "typbasetype": 0, "typtypmod": -1, "typndims": 0, "typcollation": 0, "typnotnull": False,
        }  # fmt: skip


def _describe_databases(_connection: Connection, settings: Settings) -> Iterator[Facts]:
    yield {
        "oid": 1, "datname": settings.database, "datdba": _OWNER_OID, "encoding": 6, "datlocprovider": "c", "datistemplate": False,
        "datallowconn": True, "datconnlimit": -1, "datcollate": "C", "datctype": "C", "dattablespace": 1663,
    }  # fmt: skip


def _describe_roles(_connection: Connection, _settings: Settings) -> Iterator[Facts]:
    yield {
        "oid": _OWNER_OID, "rolname": OWNER, "rolsuper": False, "rolinherit": True, "rolcreaterole": False,
        "rolcreatedb": False, "rolcanlogin": True, "rolreplication": False, "rolconnlimit": -1, "rolbypassrls": False,
    }  # fmt: skip


def _describe_settings(_connection: Connection, settings: Settings) -> Iterator[Facts]:
    for name, value in settings.list_all():
        yield {"name": name, "setting": value, "context": "user", "vartype": "string", "source": "default"}


def _describe_methods(_connection: Connection, _settings: Settings) -> Iterator[Facts]:
    yield {"oid": 2, "amname": "heap", "amtype": "t"}


_SOURCES: dict[str, tuple[Callable[[Connection, Settings], Iterator[Facts]], str]] = {
    "pg_namespace": (_describe_schemas, "oid nspname nspowner nspacl"),
    "pg_class": (
        _describe_relations,
        "oid relname relnamespace reltype reloftype relowner relam relfilenode reltablespace relpages reltuples"
        " relallvisible reltoastrelid relhasindex relisshared relpersistence relkind relnatts relchecks relhasrules"
        " relhastriggers relhassubclass relrowsecurity relforcerowsecurity relispopulated relreplident relispartition"
        " relrewrite relfrozenxid relminmxid relacl reloptions relpartbound",
    ),
    "pg_attribute": (
        _describe_columns,
        "attrelid attname atttypid attlen attnum attcacheoff atttypmod attndims attbyval attalign attstorage"
        " attcompression attnotnull atthasdef atthasmissing attidentity attgenerated attisdropped attislocal attinhcount"
        " attstattarget attcollation attacl attoptions attfdwoptions attmissingval",
    ),
    "pg_type": (
        _describe_types,
        "oid typname typnamespace typowner typlen typbyval typtype typcategory typispreferred typisdefined typdelim"
        " typrelid typsubscript typelem typarray typinput typoutput typreceive typsend typmodin typmodout typanalyze"
        " typalign typstorage typnotnull typbasetype typtypmod typndims typcollation typdefaultbin typdefault typacl",
    ),
    "pg_database": (
        _describe_databases,
        "oid datname datdba encoding datlocprovider datistemplate datallowconn datconnlimit datfrozenxid datminmxid"
        " dattablespace datcollate datctype daticulocale daticurules datcollversion datacl",
    ),
    "pg_roles": (
        _describe_roles,
        "rolname rolsuper rolinherit rolcreaterole rolcreatedb rolcanlogin rolreplication rolconnlimit rolpassword"
        " rolvaliduntil rolbypassrls rolconfig oid",
    ),
    "pg_am": (_describe_methods, "oid amname amhandler amtype"),
    "pg_settings": (
        _describe_settings,
        "name setting unit category short_desc extra_desc context vartype source min_val max_val enumvals boot_val reset_val"
        " sourcefile sourceline pending_restart",
    ),
    "pg_tables": (
        _describe_relations,
        "schemaname tablename tableowner tablespace hasindexes hasrules hastriggers rowsecurity",
    ),
    "pg_views": (_describe_views, "schemaname viewname viewowner definition"),
    "pg_stat_user_tables": (_describe_relations, "relid schemaname relname"),
    "information_schema.schemata": (_describe_schemas, "catalog_name schema_name schema_owner"),
    "information_schema.tables": (
        _describe_relations,
        "table_catalog table_schema table_name table_type self_referencing_column_name reference_generation"
        " user_defined_type_catalog user_defined_type_schema user_defined_type_name is_insertable_into is_typed"
        " commit_action",
    ),
    "information_schema.views": (
        _describe_views,
        "table_catalog table_schema table_name view_definition check_option is_updatable is_insertable_into",
    ),
    "information_schema.columns": (
        _describe_columns,
        "table_catalog table_schema table_name column_name ordinal_position column_default is_nullable data_type"
        " character_maximum_length character_octet_length numeric_precision numeric_precision_radix numeric_scale"
        " datetime_precision interval_type character_set_name collation_name domain_name udt_catalog udt_schema udt_name"
        " dtd_identifier is_self_referencing is_identity is_generated generation_expression is_updatable",
    ),
}
"""For each table that has rows: what describes them, and its columns."""

BOOLEANS = frozenset(
    [
        "relhasindex",
        "relhasrules",
        "relhastriggers",
        "relhassubclass",
        "relrowsecurity",
        "relforcerowsecurity",
        "relispopulated",
        "relispartition",
        "relisshared",
        "relhasoids",
        "attbyval",
        "attnotnull",
        "atthasdef",
        "atthasmissing",
        "attisdropped",
        "attislocal",
        "typbyval",
        "typispreferred",
        "typisdefined",
        "typnotnull",
        "datistemplate",
        "datallowconn",
        "rolsuper",
        "rolinherit",
        "rolcreaterole",
        "rolcreatedb",
        "rolcanlogin",
        "rolreplication",
        "rolbypassrls",
        "hasindexes",
        "hasrules",
        "hastriggers",
        "rowsecurity",
        "indisunique",
        "indisprimary",
        "indisclustered",
        "indisvalid",
        "indisexclusion",
        "indisreplident",
        "condeferrable",
        "condeferred",
        "convalidated",
        "conislocal",
        "connoinherit",
        "puballtables",
        "pubinsert",
        "pubupdate",
        "pubdelete",
        "pubtruncate",
    ]
)
"""The columns that are booleans, which SQLite does not tell from numbers."""

INTEGERS = frozenset(
    [
        "oid",
        "relnamespace",
        "relowner",
        "relam",
        "relnatts",
        "reltuples",
        "relpages",
        "reltoastrelid",
        "reltablespace",
        "relchecks",
        "reltype",
        "reloftype",
        "relfilenode",
        "relallvisible",
        "relfrozenxid",
        "relminmxid",
        "relrewrite",
        "relid",
        "nspowner",
        "attrelid",
        "atttypid",
        "attnum",
        "attlen",
        "atttypmod",
        "attndims",
        "attcacheoff",
        "attinhcount",
        "attcollation",
        "attstattarget",
        "ordinal_position",
        "typnamespace",
        "typowner",
        "typlen",
        "typrelid",
        "typelem",
        "typarray",
        "typbasetype",
        "typtypmod",
        "typndims",
        "typcollation",
        "datdba",
        "encoding",
        "datconnlimit",
        "dattablespace",
        "rolconnlimit",
        "objoid",
        "objsubid",
        "classoid",
        "adrelid",
        "adnum",
        "indexrelid",
        "indrelid",
        "indnatts",
        "indnkeyatts",
        "conrelid",
        "confrelid",
        "conindid",
        "inhrelid",
        "inhparent",
        "inhseqno",
    ]
)
"""The columns that are numbers; all others are texts."""


def list_columns(table: str) -> Sequence[str]:
    """Return the columns of a table of the catalog; none for one that has no rows here."""
    return _SOURCES[table][1].split() if table in _SOURCES else ()


def list_rows(table: str, connection: Connection, settings: Settings) -> Iterator[Facts]:
    """Yield the rows of a table of the catalog."""
    if table in _SOURCES:
        yield from _SOURCES[table][0](connection, settings)
