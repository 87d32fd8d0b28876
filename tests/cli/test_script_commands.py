r"""Commands of the shell in `-c`, files and pipes: what a person is not needed for works as at the prompt."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.test_main import RunResult, run


def write(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def run_csv(home: Path, *arguments: str, stdin: str = "") -> RunResult:
    return run(home, "--sandbox", "-o", "csv", "-H", *arguments, stdin=stdin)


def test_commands_inform_about_resources_tables_functions_and_the_session(tmp_path: Path) -> None:
    text = "\\d user_tokens\n\\dt\n\\df days_left\n\\l\n\\conninfo\n\\h DELETE\n\\c\n"
    for done in (run_csv(tmp_path, "-c", text), run_csv(tmp_path, stdin=text)):
        assert (done.status, done.err.splitlines()[-1][:12]) == (0, "workspace is")
        for each in (
            "listtokens   SELECT",
            "tokensh.local.pending,",
            "days_left(ms)",
            "dbc-abcd0123-a1bc,",
            "credential   pat",
        ):
            assert each in done.out


def test_a_script_decides_with_variables_and_conditions_what_runs(tmp_path: Path) -> None:
    script = write(
        tmp_path,
        "a.sql",
        r"""\echo it's a text
\set least 5
SELECT count(*) AS n, NULL AS nothing FROM user_tokens \gset t_
\if {{ t_n }} > {{ least }}
SELECT 'many' AS answer,
\echo inside of a statement
 {{ t_n }} AS n;
\elif nosuch
SELECT nosuch FROM nosuch;
\else
\! exit 3
\endif
\unset t_n
\q
SELECT 'never';
""",
    )
    assert run_csv(tmp_path, "-f", script) == RunResult(0, "it's a text\ninside of a statement\nmany,8\n", "")


def test_commands_say_how_results_look_and_where_they_go(tmp_path: Path) -> None:
    out, copy, piped = (tmp_path / name for name in ("out.txt", "copy.json", "piped"))
    text = rf"""SELECT 1 AS a, NULL AS b \g (format=csv null=none header=on) {out}
