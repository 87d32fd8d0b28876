"""`{{ name }}` is found by the lexer, and no value breaks out of its place."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import seed_statements
from tests.shared_parser import shared_parser
from tokensh.errors import PlaceholderError
from tokensh.sql import nodes
from tokensh.sql.lexer import tokenize
from tokensh.sql.placeholders import PlaceholderValue, find_placeholders, substitute

PARSER = shared_parser()


def fill_text(text: str, values: Mapping[str, PlaceholderValue]) -> str:
    return substitute(text, find_placeholders(tokenize(PARSER.table, text)), values)


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
    ('EXEC a.b @@json=\'{"a": "{{ x }}", "b": {{ y }}}\'', [("x", "json", "'"), ("y", "string", "'")]),
    ('EXEC a.b @@json=\'["\\"{{ x }}", {{ y }}]\'', [("x", "json", "'"), ("y", "string", "'")]),
    ('EXEC a.b @@json=\'{"a": "\\\\", "b": {{ y }}}\'', [("y", "string", "'")]),
    ("SELECT '\"{{ x }}\"'", [("x", "string", "'")]),
    ("SELECT 1 -- {{ x }}\n/* {{ y }} */", []),
    ("SELECT '{ x }', 1", []),
    ("SELECT '{{ a-b.c }}'", [("a-b.c", "string", "'")]),
]


@pytest.mark.parametrize(("text", "places"), PLACES)
def test_a_placeholder_is_found_with_what_it_stands_in(text: str, places: list[tuple[str, str, str]]) -> None:
    found = find_placeholders(tokenize(PARSER.table, text))
    assert [(p.name, p.context, p.quote) for p in found] == places
    assert all(text[p.span.start : p.span.end].strip("{ }") == p.name for p in found)


@pytest.mark.parametrize("text", ["{{ range .x }}", "{{ }}", "{{ 1 }}", "'{{ $x }}'", "'{{ .values.x }}'"])
def test_a_template_of_another_tool_is_an_error_with_its_place(text: str) -> None:
    with pytest.raises(PlaceholderError) as raised:
        find_placeholders(tokenize(PARSER.table, f"SELECT {text}"))
    assert "invalid placeholder name" in raised.value.message
    assert raised.value.span is not None


@pytest.mark.parametrize("statement", [seed_statements.SELECT, seed_statements.INSERT, seed_statements.EXEC])
def test_the_statements_of_the_page_can_be_filled(statement: str) -> None:
    text = statement.rpartition(";")[0]
    names = {p.name for p in find_placeholders(tokenize(PARSER.table, text))}
    assert PARSER.is_complete(fill_text(text, dict.fromkeys(names, "1")))


WRITTEN: list[tuple[str, PlaceholderValue, str]] = [
    ("{{ x }}", 5, "5"),
    ("{{ x }}", "5", "5"),
    ("{{ x }}", " -1.5e3 ", "-1.5e3"),
    ("{{ x }}", True, "true"),
    ("{{ x }}", None, "null"),
    ("{{ x }}", "false", "false"),
    ("'{{ x }}'", "it's", "'it''s'"),
    ("'{{ x }}'", 5, "'5'"),
    ("'{{ x }}'", True, "'true'"),
    ("'a{{ x }}b{{ x }}c'", "\\", "'a\\b\\c'"),
    ('"{{ x }}"', 'a"b', '"a""b"'),
    ("`{{ x }}`", "a`b", "`a``b`"),
    ('\'{"a": "{{ x }}"}\'', "it's \"\n\\", '\'{"a": "it\'\'s \\"\\n\\\\"}\''),
    ("'{\"a\": {{ x }}}'", 5, "'{\"a\": 5}'"),
]


@pytest.mark.parametrize(("text", "value", "written"), WRITTEN)
def test_a_value_is_written_as_its_place_asks(text: str, value: PlaceholderValue, written: str) -> None:
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


@pytest.mark.parametrize("value", REFUSED)
def test_outside_quotes_nothing_but_a_json_scalar_stands(value: PlaceholderValue) -> None:
    with pytest.raises(PlaceholderError) as raised:
        fill_text("SELECT {{ x }}", {"x": value})
    assert "outside quotes" in raised.value.message
    assert "in quotes" in (raised.value.hint or "")


def test_all_that_is_missing_is_named_with_its_place() -> None:
    text = "SELECT {{ a }}, '{{ b }}', '{{ c }}', {{ a }}"
    with pytest.raises(PlaceholderError) as raised:
        fill_text(text, {"b": 1})
    assert raised.value.message == "no value for a, c"
    assert raised.value.missing == (("a", 7), ("c", text.index("{{ c")), ("a", text.rindex("{{ a")))
    assert "-v a=... -v c=..." in (raised.value.hint or "")


def test_a_value_with_a_placeholder_in_it_is_refused() -> None:
    with pytest.raises(PlaceholderError, match="contains a placeholder"):
        fill_text("SELECT '{{ x }}'", {"x": "{{ y }}"})


HOSTILE = st.text(max_size=12) | st.lists(
    st.sampled_from(
        ["'", "''", '"', "`", "\\", "--", "/*", "*/", ";", "\n", "{", "}", "{{", "\x00", " OR 1=1", "\u2028"]
    ),
    max_size=8,
).map("".join)
PLAIN = HOSTILE.filter(lambda text: not ("{{" in text and "}}" in text))
TRIES = settings(derandomize=True, max_examples=300, deadline=None)


@TRIES
@given(PLAIN, st.text("ab '", max_size=3).map(lambda t: t.replace("'", "''")))
def test_in_a_string_a_value_is_its_own_text(value: str, around: str) -> None:
    tree = item(fill_text(f"SELECT '{around}{{{{ x }}}}{around}'", {"x": value}))
    own = around.replace("''", "'")
    assert tree == nodes.Literal("string", f"{own}{value}{own}")


@TRIES
@given(PLAIN, st.sampled_from('"`'))
def test_in_a_quoted_name_a_value_is_its_own_text(value: str, quote: str) -> None:
    tree = item(fill_text(f"SELECT {quote}{{{{ x }}}}{quote}", {"x": value}))
    assert tree == nodes.ColumnRef((nodes.Name(value),))


@TRIES
@given(PLAIN, st.sampled_from(["", "\\\\", '\\"', "''"]))
def test_in_json_in_quotes_a_value_is_its_own_text(value: str, before: str) -> None:
    text = f'EXEC a.b @@json=\'{{"a": "{before}{{{{ x }}}}", "b": ["{{{{ x }}}}"]}}\''
    statement = PARSER.parse(fill_text(text, {"x": value}))
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
    assert json.loads(text) is not ...
    assert len(list(tokenize(PARSER.table, text.removeprefix("-")))) == 1


@TRIES
@given(
    st.lists(st.sampled_from(["{{", "}}", " x ", "'", '"', "{", "}", "\\", "a", "\n"]), max_size=12).map("".join), PLAIN
)
def test_any_text_is_filled_or_an_error(text: str, value: str) -> None:
    try:
        places = find_placeholders(tokenize(PARSER.table, text))
        substitute(text, places, {p.name: value for p in places})
    except PlaceholderError as error:
        assert error.span  # noqa: PT017 (no error is as good)
