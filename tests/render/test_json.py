"""json and jsonl are valid JSON that keeps types, digits and every column."""

from __future__ import annotations

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases import each_case
from tests.render.results import HOSTILE, render_text, result_of
from tokensh.rows import Column, ColumnType, Value


def one_cell(value: Value, column_type: ColumnType) -> str:
    text = render_text("jsonl", result_of([Column("c", column_type)], [(value,)]))
    assert text.startswith('{"c":')
    assert text.endswith("}\n")
    return text[5:-2]


def test_an_array_has_one_object_a_line() -> None:
    result = result_of(["a", Column("n", "integer")], [("x", 1), ("y", None)])
    assert render_text("json", result) == '[\n{"a":"x","n":1},\n{"a":"y","n":null}\n]\n'


def test_no_rows_are_an_empty_array_and_no_lines() -> None:
    assert render_text("json", result_of(["a"], [])) == "[]\n"
    assert render_text("jsonl", result_of(["a"], [])) == ""


def test_jsonl_has_one_object_a_line() -> None:
    assert render_text("jsonl", result_of(["a"], [("x",), ("y",)])) == '{"a":"x"}\n{"a":"y"}\n'


@each_case(
    ("value", "column_type", "written"),
    [
        (None, "string", "null"),
        ("null", "string", '"null"'),
        ("", "string", '""'),
        ('{"a": 1}', "string", '"{\\"a\\": 1}"'),
        ("[1]", "any", '"[1]"'),
        (2**63 - 1, "integer", "9223372036854775807"),
        (1, "boolean", "true"),
        (0, "boolean", "false"),
        (None, "boolean", "null"),
        (True, "any", "true"),
        (1, "any", "1"),
        (1.5, "number", "1.5"),
        (1e300, "number", "1e+300"),
        (float("inf"), "number", "null"),
        (float("-inf"), "any", "null"),
        (float("nan"), "any", "null"),
        (b"\x00\xff", "any", '"00ff"'),
        ('{"a":[1,2.50]}', "object", '{"a":[1,2.50]}'),
        ("[]", "array", "[]"),
        ('"text"', "object", '"text"'),
        ("broken", "object", '"broken"'),
        ('{"a":1}', "json", '{"a":1}'),
        ("[1, 2]", "json", "[1, 2]"),
        ("[oops", "json", '"[oops"'),
        ("[NaN]", "json", '"[NaN]"'),
        ("[" * 5000, "json", '"' + "[" * 5000 + '"'),
        ("12", "json", '"12"'),
        ('{\n "a": "\x7f\u202e"\n}', "json", '{"a":"\\u007f\\u202e"}'),
        ('{"a":"\u2028"}', "object", '{"a":"\\u2028"}'),
        ("[1e999,\n1]", "json", '"[1e999,\\n1]"'),
        ("é日\U0001f600", "string", '"é日\U0001f600"'),
        ("\x9b\u202e\ud800\x7f\U000e0041", "string", '"\\u009b\\u202e\\ud800\\u007f\\udb40\\udc41"'),
        ("%s %d %%", "string", '"%s %d %%"'),
    ],
)
def test_a_cell_is_typed_json(value: Value, column_type: ColumnType, written: str) -> None:
    assert one_cell(value, column_type) == written


@each_case("text", HOSTILE, ids=ascii)
def test_hostile_text_means_the_same_and_acts_on_nothing(text: str) -> None:
    written = render_text("json", result_of([text], [(text,)]))
    assert json.loads(written) == [{text: text}]
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", written)


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=())), st.none() | st.integers(-(2**63), 2**63 - 1))))
def test_json_reads_back_as_the_rows(rows: list[tuple[str, int | None]]) -> None:
    columns = [Column("a%s", "string"), Column("n", "integer")]
    expected = [{"a%s": a, "n": n} for a, n in rows]
    # json.loads joins surrogates that stand as two escapes: so does what the rows are compared with.
    assert json.loads(render_text("json", result_of(columns, rows))) == json.loads(json.dumps(expected))


@each_case(
    ("names", "keys"),
    [
        (["a", "a", "a"], ["a", "a_2", "a_3"]),
        (["a", "a_2", "a"], ["a", "a_2", "a_3"]),
        (["a", "a", "a_2"], ["a", "a_2", "a_2_2"]),
        (["a", "A"], ["a", "A"]),
    ],
)
def test_no_value_hides_another_of_the_same_name(names: list[str], keys: list[str]) -> None:
    found = json.loads(render_text("json", result_of(names, [tuple("x" * len(names))])))
    assert list(found[0]) == keys