SELECT 2 AS a \g |cat > {piped}
\copy (SELECT 3 AS a) to {copy}
\pset format jsonl
SELECT 4 AS a;
SELECT 5 AS a \gx
\o {tmp_path / "rest"}
SELECT 6 AS a;
"""
    done = run_csv(tmp_path, "-q", stdin=text)
    assert (done.status, done.out, done.err) == (0, '{"a":4}\n{"a":5}\n', "")
    files = [path.read_text() for path in (out, piped, copy, tmp_path / "rest")]
    assert files == ["a,b\n1,none\n", "2\n", '[\n{"a":3}\n]\n', '{"a":6}\n']
    assert out.stat().st_mode & 0o777 == 0o600


def test_a_table_that_a_command_writes_to_a_file_has_plain_lines(tmp_path: Path) -> None:
    done = run(tmp_path, "--sandbox", "-c", rf"SELECT 1 AS a \g {tmp_path / 'out'}", "-c", r"SELECT 2 AS a \G")
    assert (tmp_path / "out").read_text().isascii()
    assert re.fullmatch(r"-\[ RECORD 1 \]-+\na \| 2\n", done.out)


def test_a_failure_names_its_file_and_stops_all_files_around_it(tmp_path: Path) -> None:
    inner = write(tmp_path, "inner.sql", "SELECT 1 AS a;\nSELECT\n nosuch FROM user_tokens \\g\nSELECT 'never';\n")
    outer = write(tmp_path, "outer.sql", f"\\i {inner}\nSELECT 'after';\n")
    done = run_csv(tmp_path, "-f", outer)
    assert (done.status, done.out) == (1, "1\n")
    assert done.err.startswith(f"{inner}:3:2: error: unknown column 'nosuch'\n")
    assert run_csv(tmp_path, "--on-error", "continue", "-f", outer).out == "1\nnever\nafter\n"
    endless = write(tmp_path, "endless.sql", f"\\i {tmp_path / 'endless.sql'}\n")
    assert "include each other more than 10 deep" in run_csv(tmp_path, "-f", endless).err


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (r"\watch 1", r"-c:1:1: error: \watch needs a person at the prompt"),
        ("SELECT 1;\n \\reveal", r"-c:2:2: error: \reveal needs a person at the prompt"),
        (r"\dz", r"-c:1:1: error: unknown command \dz"),
        (r"\d nosuch", "-c:1:1: error: unknown resource 'nosuch'"),
        (r"\! exit 3", "-c:1:1: error: the program exit 3 ended with status 3"),
        (r"SELECT 1 \g |exit 3", "-c:1:1: error: the program exit 3 ended with status 3"),
        (r"\i nosuch.sql", "-c:1:1: error: cannot read nosuch.sql: No such file or directory"),
        (r"\copy to x.csv", "-c:1:1: error: no result to copy"),
        (r"\if 1", r"error: -c ends inside \if"),
        (r"\endif", r"-c:1:1: error: \endif without \if"),
        (r"SELECT 1 UNION SELECT 2 \gset", r"-c:1:1: error: \gset needs one row, not 2"),
        (r"\g", "-c:1:1: error: no statement to run"),
    ],
)
def test_a_command_that_fails_stops_the_batch(text: str, error: str, tmp_path: Path) -> None:
    done = run_csv(tmp_path, "-c", text, "-c", "SELECT 'after'")
    assert done.status in (1, 2)
    assert error in done.err.splitlines()
    assert "after" not in done.out


def test_a_new_value_is_written_where_the_command_says_and_never_lost(tmp_path: Path) -> None:
    insert = "INSERT INTO user_tokens (comment) VALUES ('x') RETURNING token_value"
    pending = "SELECT count(*) FROM tokensh.local.pending"
    done = run_csv(tmp_path, "-q", "-c", rf"{insert} \g {tmp_path / 'new'}", "-c", pending)
    assert done.out == "0\n"
    assert re.fullmatch(r"dapi\w{32}\n", (tmp_path / "new").read_text())
    done = run_csv(tmp_path, "-c", rf"{insert} \gset", "-c", "SELECT 'after'")
    assert (done.status, done.out) == (1, "")
    assert "the new value would be lost: a secret is kept in no variable" in done.err
    assert "expires" not in done.err


def test_check_and_dry_run_know_commands(tmp_path: Path) -> None:
    script = write(
        tmp_path, "a.sql", f"\\set n 1\n\\! touch {tmp_path / 'no'}\nSELECT {{{{ n }}}} \\g {tmp_path / 'no'}\n"
    )
    assert run_csv(tmp_path, "--check", "-f", script) == RunResult(0, "", "")
    assert r"error: unknown command \nosuch" in run_csv(tmp_path, "--check", "-c", r"\nosuch").err
    assert run_csv(tmp_path, "--check", "-c", "SELECT 1 + \\g").status == 1
    done = run_csv(tmp_path, "--dry-run", "-f", script)
    assert (done.status, done.err) == (0, f"not run: \\! touch {tmp_path / 'no'}\n")
    assert "query" in done.out
    assert not (tmp_path / "no").exists()


def test_values_that_a_file_lacks_are_told_before_anything_runs(tmp_path: Path) -> None:
    done = run_csv(tmp_path, "-c", "SELECT 1;\n\\set a 1\nSELECT {{ a }}, {{ b }};")
    assert (done.status, done.out) == (2, "")
    assert "-c:3:17: error: no value for b" in done.err


def test_a_backslash_in_quotes_and_comments_begins_no_command(tmp_path: Path) -> None:
    text = "SELECT 'a\n\\q' AS a, -- \\q\n '\\' AS b /* \\q\n\\q */ WHERE 'x%' LIKE 'x\\%' ESCAPE '\\';\nSELECT 2 -- required;\n\\echo end\n"
    for done in (run_csv(tmp_path, "-c", text), run_csv(tmp_path, stdin=text)):
        assert (done.status, done.out) == (0, '"a\n\\q",\\\n2\nend\n')
