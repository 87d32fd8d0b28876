"""Check that formats keep the API's values exactly; NULL, 'null' and '' stay different."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.resilience.faulty_server import FaultyServer, answers
from tests.resilience.harness import SELECT, Harness
from tests.resilience.test_terminal_text import SHOWN, listing

FORMULAS = {
    "=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0",
    "+1+cmd": "'+1+cmd",
    "-2+3+cmd": "'-2+3+cmd",
    "@SUM(A1)": "'@SUM(A1)",
    # A spreadsheet may take each part of a text as a cell.
    "\t=1": "'\t'=1",
    "\r=1": "'\r'=1",
    "a;=1": "a;'=1",
}


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))[1:]


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_is_data_unless_csv_safe_is_asked_for(
    formula: str, harness: Harness, workspace: FaultyServer
) -> None:
    workspace.on("list", listing(formula))
    assert rows_of(harness.run("-o", "csv", "-c", SELECT).out) == [["t0", formula]]
    assert rows_of(harness.run("-o", "csv", "--csv-safe", "-c", SELECT).out) == [["t0", FORMULAS[formula]]]
    safe = harness.run("-o", "tsv", "--csv-safe", "-c", SELECT).out.splitlines()[1].split("\t")[1]
    assert safe == FORMULAS[formula].replace("\t", "\\t").replace("\r", "\\r")
    assert json.loads(harness.run("-o", "json", "--csv-safe", "-c", SELECT).out)[0]["comment"] == formula


@pytest.mark.parametrize("number", ["-5", "+1", "-1.5", "-1e3"])
def test_csv_safe_leaves_a_number_alone(number: str, harness: Harness, workspace: FaultyServer) -> None:
    workspace.on("list", listing(number))
    done = harness.run("-o", "csv", "--csv-safe", "-c", "SELECT comment, expiry_time FROM user_tokens")
    assert rows_of(done.out) == [[number, "-1"]]


def test_csv_safe_looks_behind_an_apostrophe(harness: Harness, workspace: FaultyServer) -> None:
    workspace.on("list", listing("a=b", "", "'=b"))
    assert [row[1] for row in rows_of(harness.run("-o", "csv", "--csv-safe", "-c", SELECT).out)] == ["a=b", "", "''=b"]


@pytest.mark.parametrize("text", ['say "hi"', "a,b", "two\nlines", "two\r\nlines", "'", " blanks ", "\\N", "null"])
def test_csv_round_trips(text: str, harness: Harness, workspace: FaultyServer) -> None:
    workspace.on("list", listing(text))
    assert rows_of(harness.run("-o", "csv", "-c", SELECT).out) == [["t0", text]]
    assert json.loads(harness.run("-o", "json", "-c", SELECT).out) == [{"token_id": "t0", "comment": text}]


def test_json_of_every_hostile_text_parses_and_is_exact(harness: Harness, workspace: FaultyServer) -> None:
    texts = [text for name, (text, _) in SHOWN.items() if name != "lone surrogate"]
    workspace.on("list", listing(*texts))
    for form in ("json", "jsonl"):
        out = harness.run("-o", form, "-c", "SELECT comment FROM user_tokens").out
        found = json.loads(out) if form == "json" else list(map(json.loads, out.splitlines()))
        assert [row["comment"] for row in found] == texts


@pytest.mark.parametrize(
    ("form", "out"), [("json", "[]\n"), ("jsonl", ""), ("csv", "token_id,comment\n"), ("tsv", "token_id\tcomment\n")]
)
def test_an_empty_result_is_empty(form: str, out: str, harness: Harness, workspace: FaultyServer) -> None:
    workspace.on("list", answers(200, b"{}"))
    assert harness.run("-o", form, "-c", SELECT).out == out


@pytest.mark.parametrize(
    ("form", "out"),
    [
        ("json", [None, "null", "", "NULL"]),
        ("csv", ["", "null", '""', "NULL"]),
        ("tsv", [r"\N", "null", "", "NULL"]),
    ],
)
def test_null_is_not_the_word_nor_the_empty_text(
    form: str, out: list[str | None], harness: Harness, workspace: FaultyServer
) -> None:
    infos = [{"token_id": "t", "comment": comment} for comment in (None, "null", "", "NULL")]
    workspace.on("list", answers(200, json.dumps({"token_infos": infos}).encode()))
    written = harness.run("-o", form, "-c", "SELECT token_id, comment FROM user_tokens").out
    if form == "json":
        assert [row["comment"] for row in json.loads(written)] == out
    else:
        assert [line[2:] for line in written.splitlines()[1:]] == out


def test_a_new_secret_is_in_each_format_once(harness: Harness) -> None:
    for form in ("table", "json", "jsonl", "csv", "tsv", "text", "markdown", "line"):
        result = harness.run("-o", form, "-c", "INSERT INTO user_tokens (comment) SELECT 'x' RETURNING token_value")
        assert result.status == 0
        assert result.out.count(harness.tokens.minted[result.minted[0]]) == 1
