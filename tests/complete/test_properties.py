"""Any text and any cursor get suggestions that are inert, replace what is typed, and keep a readable text readable."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from tests.cases import each_case
from tests.complete.session import FACTS, completer
from tests.shared_parser import shared_parser
from tests.tries import tries
from tokensh.complete import Suggestion
from tokensh.errors import SqlSyntaxError
from tokensh.text import escape_unsafe

PIECES = (
    "SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "IN", "(", ")", ",", ".", "=", "*", "'", '"', "`", ";", "--", "\n", " ",
    "/*", "*/", "{{", "}}", "@", "@@", "@@json", "@deployment_name", "{", "}", "[", "]", ":", "\\", "\\i ", "user_tokens",
    "databricks_workspace", "workspace", "tokens", "deployment_name", "token_id", "u", "AS", "JOIN", "ON", "USING", "EXEC",
    "revoketoken", "INSERT INTO", "VALUES", "RETURNING", "UPDATE", "SET", "DELETE FROM", "SHOW", "METHODS", "DESCRIBE",
    "USE", "WITH", "UNION", "GROUP BY", "ORDER BY", "CASE", "WHEN", "END", "CAST", "1", "0x", "json_each", "token_info",
    '"token_id": "', "-> '$.", "substr", "'{\"", "\x00", "é", "\ud800", "\u202e", "-- required;\n", "LIMIT", "EXPLAIN",
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=25).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join),
)
STATEMENTS = (
    "SELECT token_id, comment FROM databricks_workspace.workspace.user_tokens u WHERE u.deployment_name = 'x' LIMIT 3",
    "WITH a AS (SELECT 1 AS x UNION SELECT 2) SELECT DISTINCT a.x, count(*) FROM a JOIN tokens USING (x) GROUP BY 1",
    "INSERT INTO user_tokens (data__comment, deployment_name) VALUES ('a', 'b'), ('c', 'd') RETURNING token_value",
    "EXEC user_tokens.revoketoken @deployment_name='a' --required\n@@json='{\"token_id\": \"x\"}'",
    "UPDATE token_permissions SET data__access_control_list = '[]' WHERE deployment_name IN ('a', 'b') ORDER BY 1 DESC",
    "SELECT CASE WHEN a IS NOT NULL THEN 1 ELSE cast(b AS text) END FROM t LEFT JOIN s ON t.a = s.a WHERE NOT EXISTS (SELECT 1)",
    "CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT row_number() OVER (PARTITION BY a ORDER BY b NULLS LAST) FROM t",
    "SHOW EXTENDED METHODS IN databricks_workspace.workspace.tokens LIKE 'l%'",
)


def check(text: str, cursor: int) -> list[Suggestion]:
    found = completer().complete(text, cursor, FACTS)
    for suggestion in found:
        assert 0 <= suggestion.start <= cursor
        assert escape_unsafe(suggestion.display) == suggestion.display
        assert escape_unsafe(suggestion.note) == suggestion.note
        assert suggestion.text
    return found


@tries(300, derandomize=False)
@given(TEXTS, st.integers(0, 80))
def test_any_text_and_cursor_give_suggestions_that_begin_before_the_cursor(text: str, cursor: int) -> None:
    check(text, min(cursor, len(text)))


@tries(90, derandomize=False)
@given(TEXTS)
def test_the_end_of_any_text_gives_suggestions(text: str) -> None:
    check(text, len(text))


@each_case("statement", STATEMENTS)
def test_at_every_cursor_of_a_statement_a_keyword_keeps_the_beginning_readable(statement: str) -> None:
    for cursor in range(len(statement) + 1):
        for suggestion in check(statement, cursor):
            if suggestion.kind == "keyword":
                shared_parser().expected_terminals(statement[: suggestion.start] + suggestion.text)


@tries(120, derandomize=False)
@given(st.lists(st.sampled_from([p for p in PIECES if p.isprintable()]), max_size=14).map(" ".join))
@example("SELECT USING UPDATE")  # a word that opens a statement is an alias only after AS
@example("SELECT 1 FROM user_tokens DELETE")
@example("SELECT 1 AS UPDATE")
@example("UPDATE USING UPDATE")
@example("DELETE FROM t DELETE")
def test_a_keyword_keeps_any_readable_beginning_readable(beginning: str) -> None:
    text = beginning + " "
    try:
        shared_parser().expected_terminals(text)
    except (SqlSyntaxError, ValueError):
        return
    for suggestion in check(text, len(text)):
        if suggestion.kind == "keyword":
            shared_parser().expected_terminals(text[: suggestion.start] + suggestion.text)


@each_case(
    "text",
    [
        "(" * 5000,
        "SELECT " + "(" * 5000 + "a" + ")" * 5000 + " FROM ",
        "SELECT * FROM t WHERE a = " + "f(" * 2000,
        "SELECT " + "a, " * 3000,
        "EXEC user_tokens.revoketoken @@json=" + '{"a":' * 2000,
        'EXEC user_tokens.revoketoken @@json={"a": ' + "1" * 5000,
        'EXEC user_tokens.revoketoken @@json={"a": ' + "1" * 5000 + "} ",
        "SELECT * FROM (" * 400,
        "WITH a AS (SELECT * FROM a) SELECT * FROM a WHERE ",
        "SELECT * FROM user_tokens WHERE " + "x" * 5000,
        "'" * 999,
        "{{" * 999,
        "=  EXEC user_tokens.create",
        "WITH " + ", ".join(f"c{i} AS (SELECT * FROM {', '.join(['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7'])})" for i in range(8)) + " SELECT * FROM c0 WHERE ",
    ],
)  # fmt: skip
def test_monstrous_texts_give_suggestions(text: str) -> None:
    check(text, len(text))
    check(text, len(text) // 2)


def test_a_cursor_outside_the_text_is_taken_as_its_nearest_end() -> None:
    assert completer().complete("sel", 99, FACTS) == completer().complete("sel", 3, FACTS)
    assert completer().complete("sel", -5, FACTS) == completer().complete("sel", 0, FACTS)
