"""`{{ name }}` is found by the lexer, and no value breaks out of its place."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import seed_statements
from tests.cases import each_case
from tests.shared_parser import shared_parser
from tests.tries import tries
from tokensh._dataclasses import replace
from tokensh.errors import PlaceholderError, SqlSyntaxError
from tokensh.sql import nodes
from tokensh.sql.parameters import with_parameters
from tokensh.sql.placeholders import PlaceholderValue, fill, find_placeholders
from tokensh.sql.script import StatementText
from tokensh.sql.visit import rewrite, walk

PARSER = shared_parser()


def fill_text(text: str, values: Mapping[str, PlaceholderValue]) -> str:
    return fill(PARSER.tokenize(text), values).text


def item(text: str) -> nodes.Expr:
    statement = PARSER.parse(text)
    assert isinstance(statement, nodes.Query)
    assert isinstance(statement.body, nodes.Select)
    (only,) = statement.body.items
    assert isinstance(only, nodes.Item)
    return only.expr


PLACES = [
    ("SELECT {{ x }}", [("x", "bare", "")]),
    ("SELECT {{x}}, '{{ y }}'", [("x", "bare", ""), ("y", "string", "'")]),
    ('SELECT "{{ x }}", `{{ y }}`', [("x", "name", '"'), ("y", "name", "`")]),
    ('EXEC a.b @@json=\'{"a": "{{ x }}", "b": {{ y }}}\'', [("x", "json", "'"), ("y", "json value", "'")]),
    ('EXEC a.b @@json=\'["\\"{{ x }}", {{ y }}]\'', [("x", "json", "'"), ("y", "json value", "'")]),
    ('EXEC a.b @@json=\'{"a": "\\\\", "b": {{ y }}}\'', [("y", "json value", "'")]),
    ("EXEC a.b @@json='{{ x }}'", [("x", "json text", "'")]),
    ('EXEC a.b @@json={"a": "{{ x }}", "b": {{ y }}}', [("x", "json", ""), ("y", "json value", "")]),
    ('EXEC a.b @c=\'{"a": "{{ x }}"}\'', [("x", "json", "'")]),
    ('INSERT INTO t (c) VALUES (\'{"a": "{{ x }}"}\', 1)', [("x", "json", "'")]),
    ("INSERT INTO t (c) SELECT '[\"{{ x }}\"]'", [("x", "json", "'")]),
    ("UPDATE t SET c = '[\"{{ x }}\"]' WHERE d = '[\"{{ y }}\"]'", [("x", "json", "'"), ("y", "string", "'")]),
    ('SELECT json_extract(\'{"a": "{{ x }}"}\', \'$."{{ y }}"\')', [("x", "json", "'"), ("y", "string", "'")]),
    ("SELECT '{\"a\": \"{{ x }}\"}' -> 'a'", [("x", "json", "'")]),
    ("WITH a AS (SELECT 1) INSERT INTO t (c) SELECT '[\"{{ x }}\"]'", [("x", "json", "'")]),
    # Texts, whatever they begin with
    ("WITH a AS (SELECT replace(b, 1, 2)) SELECT '[\"{{ x }}\"]'", [("x", "string", "'")]),
    ("SELECT '[\"{{ x }}\"]'", [("x", "string", "'")]),
    ("SELECT json_array('[\"{{ x }}\"]')", [("x", "string", "'")]),
    ("SELECT 1 FROM t WHERE c LIKE '{\"{{ x }}\"}'", [("x", "string", "'")]),
    ("INSERT INTO t (c) VALUES ('[ci] \"{{ x }}\"')", [("x", "string", "'")]),
    ("INSERT INTO t (c) VALUES ('[\"{{ x }}\"]' || c)", [("x", "string", "'")]),
    ("SELECT '{{{{ x }}}}', '{{{ y }}}'", [("y", "string", "'")]),
    ("SELECT '\"{{ x }}\"'", [("x", "string", "'")]),
    ("SELECT 1 -- {{ x }}\n/* {{ y }} */", []),
    ("SELECT '{ x }', 1", []),
    ("SELECT '{{ a-b.c }}'", [("a-b.c", "string", "'")]),
]


@each_case(("text", "places"), PLACES)
def test_a_placeholder_is_found_with_what_it_stands_in(text: str, places: list[tuple[str, str, str]]) -> None:
    found = find_placeholders(PARSER.tokenize(text).tokens)
    assert [(p.name, p.context, p.quote) for p in found] == places
    assert all(text[p.span.start : p.span.end].strip("{ }") == p.name for p in found)


@each_case("text", ["{{ range .x }}", "{{ }}", "{{ 1 }}", "'{{ $x }}'", "'{{ .values.x }}'"])
def test_a_template_of_another_tool_is_an_error_with_its_place(text: str) -> None:
    with pytest.raises(PlaceholderError) as raised:
        find_placeholders(PARSER.tokenize(f"SELECT {text}").tokens)
    assert "invalid placeholder name" in raised.value.message
    assert raised.value.span is not None


@pytest.mark.parametrize("statement", [seed_statements.SELECT, seed_statements.INSERT, seed_statements.EXEC])
def test_the_statements_of_the_page_can_be_filled(statement: str) -> None:
    text = statement.rpartition(";")[0]
    names = {p.name for p in find_placeholders(PARSER.tokenize(text).tokens)}
    assert PARSER.is_complete(fill_text(text, dict.fromkeys(names, "1")))


WRITTEN: list[tuple[str, Any, str]] = [
    ("{{ x }}", 5, "5"),
    ("{{ x }}", "5", "5"),
    ("{{ x }}", " -1.5e3 ", "(-1.5e3)"),
    ("{{ x }}", True, "true"),
    ("{{ x }}", None, "null"),
    ("{{ x }}", "false", "false"),
    ("5-{{ x }}", -3, "5-(-3)"),
    ("LIMIT{{x}}OFFSET 1", "1", "LIMIT 1 OFFSET 1"),
    ("{{x}}{{x}}", 1, "1 1"),
    ("1 IS{{ x }}AND 2", None, "1 IS null AND 2"),
    ("{{ x }}", date(2027, 1, 2), "'2027-01-02'"),
    ("'{{ x }}'", Decimal("1.50"), "'1.50'"),
    ("'{{ x }}'", datetime(2027, 1, 2, 3), "'2027-01-02 03:00:00'"),
    ("'{{ x }}'", "it's", "'it''s'"),
    ("'{{ x }}'", "{{ y }}", "'{{{{ y }}}}'"),
    ("'{{{{ x }}}}{{ x }}'", "a", "'{{{{ x }}}}a'"),
    ("'{{ x }}'", 5, "'5'"),
    ("'{{ x }}'", True, "'true'"),
    ("'a{{ x }}b{{ x }}c'", "\\", "'a\\b\\c'"),
    ('"{{ x }}"', 'a"b', '"a""b"'),
    ("`{{ x }}`", "a`b", "`a``b`"),
    ('EXEC a.b @@json=\'{"a": "{{ x }}"}\'', "it's \"\n\\", 'EXEC a.b @@json=\'{"a": "it\'\'s \\"\\n\\\\"}\''),
    ("EXEC a.b @@json='{\"a\": {{ x }}}'", -5, "EXEC a.b @@json='{\"a\": -5}'"),
    ("EXEC a.b @@json='{\"a\": {{ x }}}'", '["it\'s"]', "EXEC a.b @@json='{\"a\": [\"it''s\"]}'"),
    ("EXEC a.b @@json='{{ x }}'", '{"a": 1}', "EXEC a.b @@json='{\"a\": 1}'"),
    ('EXEC a.b @@json={"a": "{{ x }}"}', '", "b": "', 'EXEC a.b @@json={"a": "\\", \\"b\\": \\""}'),
]


@each_case(("text", "value", "written"), WRITTEN)
def test_a_value_is_written_as_its_place_asks(text: str, value: Any, written: str) -> None:
    assert fill_text(text, {"x": value}) == written


REFUSED: list[PlaceholderValue] = [
    "",
    "x",
    "1 OR 1",
    "01",
    "+1",
    ".5",
    "0x1",
    "True",
    "1; SELECT 2",
    "'a'",
    "NaN",
    "\u0661",
    float("inf"),
]


@each_case("value", REFUSED)
def test_outside_quotes_nothing_but_a_json_scalar_stands(value: PlaceholderValue) -> None:
    with pytest.raises(PlaceholderError) as raised:
        fill_text("SELECT {{ x }}", {"x": value})
    assert "outside quotes" in raised.value.message
    assert raised.value.hint in ("write 1", "write '{{ x }}' in quotes for text")


def test_all_that_is_missing_is_named_with_its_place() -> None:
    text = "SELECT {{ a }}, '{{ b }}', '{{ c }}', {{ a }}"
    with pytest.raises(PlaceholderError) as raised:
        fill_text(text, {"b": 1})
    assert raised.value.message == "no value for a, c"
    assert raised.value.missing == (("a", 7), ("c", text.index("{{ c")), ("a", text.rindex("{{ a")))
    assert "-v a=... -v c=..." in (raised.value.hint or "")


@each_case("value", [2**63, -(2**63) - 1, "9223372036854775808", "1" * 5000])
def test_a_whole_number_has_64_bits(value: PlaceholderValue) -> None:
    with pytest.raises(PlaceholderError, match="more than 64 bits"):
        fill_text("SELECT {{ x }}", {"x": value})


INJECTED = [
    '60, "comment": "INJECTED"',
    '{"comment": "INJECTED"}',
    '[{"comment": "INJECTED"}]',
    "NaN",
    "Infinity",
    "INJECTED",
    "1 1",
    "",
]


@each_case("value", INJECTED)
@each_case("quote", ["'", ""])
def test_no_value_adds_a_member_to_json(value: str, quote: str) -> None:
    with pytest.raises(PlaceholderError) as raised:
        fill_text(f'EXEC a.b @@json={quote}{{"lifetime_seconds": {{{{ n }}}}}}{quote}', {"n": value})
    assert "is a value in JSON" in raised.value.message


SLIPS = [
    ("lifetime_seconds", "90 days", "a number of seconds: 90 days are 7776000"),
    ("lifetime_seconds", "1h", "a number of seconds: 1 hour is 3600"),
    ("n", "90 days", "90 days are 7776000 seconds"),
    ("n", "7_776_000", "write 7776000"),
    ("n", "7,776,000", "write 7776000"),
]


@each_case(("name", "value", "hint"), SLIPS)
def test_a_number_that_is_written_in_another_way_is_named(name: str, value: str, hint: str) -> None:
    for text in (f"SELECT {{{{ {name} }}}}", f"EXEC a.b @@json='{{\"a\": {{{{ {name} }}}}}}'"):
        with pytest.raises(PlaceholderError) as raised:
            fill_text(text, {name: value})
        assert raised.value.hint == hint


HOSTILE = st.text(max_size=12) | st.lists(
    st.sampled_from(
        ["'", "''", '"', "`", "\\", "--", "/*", "*/", ";", "\n", "{", "}", "{{", "\x00", " OR 1=1", "\u2028"]
    ),
    max_size=8,
).map("".join)
PLAIN = HOSTILE.map(lambda text: text.replace("\0", ""))
TRIES = tries(120)


# Positions of a value, and how the same is written with a parameter; values beside words, numbers and operators.
BARE = [
    "SELECT 5-{0} - 1 FROM t",
    "SELECT -{0}, ~{0}, NOT {0}",
    "SELECT a FROM t LIMIT{0} OFFSET {0}",
    "SELECT a FROM t WHERE a IN ({0}, 1,{0}) AND b BETWEEN {0} AND{0}",
    "SELECT 2 IS{0}, 1{0}, {0}{0}",
    "SELECT 1/{0}/ 2, 1-{0}-- comment",
    "SELECT {0} x, a {0}, f({0}), {0}(1), t.{0}",
    "SELECT * FROM {0}",
    "SELECT CAST(1 AS decimal({0}, 2)), INTERVAL {0} day",
    "UPDATE t SET a ={0} WHERE b = -{0}",
    "INSERT INTO t (a) VALUES ({0})",
    "EXEC a.b @x={0}",
    "SELECT CASE{0}WHEN{0}THEN{0}END",
    "SELECT a COLLATE {0}",
    "SLEEP {0}",
    "{0}",
]
SCALARS = (
    st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none()
)


def parse_or_none(statement: str | StatementText, parameters: Mapping[str, Any] | None = None) -> object:
    try:
        tree = PARSER.parse(statement)
    except SqlSyntaxError:
        return None
    return with_parameters(tree, parameters) if parameters is not None else tree


@TRIES
@given(st.sampled_from(BARE), SCALARS)
def test_a_filled_placeholder_gives_the_tree_of_a_bound_parameter(text: str, value: PlaceholderValue) -> None:
    filled = fill(PARSER.tokenize(text.replace("{0}", "{{ x }}")), {"x": value})
    bound = parse_or_none(text.replace("{0}", ":x "), {"x": value})
    assert strip_texts(parse_or_none(filled)) == strip_texts(bound)


@TRIES
@given(st.sampled_from(BARE), SCALARS | st.integers(-(2**63), 2**63 - 1).map(str))
def test_the_text_of_a_filled_statement_gives_its_tree_again(text: str, value: PlaceholderValue) -> None:
    filled = fill(PARSER.tokenize(text.replace("{0}", "{{ x }}")), {"x": value})
    tree = parse_or_none(filled)
    if tree is not None:
        assert parse_or_none(filled.text) == tree


def strip_texts(tree: object) -> object:
    """Return a tree without the texts that name columns."""
    return rewrite(tree, {nodes.Item: lambda item: replace(item, text="")})


QUOTED = [
    "SELECT '{0}'",
    "SELECT a FROM t WHERE b LIKE '%{0}' AND c IN ('{0}', 'x{0}y')",
    "SELECT 1 AS '{0}', \"a{0}\", `{0}`",
    "SELECT '[ci] \"{0}\"' FROM t WHERE a = '{0}' -- '{0}'",
    "SELECT '{{ {0}', '{0} }}', '{{{0}}}'",
    "INSERT INTO t (a) VALUES ('[ci] {0}')",
    "EXEC a.b @x='{0}'",
    "SHOW METHODS IN a.b LIKE '{0}'",
    "SELECT group_concat(a SEPARATOR '{0}') FROM t",
]


@TRIES
@given(st.sampled_from(QUOTED), PLAIN)
def test_in_quotes_a_value_is_its_own_text(text: str, value: str) -> None:
    marker = "\ue000"
    template = text.replace("{{", "{").replace("}}", "}")
    filled = fill(PARSER.tokenize(template.replace("{0}", "{{ x }}")), {"x": value})
    expected = re.sub(marker, lambda _: value, repr_tree(PARSER.parse(template.replace("{0}", marker))))
    assert repr_tree(PARSER.parse(filled)) == expected
    # Filled again, the text gives the same: nothing in it is a placeholder, whatever the value and what is around it.
    assert repr_tree(PARSER.parse(fill(PARSER.tokenize(filled.text), {}))) == expected


def repr_tree(tree: nodes.Statement) -> str:
    """Return the texts of a tree, as they are."""
    texts = (
        node.text
        for node in walk(tree, deep=True)
        if isinstance(node, (nodes.Literal, nodes.Name, nodes.ColumnRef))
        for node in ([*node.path] if isinstance(node, nodes.ColumnRef) else [node])
    )
    return "\n".join(texts)


@TRIES
@given(PLAIN, st.sampled_from(["", "\\\\", '\\"', "''"]), st.sampled_from(["'", ""]))
def test_in_json_a_value_is_its_own_text(value: str, before: str, quote: str) -> None:
    before = before if quote else before.replace("''", "'")
    text = f'EXEC a.b @@json={quote}{{"a": "{before}{{{{ x }}}}", "b": ["{{{{ x }}}}"]}}{quote}'
    statement = PARSER.parse(fill(PARSER.tokenize(text), {"x": value}))
    assert isinstance(statement, nodes.Exec)
    assert statement.body is not None
    own = before.replace("''", "'").replace("\\\\", "\\").replace('\\"', '"')
    assert json.loads(statement.body.text) == {"a": own + value, "b": [value]}


@TRIES
@given(HOSTILE | st.integers() | st.floats(allow_nan=True) | st.booleans() | st.none())
def test_outside_quotes_a_value_is_one_token_or_refused(value: PlaceholderValue) -> None:
    try:
        text = fill_text("{{ x }}", {"x": value})
    except PlaceholderError:
        return
    assert json.loads(text.strip("()")) is not ...
    assert len(PARSER.tokenize(text.strip("()").removeprefix("-")).tokens) == 1


@TRIES
@given(
    st.lists(st.sampled_from(["{{", "}}", " x ", "'", '"', "{", "}", "\\", "a", "\n"]), max_size=12).map("".join), PLAIN
)
def test_any_text_is_filled_or_an_error(text: str, value: str) -> None:
    try:
        places = find_placeholders(PARSER.tokenize(text).tokens)
        fill_text(text, {p.name: value for p in places})
    except PlaceholderError as error:
        assert error.span  # noqa: PT017 (no error is as good)
