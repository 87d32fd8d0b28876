"""What users of PostgreSQL, MySQL, Snowflake, Databricks SQL and T-SQL type, and what it is here: one table.

It is consulted before any edit distance, and only after a statement was refused, so it costs nothing otherwise. Nothing in it is
accepted as typed, and each statement under `instead` is: `tests/plan/test_idioms.py` tries both.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Literal

from tokensh._dataclasses import dataclass
from tokensh.sql.grammar import ParseTable
from tokensh.sql.lexer import Token, significant_tokens

IdiomKind = Literal["opener", "words", "function", "show", "table", "column"]


@dataclass(frozen=True, slots=True)
class Idiom:
    """One idiom of another dialect.

    Attributes:
        kind: where it is looked for: at the start of a statement (`opener`), anywhere in it (`words`), as the name of a function,
            behind SHOW, or as a table in FROM.
        typed: its words. In capitals they stand for themselves, `name`, `1` and `'text'` for any name, number and string, and
            `...` for anything (of an opener only).
        hint: what it is here.
        example: a statement with it.
        instead: the statement that does it here.
    """

    kind: IdiomKind
    typed: str
    hint: str
    example: str
    instead: str


_REVOKE = "DELETE FROM user_tokens WHERE token_id = 'x'"
_REVOKE_HINT = "DELETE FROM user_tokens WHERE token_id = '...' revokes a token"
_CREATE = "INSERT INTO user_tokens (comment, lifetime_seconds) VALUES ('ci', 3600) RETURNING token_value"
_CREATE_HINT = "INSERT INTO user_tokens (comment, lifetime_seconds) VALUES ('...', 3600) RETURNING token_value"
_EXEC = "EXEC user_tokens.revoketoken @token_id = 'x'"
_LATEST = "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY comment) AS n FROM user_tokens) AS t WHERE n = 1"
_ALL = "SELECT * FROM user_tokens"
_FROM = "FROM user_tokens"
_TABLE = "CREATE OR REPLACE TABLE t AS SELECT 1 AS x"
_COPY = "CREATE OR REPLACE TABLE mine AS SELECT * FROM user_tokens"
_GRANT = 'UPDATE token_permissions SET access_control_list = \'[{"user_name": "a", "permission_level": "CAN_USE"}]\''
_GRANT_HINT = "token_permissions holds who may use tokens: UPDATE token_permissions SET access_control_list = '[...]'"
_PARENT_HINT = "name the parts: USE databricks_workspace.workspace"
_SHELL_HINT = "the shell's commands begin with a backslash: \\? lists them"
_LIST_HINT = "the items of a list are rows of json_each(...) in FROM"
_LIST = f"SELECT t.comment, s.value {_FROM} AS t, json_each(t.scopes) AS s"


_NUMBERED = "CREATE OR REPLACE TABLE t (x INTEGER PRIMARY KEY)"
_NUMBERING_HINT = "a column of the type INTEGER PRIMARY KEY numbers the rows by itself"


def _numbering(*words: str) -> tuple[Idiom, ...]:
    """Return the words that make a column number the rows."""
    return tuple(
        Idiom("words", word, _NUMBERING_HINT, f"CREATE TABLE t (x INTEGER PRIMARY KEY {word})", _NUMBERED)
        for word in words
    )


def _objects(verb: str, hint: str, instead: str) -> tuple[Idiom, ...]:
    """Return the idioms of kinds of object that are not offered."""
    kinds = "DATABASE SCHEMA CATALOG FUNCTION PROCEDURE TRIGGER USER ROLE SEQUENCE EXTENSION"
    return tuple(Idiom("opener", f"{verb} {kind}", hint, f"{verb} {kind} x", instead) for kind in kinds.split())


OPENERS = (
    Idiom("opener", "REVOKE", _REVOKE_HINT, "REVOKE TOKEN 'x'", _REVOKE),
    Idiom("opener", "DROP TOKEN", _REVOKE_HINT, "DROP TOKEN 'x'", _REVOKE),
    Idiom("opener", "DELETE name", "write DELETE FROM", "DELETE user_tokens WHERE token_id = 'x'", _REVOKE),
    Idiom("opener", "TRUNCATE", "DELETE FROM t deletes all rows", "TRUNCATE TABLE user_tokens", "DELETE FROM user_tokens"),
    Idiom("opener", "GRANT", _GRANT_HINT, "GRANT CAN_USE ON TOKENS TO a", _GRANT),
    Idiom("opener", "CALL", "write EXEC resource.method @name = value", "CALL user_tokens.revoketoken('x')", _EXEC),
    Idiom("opener", "EXECUTE", "write EXEC resource.method @name = value", "EXECUTE user_tokens.revoketoken", _EXEC),
    Idiom("opener", "EXEC ... (", "arguments are written @name = value", "EXEC user_tokens.revoketoken('x')", _EXEC),
    Idiom("opener", "EXEC ... name =", "an argument is written @name = value", "EXEC user_tokens.revoketoken token_id = 'x'", _EXEC),
    Idiom("opener", "EXEC ... 'text'", "an argument is written @name = value", "EXEC user_tokens.revoketoken 'x'", _EXEC),
    Idiom("opener", "CREATE TOKEN", _CREATE_HINT, "CREATE TOKEN ci", _CREATE),
    *_numbering("AUTOINCREMENT", "AUTO_INCREMENT", "IDENTITY"),
    Idiom("words", "GENERATED ALWAYS AS IDENTITY", _NUMBERING_HINT, "CREATE TABLE t (x int GENERATED ALWAYS AS IDENTITY)", _NUMBERED),
    Idiom("words", "GENERATED ALWAYS AS", "a view computes columns: CREATE VIEW v AS SELECT x, x + 1 AS y FROM t", "CREATE TABLE t (x int, y int GENERATED ALWAYS AS (x + 1))", "CREATE OR REPLACE VIEW v AS SELECT 1 AS x"),
    Idiom("words", "GENERATED BY DEFAULT AS", _NUMBERING_HINT, "CREATE TABLE t (x int GENERATED BY DEFAULT AS IDENTITY)", _NUMBERED),
    Idiom("opener", "CREATE TEMP", "write CREATE TABLE, and DROP TABLE when it is no longer needed", "CREATE TEMP TABLE t AS SELECT 1 AS x", _TABLE),
    Idiom("opener", "CREATE TEMPORARY", "write CREATE TABLE or CREATE VIEW", "CREATE TEMPORARY VIEW v AS SELECT 1 AS x", "CREATE OR REPLACE VIEW v AS SELECT 1 AS x"),
    *_objects("CREATE", "what can be created is a TABLE, a VIEW or a MATERIALIZED VIEW; a token by INSERT INTO user_tokens", _TABLE),
    *_objects("DROP", "what can be dropped is a TABLE, a VIEW or a MATERIALIZED VIEW", "DROP TABLE IF EXISTS t"),
    Idiom("opener", "ALTER", "make it anew: CREATE OR REPLACE TABLE ... AS SELECT ...", "ALTER TABLE t ADD COLUMN x int", _TABLE),
    Idiom("opener", "MERGE", "INSERT INTO ... SELECT ... WHERE NOT EXISTS (...), then UPDATE", "MERGE INTO t USING u ON t.x = u.x WHEN MATCHED THEN DELETE", f"SELECT 1 {_FROM} AS t WHERE NOT EXISTS (SELECT 1)"),
    Idiom("opener", "UPSERT", "REPLACE INTO replaces rows of a local table by key", "UPSERT INTO t VALUES (1)", _TABLE),
    Idiom("opener", "INSERT OVERWRITE", "CREATE OR REPLACE TABLE t AS SELECT ...", "INSERT OVERWRITE t SELECT 1", _TABLE),
    Idiom("opener", "INSERT OR", "INSERT OR REPLACE and INSERT OR IGNORE are for local tables", "INSERT OR ABORT INTO t VALUES (1)", _TABLE),
    Idiom("opener", "COPY", "-o csv -O FILE writes a result to a file; in the shell: \\o FILE", "COPY user_tokens TO 'x.csv'", _ALL),
    Idiom("opener", "DESCRIBE TABLE name", "leave TABLE out: DESCRIBE user_tokens", "DESCRIBE TABLE user_tokens", "DESCRIBE user_tokens"),
    Idiom("opener", "DESC TABLE name", "leave TABLE out: DESCRIBE user_tokens", "DESC TABLE user_tokens", "DESCRIBE user_tokens"),
    Idiom("opener", "DESCRIBE FORMATTED", "DESCRIBE EXTENDED user_tokens shows more", "DESCRIBE FORMATTED user_tokens", "DESCRIBE EXTENDED user_tokens"),
    Idiom("opener", "DESC FORMATTED", "DESCRIBE EXTENDED user_tokens shows more", "DESC FORMATTED user_tokens", "DESCRIBE EXTENDED user_tokens"),
    Idiom("opener", "CONNECT", "-w NAME or -p PROFILE says where to, in the shell \\c NAME", "CONNECT TO 'x'", _ALL),
    Idiom("opener", "LOGIN", "credentials come from ~/.databrickscfg or DATABRICKS_TOKEN", "LOGIN", _ALL),
    Idiom("opener", "VACUUM", "nothing has to be cleaned up", "VACUUM", _ALL),
    Idiom("opener", "OPTIMIZE", "nothing has to be optimized", "OPTIMIZE user_tokens", _ALL),
    Idiom("opener", "DESCRIBE FUNCTION", "SHOW FUNCTIONS LIKE 'name'", "DESCRIBE FUNCTION substr", "SHOW FUNCTIONS LIKE 'substr'"),
    Idiom("opener", "USE CATALOG", _PARENT_HINT, "USE CATALOG main", "USE databricks_workspace.workspace"),
    Idiom("opener", "USE DATABASE", _PARENT_HINT, "USE DATABASE main", "USE databricks_workspace.workspace"),
    Idiom("opener", "USE SCHEMA", _PARENT_HINT, "USE SCHEMA main", "USE databricks_workspace.workspace"),
    Idiom("opener", "EXPLAIN ANALYZE", "EXPLAIN sends nothing, so there is nothing to measure: write EXPLAIN", f"EXPLAIN ANALYZE {_ALL}", f"EXPLAIN {_ALL}"),
    Idiom("opener", "EXPLAIN PLAN FOR", "write EXPLAIN and the statement", f"EXPLAIN PLAN FOR {_ALL}", f"EXPLAIN {_ALL}"),
    Idiom("opener", "EXPLAIN QUERY PLAN", "write EXPLAIN and the statement", f"EXPLAIN QUERY PLAN {_ALL}", f"EXPLAIN {_ALL}"),
    Idiom("opener", "EXPLAIN FORMATTED", "write EXPLAIN and the statement", f"EXPLAIN FORMATTED {_ALL}", f"EXPLAIN {_ALL}"),
    Idiom("opener", "PREPARE", "{{ name }} is a placeholder: -v name=VALUE fills it", "PREPARE q AS SELECT 1", "SELECT 1"),
    Idiom("opener", "DECLARE", "{{ name }} is a placeholder: -v name=VALUE or \\set fills it", "DECLARE @x int", "SELECT 1"),
    Idiom("opener", "PRAGMA", "DESCRIBE name lists the columns", "PRAGMA table_info(t)", "DESCRIBE user_tokens"),
    Idiom("opener", "ANALYZE", "there is nothing to analyze: EXPLAIN SELECT ... shows the requests", "ANALYZE user_tokens", f"EXPLAIN {_ALL}"),
    Idiom("opener", "REFRESH TABLE", "tables are always current; REFRESH MATERIALIZED VIEW reads a view again", "REFRESH TABLE user_tokens", _ALL),
    Idiom("opener", "PRINT", "write SELECT", "PRINT 'x'", "SELECT 'x'"),
    Idiom("opener", ". name", _SHELL_HINT, ".tables", "SHOW TABLES"),
    Idiom("opener", "HELP", _SHELL_HINT, "help user_tokens", "SHOW FUNCTIONS"),
    Idiom("opener", "CLEAR", _SHELL_HINT, "clear", "SHOW TABLES"),
    Idiom("opener", "CLS", _SHELL_HINT, "cls", "SHOW TABLES"),
    Idiom("opener", "LS", _SHELL_HINT, "ls", "SHOW TABLES"),
    Idiom("opener", "GO", "statements end with ;", "GO", "SELECT 1"),
    Idiom("opener", "ORDER", "ORDER BY belongs to a SELECT", "ORDER BY comment", f"{_ALL} ORDER BY comment"),
    Idiom("opener", "FROM", "begin with SELECT * FROM", _FROM, _ALL),
)  # fmt: skip

WORDS = (
    Idiom("words", "name XOR", "(a) <> (b), where both are conditions", f"{_ALL} WHERE comment XOR 1", f"{_ALL} WHERE (comment = 'a') <> (token_id = 'b')"),
    Idiom("words", "TOP 1", "write LIMIT 5 at the end", "SELECT TOP 5 * FROM user_tokens", f"{_ALL} LIMIT 5"),
    Idiom("words", "LIMIT 1 PERCENT", "LIMIT takes a number of rows", f"{_ALL} LIMIT 5 PERCENT", f"{_ALL} LIMIT 5"),
    Idiom("words", "DISTINCT ON", "row_number() OVER (PARTITION BY ...) AS n in a query in FROM, and WHERE n = 1", f"SELECT DISTINCT ON (comment) * {_FROM}", _LATEST),
    Idiom("words", "* EXCLUDE", "name the columns that you want", f"SELECT * EXCLUDE (comment) {_FROM}", f"SELECT token_id {_FROM}"),
    Idiom("words", "* EXCEPT ( name", "name the columns that you want", f"SELECT * EXCEPT (comment) {_FROM}", f"SELECT token_id {_FROM}"),
    Idiom("words", "* REPLACE (", "name the columns that you want", f"SELECT * REPLACE (1 AS comment) {_FROM}", f"SELECT token_id {_FROM}"),
    Idiom("words", "* RENAME", "name the columns, with AS", f"SELECT * RENAME (comment AS c) {_FROM}", f"SELECT comment AS c {_FROM}"),
    Idiom("words", "SIMILAR TO", "REGEXP matches a regular expression", f"{_ALL} WHERE comment SIMILAR TO 'a%'", f"{_ALL} WHERE comment REGEXP '^a'"),
    Idiom("words", "CONTAINS 'text'", "contains(text, part), or text LIKE '%part%'", f"{_ALL} WHERE comment CONTAINS 'a'", f"{_ALL} WHERE contains(comment, 'a')"),
    Idiom("words", "TRY_CAST ( name AS", "write CAST(x AS integer), CAST(x AS text) or CAST(x AS real)", f"SELECT TRY_CAST(comment AS int) {_FROM}", "SELECT CAST('1' AS integer)"),
    Idiom("words", "SAFE_CAST ( name AS", "write CAST(x AS integer), CAST(x AS text) or CAST(x AS real)", f"SELECT SAFE_CAST(comment AS int) {_FROM}", "SELECT CAST('1' AS integer)"),
    Idiom("words", "SOUNDS LIKE", "LIKE and REGEXP compare texts", f"{_ALL} WHERE comment SOUNDS LIKE 'a'", f"{_ALL} WHERE comment LIKE 'a%'"),
    Idiom("words", "!~", "NOT REGEXP", f"{_ALL} WHERE comment !~ 'a'", f"{_ALL} WHERE comment NOT REGEXP 'a'"),
    Idiom("words", "name ~", "REGEXP matches a regular expression", f"{_ALL} WHERE comment ~ '^a'", f"{_ALL} WHERE comment REGEXP '^a'"),
    Idiom("words", "@ >", _LIST_HINT, f"{_ALL} WHERE scopes @> '[]'", _LIST),
    Idiom("words", "< @", _LIST_HINT, f"{_ALL} WHERE scopes <@ '[]'", _LIST),
    Idiom("words", "= ANY ( SELECT", "write IN (SELECT ...)", f"{_ALL} WHERE comment = ANY (SELECT 'a')", f"{_ALL} WHERE comment IN (SELECT 'a')"),
    Idiom("words", "= SOME ( SELECT", "write IN (SELECT ...)", f"{_ALL} WHERE comment = SOME (SELECT 'a')", f"{_ALL} WHERE comment IN (SELECT 'a')"),
    Idiom("words", "ALL ( SELECT", "compare with (SELECT max(...) ...) or (SELECT min(...) ...)", f"{_ALL} WHERE expiry_time > ALL (SELECT 1)", f"{_ALL} WHERE expiry_time > (SELECT max(1))"),
    Idiom("words", "AT TIME", "times are UTC: from_ms(...) writes one", f"SELECT expiry_time AT TIME ZONE 'UTC' {_FROM}", f"SELECT from_ms(expiry_time) {_FROM}"),
    Idiom("words", "MINUS SELECT", "write EXCEPT", f"SELECT comment {_FROM} MINUS SELECT 'a'", f"SELECT comment {_FROM} EXCEPT SELECT 'a'"),
    Idiom("words", "LATERAL VIEW", _LIST_HINT, f"{_ALL} LATERAL VIEW explode(scopes) s", _LIST),
    Idiom("words", "APPLY", "join the query, or put it into the SELECT list", f"SELECT 1 {_FROM} CROSS APPLY (SELECT 1) x", f"SELECT 1 {_FROM} CROSS JOIN (SELECT 1) AS x"),
    Idiom("words", "PIVOT ( name", "sum(CASE WHEN x = 'a' THEN y END) AS a makes a column of a value", f"{_ALL} PIVOT (count(*) FOR comment IN ('a'))", f"SELECT sum(CASE WHEN comment = 'a' THEN 1 END) AS a {_FROM}"),
    Idiom("words", "UNPIVOT ( name", "UNION ALL makes rows of columns", f"{_ALL} UNPIVOT (x FOR y IN (comment))", f"SELECT comment {_FROM} UNION ALL SELECT token_id {_FROM}"),
    Idiom("words", "TABLESAMPLE ( 1", "ORDER BY random() LIMIT 5", f"{_ALL} TABLESAMPLE (5 ROWS)", f"{_ALL} ORDER BY random() LIMIT 5"),
    Idiom("words", "VERSION AS", "a workspace keeps no history; a materialized view keeps that of its REFRESHes", f"{_ALL} VERSION AS OF 1", "CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT 1 AS x"),
    Idiom("words", "CONNECT BY", "WITH RECURSIVE", "SELECT 1 CONNECT BY 1", "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r"),
    Idiom("words", "WITH ( NOLOCK", "leave it out: nothing is locked", f"{_ALL} WITH (NOLOCK)", _ALL),
    Idiom("words", "WITHIN GROUP", "ORDER BY belongs into the parentheses: group_concat(x ORDER BY x); or sort a query in FROM", f"SELECT group_concat(comment) WITHIN GROUP (ORDER BY comment) {_FROM}", "SELECT group_concat(c) FROM (SELECT comment AS c FROM user_tokens ORDER BY 1) AS t"),
    Idiom("words", "IGNORE NULLS", "leave NULLs out with WHERE x IS NOT NULL", f"SELECT lag(comment) IGNORE NULLS OVER (ORDER BY 1) {_FROM}", f"SELECT lag(comment) OVER (ORDER BY token_id) {_FROM} WHERE comment IS NOT NULL"),
    Idiom("words", "INTO name FROM", "CREATE OR REPLACE TABLE mine AS SELECT ...", f"SELECT * INTO mine {_FROM}", _COPY),
    Idiom("words", "ARRAY [", "json_array(...) makes a list", "SELECT ARRAY[1, 2]", "SELECT json_array(1, 2)"),
    Idiom("words", "[ 1 ]", "json -> 0 is a list's first item", f"SELECT scopes[0] {_FROM}", f"SELECT scopes -> 0 {_FROM}"),
    Idiom("words", "[ name", 'a quoted name is written "name"', "SELECT [comment] FROM user_tokens", f'SELECT "comment" {_FROM}'),
    Idiom("words", "^", "power(x, y)", "SELECT 2 ^ 3", "SELECT power(2, 3)"),
    Idiom("words", "* *", "power(x, y)", "SELECT 2 ** 3", "SELECT power(2, 3)"),
    Idiom("words", "== =", "write =", f"{_ALL} WHERE comment === 'a'", f"{_ALL} WHERE comment = 'a'"),
    Idiom("words", "= >", "write >=", f"{_ALL} WHERE expiry_time => 1", f"{_ALL} WHERE expiry_time >= 1"),
    Idiom("words", "= <", "write <=", f"{_ALL} WHERE expiry_time =< 1", f"{_ALL} WHERE expiry_time <= 1"),
    Idiom("words", "! >", "write <=", f"{_ALL} WHERE expiry_time !> 1", f"{_ALL} WHERE expiry_time <= 1"),
    Idiom("words", "! <", "write >=", f"{_ALL} WHERE expiry_time !< 1", f"{_ALL} WHERE expiry_time >= 1"),
    Idiom("words", "ELSEIF", "write another WHEN ... THEN ...", "SELECT CASE WHEN 1 THEN 2 ELSEIF 3 THEN 4 END", "SELECT CASE WHEN 1 THEN 2 WHEN 3 THEN 4 END"),
    Idiom("words", "ON DUPLICATE", "ON CONFLICT (k) DO UPDATE SET x = excluded.x, for a local table", "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE x = 1", _TABLE),
    Idiom("words", "OUTPUT", "write RETURNING at the end", "DELETE FROM user_tokens OUTPUT deleted.token_id WHERE 1", "DELETE FROM user_tokens RETURNING token_id"),
)  # fmt: skip

_NOW = "SELECT CURRENT_TIMESTAMP"
_SOON = f"{_ALL} WHERE days_left(expiry_time) < 30"
_LATER = "SELECT now() + INTERVAL '30 days'"
_LATER_HINT = "x + INTERVAL '30 days' adds to a time, and to milliseconds"
_DAYS_HINT = (
    "days_left(expiry_time) is the number of days until a time; julianday(a) - julianday(b) that between two texts"
)
_SHOWN = f"SELECT from_ms(expiry_time) {_FROM}"
_PART_HINT = "date_part('year', x), and month, day, hour, week, dow ..."
_PART = f"SELECT date_part('year', expiry_time) {_FROM}"
_MATCH = f"{_ALL} WHERE comment REGEXP 'a'"
_NO_HASH = "SELECT sha256('a')"
_JSON_ARRAY = f"SELECT json_group_array(comment) {_FROM}"
_JSON_PART = f"SELECT json_extract(scopes, '$[0]') {_FROM}"
_SESSION_HINT = "\\conninfo in the shell shows who is connected, and to which workspace"
_CAST_HINT = "write CAST(x AS integer), CAST(x AS text) or CAST(x AS real)"
_CAST = "SELECT CAST('1' AS integer)"


def _functions(names: str, hint: str, instead: str, arguments: str = "comment") -> tuple[Idiom, ...]:
    return tuple(
        Idiom("function", name.upper(), hint, f"SELECT {name}({arguments}) {_FROM}", instead) for name in names.split()
    )


FUNCTIONS = (
    *_functions("getdate sysdate systimestamp getutcdate localtimestamp sysdatetime", "CURRENT_TIMESTAMP is the time now as text; to_ms(CURRENT_TIMESTAMP) in milliseconds", _NOW, ""),
    *_functions("curdate today", "CURRENT_DATE is today, as text", "SELECT CURRENT_DATE", ""),
    *_functions("unix_millis to_unixtime epoch_ms", "to_ms('2027-01-01') is in milliseconds, unixepoch('2027-01-01') in seconds", "SELECT to_ms('2027-01-01')"),
    *_functions("timestamp_millis fromunixtimestamp64milli timestamp_seconds", "from_ms(milliseconds) writes a time as text", _SHOWN, "expiry_time"),
    *_functions("adddate datetime_add", _LATER_HINT, _LATER, "expiry_time, 30"),
    *_functions("months_between age", _DAYS_HINT, _SOON, "expiry_time, creation_time"),
    *_functions("week weekday datepart", _PART_HINT, _PART, "expiry_time"),
    *_functions("date_format to_char format_datetime formatdatetime", "strftime('%Y-%m-%d', from_ms(expiry_time))", _PART, "expiry_time, 'YYYY'"),
    *_functions("str_to_date strptime try_to_timestamp", "date('2027-01-01') is text; to_ms('2027-01-01') is in milliseconds", "SELECT to_ms('2027-01-01')"),
    *_functions("charindex locate", "instr(text, part)", f"SELECT instr(comment, 'a') {_FROM}", "'a', comment"),
    *_functions("regexp_count", "instr(text, part) > 0, or text LIKE '%part%'", f"{_ALL} WHERE instr(comment, 'a') > 0", "comment, 'a'"),
    *_functions("startswith endswith", "text LIKE 'start%' or text LIKE '%end'", f"{_ALL} WHERE comment LIKE 'a%'", "comment, 'a'"),
    *_functions("regexp_matches regexp_extract regexp_extract_all regexp_contains", "text REGEXP 'pattern', or regexp_substr(text, pattern)", _MATCH, "comment, 'a'"),
    *_functions("split string_split string_to_array substring_index", "split_part(text, separator, n)", f"SELECT split_part(comment, ' ', 1) {_FROM}", "comment, ' '"),
    *_functions("collect_set json_agg jsonb_agg json_arrayagg", "json_group_array(x) makes a JSON array of many rows", _JSON_ARRAY),
    *_functions("get_json_object json_value json_query jsonb_extract_path parse_json from_json get_path", "json_extract(json, '$.name'), or json ->> 'name'", _JSON_PART, "scopes, '$[0]'"),
    *_functions("to_json row_to_json to_jsonb named_struct struct object_construct json_build_object map", "json_object('name', value, ...)", f"SELECT json_object('c', comment) {_FROM}"),
    *_functions("explode unnest flatten generate_subscripts jsonb_array_elements", _LIST_HINT, _LIST, "scopes"),
    *_functions("array array_construct list", "json_array(...) makes a list", "SELECT json_array(1, 2)"),
    *_functions("array_contains array_length cardinality array_size", _LIST_HINT + "; json_array_length(...) counts them", _LIST, "scopes, 'a'"),
    *_functions("md5 sha1 sha sha2 hash crc32", "sha256(text) is the hash that there is: of a token's value it is the token's id", _NO_HASH),
    *_functions("percentile percentile_cont approx_percentile quantile", "order by the value, and take the row in the middle with LIMIT 1 OFFSET n", f"{_ALL} ORDER BY expiry_time LIMIT 1 OFFSET 3", "expiry_time"),
    *_functions("logical_or arbitrary", "max(x) and min(x) do it: true is 1", f"SELECT max(comment = 'a') {_FROM}"),
    *_functions("countif sum_if", "count(*) FILTER (WHERE ...)", f"SELECT count(*) FILTER (WHERE comment = 'a') {_FROM}"),
    *_functions("approx_count_distinct count_distinct", "count(DISTINCT x)", f"SELECT count(DISTINCT comment) {_FROM}"),
    *_functions("try_cast safe_cast to_number to_integer int bigint integer double to_varchar str tostring", _CAST_HINT, _CAST),
    *_functions("iff", "iif(condition, yes, no)", "SELECT iif(1, 'a', 'b')", "1, 2, 3"),
    *_functions("decode", "CASE WHEN ... THEN ... ELSE ... END", f"SELECT CASE WHEN comment = 'a' THEN 1 ELSE 2 END {_FROM}", "comment, 'a', 1"),
    *_functions("zeroifnull", "coalesce(x, 0)", f"SELECT coalesce(comment, 'a') {_FROM}"),
    *_functions("replicate", "replace(hex(zeroblob(n)), '00', text) repeats a text n times", "SELECT replace(hex(zeroblob(3)), '00', 'ab')", "comment, 3"),
    *_functions("generate_series sequence range", "WITH RECURSIVE counts, or json_each('[1, 2, 3]')", "SELECT value FROM json_each('[1, 2, 3]')", "1, 3"),
    *_functions("uuid newid gen_random_uuid uuid_generate_v4 uuid_string", "lower(hex(randomblob(16)))", "SELECT lower(hex(randomblob(16)))", ""),
    *_functions("rand", "random() is a whole number of 64 bits; abs(random() % 100)", "SELECT abs(random() % 100)", ""),
    *_functions("version", "sqlite_version(); tokensh --version", "SELECT sqlite_version()", ""),
    *_functions("current_user session_user current_database current_schema current_catalog is_account_group_member database user", _SESSION_HINT, _ALL, ""),
    *_functions("pg_typeof", "typeof(x)", "SELECT typeof(1)"),
    *_functions("pg_sleep sleep benchmark", "the shell that runs tokensh can wait", "SELECT 1", "1"),
    *_functions("secret", "a token's value is shown once, by RETURNING token_value", _CREATE, "'a', 'b'"),
    *_functions("any some", "x IN ('a', 'b'); several LIKE are joined by OR", f"{_ALL} WHERE comment IN ('a', 'b')"),
)  # fmt: skip

_SHOW_TABLES_HINT = "SHOW RESOURCES lists what a service has, SHOW TABLES your local tables"
_DESCRIBE = "DESCRIBE user_tokens"


def _show(words: str, hint: str, instead: str) -> tuple[Idiom, ...]:
    return tuple(Idiom("show", word, hint, f"SHOW {word}", instead) for word in words.split(", "))


SHOWS = (
    *_show("COLUMNS, COLUMNS IN user_tokens, FIELDS, FIELDS IN user_tokens, KEYS", "DESCRIBE user_tokens lists the columns", _DESCRIBE),
    *_show("TOKENS, TOKEN, USER_TOKENS", "SELECT * FROM user_tokens lists your tokens", _ALL),
    *_show("DATABASES, SCHEMAS, CATALOGS", "SHOW PROVIDERS, SHOW SERVICES IN databricks_workspace", "SHOW SERVICES IN databricks_workspace"),
    *_show("CREATE TABLE user_tokens, CREATE VIEW v, CREATE", "DESCRIBE user_tokens lists the columns, SHOW VIEWS the text of your views", _DESCRIBE),
    *_show("GRANTS, GRANT, PERMISSIONS", "SELECT * FROM token_permissions", "SELECT * FROM token_permissions"),
    *_show("WORKSPACES, HOSTS", "SELECT * FROM tokensh.local.workspaces", "SELECT 1"),
    *_show("USERS, USER, ROLES, CURRENT USER, PROFILES, CONNECTIONS", _SESSION_HINT, _ALL),
    *_show("PROCESSLIST, QUERIES, HISTORY, STATEMENTS", "SELECT * FROM tokensh.local.statements lists what you ran", "SELECT 1"),
    *_show("VARIABLES, SETTINGS, PARAMETERS, CONFIG", "\\set in the shell lists variables, tokensh --help the options", "SELECT 1"),
    *_show("INDEXES, INDEX, PARTITIONS, TRIGGERS, PROCEDURES, WARNINGS, ERRORS, STATUS, ENGINES", "SHOW FUNCTIONS, VIEWS, TABLES, RESOURCES, METHODS", "SHOW RESOURCES"),
)  # fmt: skip


def _tables(names: str, hint: str, instead: str) -> tuple[Idiom, ...]:
    return tuple(Idiom("table", name, hint, _ALL.replace("user_tokens", name), instead) for name in names.split())


# `instead` of what is in tokensh.local is a statement that needs no session; the hint names the table.
TABLES = (
    *_tables("workspaces workspace tokensh.workspaces databricks_workspace.workspace", "tokensh.local.workspaces lists the configured workspaces", "SELECT 1"),
    *_tables("pending tokensh.pending", "tokensh.local.pending lists creates whose value was not delivered", "SELECT 1"),
    *_tables("statements history query_history tokensh.statements", "tokensh.local.statements lists what you ran", "SELECT 1"),
    *_tables("pat pats access_tokens personal_access_tokens current_tokens my_tokens token", "user_tokens has your own tokens, tokens those of everybody", _ALL),
    *_tables("permissions", "token_permissions", "SELECT * FROM token_permissions"),
    *_tables("dual", "leave FROM out: SELECT 1", "SELECT 1"),
    *_tables("sqlite_master sqlite_schema pg_tables pg_catalog.pg_tables information_schema.tables", _SHOW_TABLES_HINT, "SHOW RESOURCES"),
    *_tables("information_schema.columns", "DESCRIBE user_tokens lists the columns", _DESCRIBE),
)  # fmt: skip

_NEVER_HINT = "expiry_time = -1 means never"
COLUMNS = (
    Idiom("column", "NEVER", _NEVER_HINT, f"{_ALL} WHERE expiry_time = never", f"{_ALL} WHERE expiry_time = -1"),
    Idiom("column", "TOKEN_VALUE", "a token's value is shown once, by RETURNING token_value of its INSERT", f"SELECT token_value {_FROM}", _CREATE),
    Idiom("column", "LIFETIME_SECONDS", "(expiry_time - creation_time) / 1000 is a token's lifetime in seconds", f"SELECT lifetime_seconds {_FROM}", f"SELECT (expiry_time - creation_time) / 1000 {_FROM}"),
    Idiom("column", "$1", "{{ name }} is a placeholder: -v name=VALUE fills it", f"{_ALL} WHERE comment = $1", _ALL),
)  # fmt: skip

IDIOMS = (*OPENERS, *WORDS, *FUNCTIONS, *SHOWS, *TABLES, *COLUMNS)


@cache
def _hints_by_name(kind: IdiomKind) -> dict[str, str]:
    return {idiom.typed.upper(): idiom.hint for idiom in IDIOMS if idiom.kind == kind}


def named_idiom(kind: Literal["function", "show", "table", "column"], name: str) -> str | None:
    """Return the hint for a name of another dialect; of several words behind SHOW the longest known beginning decides."""
    hints = _hints_by_name(kind)
    words = name.upper().split()
    beginnings = (" ".join(words[:count]) for count in range(len(words), 0, -1))
    return next((hints[beginning] for beginning in beginnings if beginning in hints), None)


@dataclass(frozen=True, slots=True)
class FoundIdiom:
    """An idiom in a statement: the tokens `first` to `last` are its words."""

    idiom: Idiom
    first: Token
    last: Token


def find_idiom(table: ParseTable, tokens: Sequence[Token], at: int) -> FoundIdiom | None:
    """Return the idiom that covers the token at which the parser stopped, or ends just before it."""
    found = (_find_in(table, idiom, tokens, at) for idiom in (*OPENERS, *WORDS))
    return next((place for place in found if place is not None), None)


def _find_in(table: ParseTable, idiom: Idiom, tokens: Sequence[Token], at: int) -> FoundIdiom | None:
    head, _, tail = idiom.typed.partition(" ... ")
    pattern, ending = significant_tokens(table, head), significant_tokens(table, tail)
    # The parser may take the last word for a name, and stop at what follows it.
    earliest = max(0, at - len(pattern))
    if ending:
        is_found = _matches(pattern, tokens, 0) and len(pattern) <= at and _matches(ending, tokens, at)
        return FoundIdiom(idiom, tokens[at], tokens[at + len(ending) - 1]) if is_found else None
    starts = range(earliest, at + 1) if idiom.kind == "words" else range(earliest, 1)
    start = next((start for start in starts if _matches(pattern, tokens, start)), None)
    if start is None:
        return None
    return FoundIdiom(idiom, tokens[start], tokens[start + len(pattern) - 1])


def _matches(pattern: Sequence[Token], tokens: Sequence[Token], start: int) -> bool:
    part = tokens[start : start + len(pattern)]
    return len(part) == len(pattern) and all(map(_matches_token, pattern, part))


def _matches_token(wanted: Token, token: Token) -> bool:
    if wanted.text == "name":
        return token.kind in ("NAME", "QUOTED_NAME")
    if wanted.kind in ("NUMBER", "STRING"):
        return token.kind == wanted.kind
    return token.text.upper() == wanted.text.upper()
