"""What browsers of tables and dashboards send when they start, as recorded statements: answered as by a database without keys.

The statements are those of DBeaver 25 (and pgjdbc, which it connects with), of Grafana 12's editor of queries, and of psql 16.
"""

from __future__ import annotations

import pytest

from tokensh.sandbox import Sandbox

pytest.importorskip("pygwire", reason="needs tokensh[interfaces] and Python 3.11")
import psycopg

from tests.interfaces.pgwire_server import serve

pytestmark = pytest.mark.interfaces

SEARCH_PATH = """(
  SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
  FROM generate_series(
      array_lower(string_to_array(current_setting('search_path'), ','), 1),
      array_upper(string_to_array(current_setting('search_path'), ','), 1)
    ) AS i,
    string_to_array(current_setting('search_path'), ',') s)"""

# Statements, with the columns that they select or the first of them, the number of rows (None: some), and a row among them.
DBEAVER = [
    ("SET extra_float_digits = 3", [], 0, None),
    ("SET application_name = 'DBeaver 25.1.5 - Main <tokens>'", [], 0, None),
    ("SELECT current_schema(),session_user", ["current_schema", "session_user"], 1, ("workspace", "me")),
    ("SELECT version()", ["version"], 1, None),
    ("SHOW search_path", ["search_path"], 1, ("workspace",)),
    ("SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE datname='tokens'", ["oid", "oid", "datname"], 1, None),
    (
        "SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE 1=1 AND datallowconn AND NOT datistemplate"
        " OR db.datname='tokens' ORDER BY db.datname",
        ["oid", "oid", "datname"],
        1,
        None,
    ),
    (
        "SELECT * FROM pg_catalog.pg_settings where name='standard_conforming_strings'",
        ["name", "setting"],
        1,
        None,
    ),
    (
        "select string_agg(word, ',') from pg_catalog.pg_get_keywords() where word <> ALL ('{a,abs,absolute}'::text[])",
        ["string_agg"],
        1,
        (None,),
    ),
    ("SELECT * FROM pg_catalog.pg_enum WHERE 1<>1 LIMIT 1", [], 0, None),
    ("SELECT reltype FROM pg_catalog.pg_class WHERE 1<>1 LIMIT 1", ["reltype"], 0, None),
    (
        "SELECT n.oid,n.*,d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN pg_catalog.pg_description d"
        " ON d.objoid=n.oid AND d.objsubid=0 AND d.classoid='pg_namespace'::regclass ORDER BY nspname",
        ["oid", "oid", "nspname", "nspowner", "nspacl", "description"],
        None,
        (2, 2, "workspace", 10, None, None),
    ),
    (
        "SELECT t.oid,t.*,c.relkind,format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name, d.description"
        " FROM pg_catalog.pg_type t LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid=t.typelem"
        " LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid=t.typrelid"
        " LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid=d.objoid"
        " WHERE t.typname IS NOT NULL AND (c.relkind IS NULL OR c.relkind = 'c')"
        " AND (et.typcategory IS NULL OR et.typcategory <> 'C')",
        ["oid", "oid", "typname"],
        6,
        None,
    ),
    (
        "SELECT n.nspname = ANY(current_schemas(true)), n.nspname, t.typname FROM pg_catalog.pg_type t"
        " JOIN pg_catalog.pg_namespace n ON t.typnamespace = n.oid WHERE t.oid = 1034",
        ["?column?", "nspname", "typname"],
        0,
        None,
    ),
    (
        "SELECT typinput='pg_catalog.array_in'::regproc as is_array, typtype, typname, pg_type.oid FROM pg_catalog.pg_type"
        " LEFT JOIN (select ns.oid as nspoid, ns.nspname, r.r from pg_namespace as ns join"
        " (select s.r, (current_schemas(false))[s.r] as nspname"
        " from generate_series(1, array_upper(current_schemas(false), 1)) as s(r)) as r using (nspname)) as sp"
        " ON sp.nspoid = typnamespace WHERE pg_type.oid = 20 ORDER BY sp.r, pg_type.oid DESC",
        ["is_array", "typtype", "typname", "oid"],
        1,
        (None, "b", "int8", 20),
    ),
    (
        "SELECT c.oid,c.*,d.description,pg_catalog.pg_get_expr(c.relpartbound, c.oid) as partition_expr,"
        " pg_catalog.pg_get_partkeydef(c.oid) as partition_key FROM pg_catalog.pg_class c"
        " LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 AND d.classoid='pg_class'::regclass"
        " WHERE c.relnamespace=2 AND c.relkind not in ('i','I','c')",
        ["oid", "oid", "relname"],
        None,
        None,
    ),
    (
        "select c.oid,pg_catalog.pg_total_relation_size(c.oid) as total_rel_size,pg_catalog.pg_relation_size(c.oid) as rel_size"
        " FROM pg_class c WHERE c.relnamespace=2",
        ["oid", "total_rel_size", "rel_size"],
        None,
        None,
    ),
    (
        "SELECT c.relname,a.*,pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) as def_value,dsc.description,dep.objid"
        " FROM pg_catalog.pg_attribute a INNER JOIN pg_catalog.pg_class c ON (a.attrelid=c.oid)"
        " LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid=ad.adrelid AND a.attnum = ad.adnum)"
        " LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid)"
        " LEFT OUTER JOIN pg_depend dep on dep.refobjid = a.attrelid AND dep.deptype = 'i' and dep.refobjsubid = a.attnum"
        " and dep.classid = dep.refclassid WHERE NOT a.attisdropped AND c.relname='user_tokens' ORDER BY a.attnum",
        ["relname", "attrelid", "attname"],
        5,
        None,
    ),
    (
        "SELECT i.*,i.indkey as keys,c.relname,c.relnamespace,c.relam,c.reltablespace,tc.relname as tabrelname,dsc.description,"
        "pg_catalog.pg_get_expr(i.indpred, i.indrelid) as pred_expr,pg_catalog.pg_relation_size(i.indexrelid) as index_rel_size"
        " FROM pg_catalog.pg_index i INNER JOIN pg_catalog.pg_class c ON c.oid=i.indexrelid"
        " INNER JOIN pg_catalog.pg_class tc ON tc.oid=i.indrelid"
        " LEFT OUTER JOIN pg_catalog.pg_description dsc ON i.indexrelid=dsc.objoid"
        " WHERE i.indrelid=16392 ORDER BY tabrelname, c.relname",
        [],
        0,
        None,
    ),
    (
        "SELECT c.oid,c.*,t.relname as tabrelname,rt.relnamespace as refnamespace,d.description, case when c.contype='c'"
        ' then "substring"(pg_get_constraintdef(c.oid), 7) else null end consrc_copy FROM pg_catalog.pg_constraint c'
        " INNER JOIN pg_catalog.pg_class t ON t.oid=c.conrelid LEFT OUTER JOIN pg_catalog.pg_class rt ON rt.oid=c.confrelid"
        " LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0"
        " AND d.classoid='pg_constraint'::regclass WHERE c.conrelid=16392 ORDER BY c.oid",
        ["oid"],
        0,
        None,
    ),
]
GRAFANA = [
    ("SELECT 1", ["1"], 1, (1,)),
    ("SELECT current_setting('server_version_num')::int/100 as version", ["version"], 1, (1600,)),
    ("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'", ["extversion"], 0, None),
    (
        f"""SELECT CASE WHEN quote_ident(table_schema) IN {SEARCH_PATH} THEN quote_ident(table_name)
              ELSE quote_ident(table_schema) || '.' || quote_ident(table_name) END AS "table"
            FROM information_schema.tables
            WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog', '_timescaledb_cache')
            ORDER BY CASE WHEN quote_ident(table_schema) IN {SEARCH_PATH} THEN 0 ELSE 1 END, 1""",
        ["table"],
        None,
        ("user_tokens",),
    ),
    *(
        (
            f"""SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns
                WHERE CASE WHEN array_length(parse_ident('{table}'), 1) = 2
                  THEN quote_ident(table_schema) = (parse_ident('{table}'))[1]
                    AND quote_ident(table_name) = (parse_ident('{table}'))[2]
                  ELSE quote_ident(table_name) = '{table}' AND quote_ident(table_schema) IN {SEARCH_PATH} END""",
            ["column", "type"],
            count,
            row,
        )
        for table, count, row in (
            ("user_tokens", 5, ("expiry_time", "bigint")),
            ("workspace.user_tokens", 5, ("comment", "text")),
            ("settings.user_tokens", 0, None),
        )
    ),
]
PSQL = [
    (
        "SELECT pubname, NULL, NULL FROM pg_catalog.pg_publication p WHERE p.puballtables"
        " AND pg_catalog.pg_relation_is_publishable('16392') ORDER BY 1",
        ["pubname", "?column?", "?column?"],
        0,
        None,
    ),
    (
        'SELECT n.nspname AS "Name", pg_catalog.array_to_string(n.nspacl, E\'\\n\') AS "Access privileges"'
        " FROM pg_catalog.pg_namespace n WHERE n.nspname OPERATOR(pg_catalog.~) '^(work.*)$' COLLATE pg_catalog.default",
        ["Name", "Access privileges"],
        1,
        ("workspace", None),
    ),
    (
        "SELECT count(*) FROM pg_catalog.pg_class c, pg_catalog.pg_inherits i WHERE c.oid = i.inhrelid",
        ["count"],
        1,
        (0,),
    ),
    ("SELECT relname FROM pg_class WHERE relname LIKE 'user\\_t%' AND oid = '16392'::oid", ["relname"], None, None),
    ("SELECT nothing_of_this_language FROM pg_class GROUPING", ["nothing_of_this_language"], 0, None),
]


