"""What people type in other dialects is refused with what it is here; nothing in the table is accepted, what it says is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cases import each_case
from tests.plan.planning import A, Planner
from tests.shared_parser import shared_parser
from tokensh.engine.functions import function_names
from tokensh.errors import ProgrammingError, SqlSyntaxError, UnknownName
from tokensh.functions import functions
from tokensh.plan.grouping import GROUPING_FUNCTIONS
from tokensh.provider.show_kinds import SHOW_KINDS
from tokensh.sql.idioms import IDIOMS, Idiom
from tokensh.sql.syntax_hints import MOST_EXPECTED, describe_expected
from tokensh.text import nearest_word


@each_case("idiom", IDIOMS, ids=lambda idiom: f"{idiom.kind} {idiom.typed}")
def test_an_idiom_is_refused_with_what_it_is_here(idiom: Idiom, planner: Planner) -> None:
    with pytest.raises(ProgrammingError) as caught:
        planner.plan(idiom.example, workspace=A)
    assert caught.value.hint == idiom.hint
    assert caught.value.span is not None


@each_case("statement", sorted({idiom.instead for idiom in IDIOMS}))
def test_what_an_idiom_is_replaced_by_is_accepted(statement: str, planner: Planner) -> None:
    planner.plan(statement, workspace=A)


def test_the_table_has_no_entry_twice() -> None:
    keys = [(idiom.kind, idiom.typed.upper()) for idiom in IDIOMS]
    assert len(keys) == len(set(keys)) > 60


# A statement, the token that the error is at (a part of it), and the hint.
# ruff: noqa: RUF001 (the typographic signs are what is tested)
HINTS = [
    ("SELECT 'it's'", "'", "'it''s'"),
    ("SELECT * FROM user_tokens WHERE comment = 'it's' AND 1", "'", "'it''s'"),
    ("SELECT * FROM user_tokens WHERE comment LIKE '%it's%'", "'", "'%it''s%'"),
    ("SELECT ‘terraform ci’", "‘", "write 'terraform ci'"),
    ("SELECT “terraform ci”", "“", "write 'terraform ci'"),
    ("SELECT 'a’", "'", "end it with '"),
    ("SELECT * FROM user_tokens WHERE expiry_time ≥ 1", "≥", "write >="),
    ("SELECT 1 – 2", "–", "write -"),
    ("SELECT * FROM user_tokens WHERE comment = N'a'", "N'a'", "write 'a'"),
    ("SELECT E'a'", "E", "write 'a'"),
    ("SELECT * FROM user_tokens WHERE deployment_name = dbc-abcd0123-a1bc", "dbc-abcd0123-a1bc", "'dbc-abcd0123-a1bc'"),
    ("SELECT * FROM user_tokens WHERE deployment_name = dbc-abcd-7474", "dbc-abcd-7474", "'dbc-abcd-7474'"),
    ("SELECT * FROM user_tokens WHERE deployment_name IN (dbc-a-b, 'dbc-b')", "dbc-a-b", "'dbc-a-b'"),
    ("DELETE FROM user_tokens WHERE deployment_name = adb-123.4 AND 1", "adb-123.4", None),
    ("SELECT * FROM user_tokens WHERE comment = nightly", "nightly", "'nightly'"),
    ("SELECT * FROM user_tokens WHERE comment = `nightly`", "`nightly`", "backticks"),
    ('SELECT * FROM user_tokens WHERE comment = "nightly"', '"nightly"', "'nightly'"),
    ("SELECT * FROM user_tokens WHERE comment IN (nightly)", "nightly", "'nightly'"),
    ("INSERT INTO user_tokens (comment) VALUES (nightly) RETURNING token_value", "nightly", "'nightly'"),
    ("SELECT comment FORM user_tokens", "FORM", None),
    ("SELCT comment FROM user_tokens", "SELCT", "SELECT"),
    ("SELECT comment FROM user_tokens WERE comment = 'a'", None, "WHERE"),
    ("SELECT comment FROM user_tokens ORDER YB comment", "YB", "BY"),
    ("SHOW METHDS IN user_tokens", "METHDS", "METHODS"),
    ("SELECT lenght(comment) FROM user_tokens", "lenght", "length"),
    ("SELECT * FROM databricks_workspace.workspace.workspaces", "workspaces", None),
]  # fmt: skip


@each_case(("sql", "place", "hint"), HINTS, ids=[sql for sql, *_ in HINTS])
def test_what_was_meant_is_in_the_hint(sql: str, place: str | None, hint: str | None, planner: Planner) -> None:
    with pytest.raises(ProgrammingError) as caught:
        planner.plan(sql, workspace=A)
    assert caught.value.span is not None
    if place is not None:
        assert place in sql[slice(*caught.value.span)] or place == "FORM"
    if hint is not None:
        assert hint in (caught.value.hint or "")


# What earlier versions suggested, and what was refused next.
MISLEADING = [
    "SELECT hamming(comment) FROM user_tokens",
    "SELECT grouping_id(comment) FROM user_tokens",
    "SELECT bit_xor(comment) FROM user_tokens",
    "DEALLOCATE q",
    "MERGE INTO t USING u ON 1 WHEN MATCHED THEN DELETE",
    "SELECT c_orders (1) x y FROM t",
    "SELECT comment MACTH 'x' FROM user_tokens",
    "STE x = 1",
    "PRUGE",
    "SELEP 1",
    "REGISTYR PULL x",
    "SELECT * FROM user_tokens WHERE comment = nightly export",
]


@each_case("sql", MISLEADING)
def test_nothing_is_suggested_that_is_refused_next(sql: str, planner: Planner) -> None:
    with pytest.raises(ProgrammingError) as caught:
        planner.plan(sql, workspace=A)
    assert "did you mean" not in (caught.value.hint or "")


def misspellings(word: str) -> Iterator[str]:
    """Yield a word with two letters swapped, one dropped, one doubled."""
    for i in range(len(word) - 1):
        yield word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    for i in range(1, len(word)):
        yield word[:i] + word[i + 1 :]
        yield word[:i] + word[i] + word[i:]


# A statement around each place where a keyword can be; the misspelt word is the keyword in it.
KEYWORD_STATEMENTS = [
    "SELECT DISTINCT comment FROM user_tokens AS t INNER JOIN (SELECT 1 AS x) AS u ON 1 WHERE t.comment LIKE 'a' AND 1 OR t.comment IS"
    " NULL GROUP BY comment HAVING count(*) > 1 ORDER BY comment DESC LIMIT 1 OFFSET 1",
    "SELECT CASE WHEN 1 THEN 2 ELSE 3 END, CAST(1 AS text) UNION ALL SELECT 1, 2 EXCEPT SELECT 3, 4",
    "INSERT INTO user_tokens (comment) VALUES ('a') RETURNING token_value",
    "DELETE FROM user_tokens WHERE comment BETWEEN 'a' AND 'b' RETURNING token_id",
    "UPDATE token_permissions SET access_control_list = '[]' WHERE 1",
    "EXEC user_tokens.revoketoken @token_id = 'x'",
    "DESCRIBE EXTENDED user_tokens",
    "SHOW METHODS IN user_tokens",
    "CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT 1 AS x",
    "CREATE TABLE IF NOT EXISTS t (x int PRIMARY KEY, y text DEFAULT 'a')",
    "EXPLAIN SELECT 1",
    "USE databricks_workspace.workspace",
    "WITH RECURSIVE r (n) AS (SELECT 1) SELECT sum(n) OVER (PARTITION BY n ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT"
    " ROW) FROM r",
]


@each_case("statement", KEYWORD_STATEMENTS)
def test_the_keyword_that_a_misspelling_suggests_is_accepted(statement: str, planner: Planner) -> None:
    planner.plan(statement, workspace=A)
    suggested = 0
    words = statement.split(" ")
    for index, word in enumerate(words):
        if not word.isupper() or not word.isalpha():
            continue
        for misspelt in [*misspellings(word)][::2]:
            text = " ".join([*words[:index], misspelt, *words[index + 1 :]])
            try:
                planner.plan(text, workspace=A)
            except SqlSyntaxError as error:
                _, found, rest = (error.hint or "").partition("did you mean ")
                if found:
                    keyword = rest.split()[0]
                    # The suggestion leads further, here to the end.
                    planner.plan(" ".join([*words[:index], keyword, *words[index + 1 :]]), workspace=A)
                    suggested += 1
            except ProgrammingError:
                pass
    assert suggested > 0


def call_of(name: str) -> str:
    if name in GROUPING_FUNCTIONS:
        return f"SELECT {name}(x) FROM (SELECT 1 AS x) AS t GROUP BY x"
    function = functions()[name]
    required = [parameter for parameter in function.parameters if not parameter.optional]
    arguments = ", ".join("'x'" if parameter.type in ("string", "json", "any", "T") else "1" for parameter in required)
    over = " OVER (ORDER BY 1)" if function.kind == "window" else ""
    return f"SELECT {name}({arguments if name != 'count' else '*'}){over}"


def test_the_function_that_a_misspelling_suggests_is_accepted(planner: Planner) -> None:
    names = function_names()
    suggested: set[str] = set()
    for name in names:
        for misspelt in misspellings(name):
            near = nearest_word(misspelt, names)
            if near is not None:
                suggested.add(near)
    assert len(suggested) > 100
    for name in suggested:
        planner.plan(call_of(name))


def test_a_suggested_kind_of_show_exists() -> None:
    assert nearest_word("TABELS", SHOW_KINDS) == "TABLES"
    assert nearest_word("DATABASES", SHOW_KINDS) is None


@each_case(
    ("typed", "near"),
    [("lenght", "length"), ("sbustr", "substr"), ("cuont", "count"), ("suum", "sum"), ("pow2", "pow"), ("now2", None), ("medain", "median"),
     ("least_of", None), ("bit_and", None), ("list", None), ("md4", None), ("s", None), ("su", None), ("colesce", "coalesce")],
)  # fmt: skip
def test_a_guess_is_made_only_at_a_likely_slip(typed: str, near: str | None) -> None:
    assert nearest_word(typed, set(functions()) - {"md5", "least", "greatest", "now"}) == near


EXPECTED = [
    # what is typed so far, what is expected
    ("", "a statement begins with SELECT, INSERT, DELETE, EXEC, SHOW, DESCRIBE, ..."),
    ("SELECT", "an expression"),
    ("DELETE", "expected FROM"),
    ("SELECT 1 WHERE x IN", "expected a name or '('"),
    ("USE a", "expected end of statement or '.'"),
]


@each_case(("typed", "hint"), EXPECTED)
def test_what_is_expected_is_said_in_groups(typed: str, hint: str, planner: Planner) -> None:
    with pytest.raises(SqlSyntaxError) as caught:
        planner.plan(f"{typed} )")
    assert hint in (caught.value.hint or "")


def test_no_list_of_what_is_expected_is_long() -> None:
    table = shared_parser().table
    for row in filter(None, map(table.states.__getitem__, range(table.states.count))):
        hint = describe_expected([table.labels.get(name, name) for name in sorted(row)])
        assert len(hint.replace(" or ", ", ").split(", ")) <= MOST_EXPECTED + 1, hint
        assert "NAME" not in hint
        assert "$" not in hint


@each_case("sql", ["SHOW PROVIDERS IN x", "SHOW TABLES IN x", "SHOW EXTENDED PROVIDERS", "SHOW EXTENDED VIEWS"])
def test_a_part_of_show_that_would_do_nothing_is_refused(sql: str, planner: Planner) -> None:
    with pytest.raises(ProgrammingError) as caught:
        planner.plan(sql)
    assert not isinstance(caught.value, UnknownName)
    assert caught.value.span is not None


@each_case(
    "sql",
    ["SHOW METHODS IN user_tokens", "DESCRIBE user_tokens", "DESC EXTENDED user_tokens", "SHOW INSERT INTO user_tokens",
     "CREATE TABLE t (x int)", "CREATE VIEW v AS SELECT 1 AS x", "DROP TABLE IF EXISTS t", "USE databricks_workspace",
     "EXEC user_tokens.revoketoken @token_id = 'x'"],
)  # fmt: skip
def test_explain_goes_before_any_statement(sql: str, planner: Planner) -> None:
    planner.plan(f"EXPLAIN {sql}", workspace=A)