@pytest.mark.parametrize("recorded", [DBEAVER, GRAFANA, PSQL], ids=["dbeaver", "grafana", "psql"])
def test_recorded_statements_are_answered(
    site: Sandbox, recorded: list[tuple[str, list[str], int | None, tuple[object, ...] | None]]
) -> None:
    with serve() as server, server.psycopg() as connection:
        for statement, names, count, row in recorded:
            for prepare in (False, True):  # the types that are told before must be those of the rows
                cursor = connection.execute(statement, prepare=prepare, binary=prepare)
                if cursor.description is None:
                    assert not names
                    continue
                rows = cursor.fetchall()
                found = [column.name for column in cursor.description]
                assert found[: len(names)] == names, statement
                assert len(rows) == count if count is not None else rows, (statement, rows)
                assert row is None or row in rows, (statement, rows)


@pytest.mark.parametrize(
    "statement", ["DELETE FROM pg_class", "SELECT (( FROM pg_class", "CREATE TABLE pg_catalog.t (a int)"]
)
def test_what_does_not_read_the_catalog_is_an_error(site: Sandbox, statement: str) -> None:
    with serve() as server, server.psycopg() as connection, pytest.raises(psycopg.Error) as caught:
        connection.execute(statement)
    assert caught.value.sqlstate in ("0A000", "25006", "42601"), caught.value
