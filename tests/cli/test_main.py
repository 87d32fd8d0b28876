"""The command line turns arguments and standard input into results, errors and an exit status, as README promises."""

from __future__ import annotations

import io
import json
import re
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import seed_statements
from tests.environments import make_environment
from tests.shared_parser import CACHE_HOME
from tests.support import ROOT
from tokensh.cli.arguments import build_parser, format_help
from tokensh.cli.main import main
from tokensh.environment import Environment
from tokensh.render.formats import FORMATS
from tokensh.sandbox import Sandbox

WORKSPACE = "dbc-abcd0123-a1bc"
FILLED = ("-v", f"deployment_name={WORKSPACE}", "-v", "lifetime_seconds=3600", "-v", "comment=ci")


@dataclass(frozen=True)
class RunResult:
    status: int
    out: str
    err: str

    @property
    def json(self) -> list[list[dict[str, object]]]:
        """Every statement's rows."""
        decoder, values, at = json.JSONDecoder(), [], 0
        while at < len(self.out):
            value, at = decoder.raw_decode(self.out, at)
            values.append(value)
            at += 1
        return values


def run(home: Path, *arguments: str, stdin: str | bytes = "", variables: dict[str, str] | None = None) -> RunResult:
    # One compiled grammar for all tests of a run.
    given = {"HOME": str(home), "XDG_CACHE_HOME": str(CACHE_HOME), **(variables or {})}
    raw = stdin.encode() if isinstance(stdin, str) else stdin
    out, err = io.StringIO(), io.StringIO()
    status = main(arguments, Environment(io.TextIOWrapper(io.BytesIO(raw)), out, err, given))
    return RunResult(status, out.getvalue(), err.getvalue())


def on(
    site: Sandbox, home: Path, *arguments: str, stdin: str | bytes = "", workspace: str | None = WORKSPACE
) -> RunResult:
    chosen = ("-w", workspace) if workspace else ()
    return run(
        home,
        "--endpoint",
        site.endpoint,
        *chosen,
        *arguments,
        stdin=stdin,
        variables={"DATABRICKS_TOKEN": site.token},
    )


# ---- the page's statements


def test_the_pages_select_from_standard_input_lists_the_tokens(tmp_path: Path) -> None:
    result = run(tmp_path, "--sandbox", "-v", f"deployment_name={WORKSPACE}", stdin=seed_statements.SELECT)
    assert result.status == 0
    assert result.out.splitlines()[1].split() == [
        "|",
        "token_id",
        "|",
        "comment",
        "|",
        "creation_time",
        "|",
        "expiry_time",
        "|",
    ]
    assert "terraform ci" in result.out
    assert result.err == ""


def test_the_pages_insert_gives_the_token_and_its_value(tmp_path: Path) -> None:
    result = run(tmp_path, "--sandbox", "-o", "json", *FILLED, stdin=seed_statements.INSERT)
    ((row,),) = result.json
    assert list(row) == ["token_info", "token_value"]
    assert isinstance(row["token_info"], dict)
    assert row["token_info"]["comment"] == "ci"
    assert re.fullmatch("dapi[0-9a-f]{32}", str(row["token_value"]))


def test_the_pages_exec_revokes_and_a_select_after_it_shows_that(tmp_path: Path) -> None:
    ids = run(tmp_path, "--sandbox", "-o", "json", "-c", "SELECT token_id FROM user_tokens").json[0]
    first = str(ids[0]["token_id"])
    result = run(
        tmp_path,
        "--sandbox",
        "-o",
        "json",
        *FILLED,
        "-v",
        f"token_id={first}",
        stdin=f"{seed_statements.EXEC}\n{seed_statements.SELECT}",
    )
    assert result.status == 0, result.err
    assert [row["token_id"] for row in result.json[0]] == [row["token_id"] for row in ids[1:]]


def test_the_pages_statements_in_one_file_run_as_three(site: Sandbox, tmp_path: Path) -> None:
    script = tmp_path / "page.sql"
    script.write_text(f"{seed_statements.SELECT}\n\n{seed_statements.INSERT}\n{seed_statements.EXEC}\n")
    token_id = str(on(site, tmp_path, "-o", "json", "-c", "SELECT token_id FROM user_tokens").json[0][1]["token_id"])
    result = on(site, tmp_path, *FILLED, "-v", f"token_id={token_id}", "-f", str(script))
    assert result.status == 0
    assert re.fullmatch(r"INSERT 1\nnote: expires \d{4}-\d\d-\d\d, in 1\.0 hours\n", result.err)
    assert [entry.path.rpartition("/")[2] for entry in site.log[1:]] == ["list", "create", "delete"]


@pytest.mark.parametrize("shape", ["page", "mapping", "json"])
def test_values_for_placeholders_come_from_a_file(shape: str, tmp_path: Path) -> None:
    filled = seed_statements.MANIFEST.replace("value: string", f"value: {WORKSPACE}", 1).replace("integer", "60")
    texts = {
        "page": filled.replace("value: string", "value: ci"),
        "mapping": f"deployment_name: {WORKSPACE}\nlifetime_seconds: 60\ncomment: ci\n",
        "json": json.dumps({"deployment_name": WORKSPACE, "lifetime_seconds": 60, "comment": "ci"}),
    }
    (tmp_path / "manifest").write_text(texts[shape])
    result = run(
        tmp_path, "--sandbox", "-o", "json", "--vars", str(tmp_path / "manifest"), stdin=seed_statements.INSERT
    )
    assert result.status == 0, result.err
    assert '"comment":"ci"' in result.out.replace(" ", "")


def test_the_manifest_as_printed_is_three_unfilled_placeholders(site: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "manifest.yaml").write_text(seed_statements.MANIFEST)
    result = on(site, tmp_path, "--vars", str(tmp_path / "manifest.yaml"), stdin=seed_statements.INSERT)
    assert (result.status, result.out, site.log) == (2, "", [])
    for name, line in (("lifetime_seconds", 7), ("comment", 8), ("deployment_name", 9)):
        assert f"{{{{ {name} }}}} on line {line}" in result.err


# ---- placeholders


def test_no_statement_of_a_file_runs_while_a_later_one_lacks_a_value(site: Sandbox, tmp_path: Path) -> None:
    script = tmp_path / "two.sql"
    script.write_text("SELECT token_id FROM user_tokens;\nSELECT '{{ a }}',\n  {{ b }};\n")
    result = on(site, tmp_path, "-f", str(script))
    assert (result.status, result.out, site.log) == (2, "", [])
    assert f"{script}:2:9: error: no value for a, b" in result.err
    assert "{{ b }} on line 3" in result.err


def test_a_piped_statement_without_a_value_stops_after_those_before_it(tmp_path: Path) -> None:
    result = run(tmp_path, "--sandbox", "-o", "csv", stdin="SELECT 1 AS a;\nSELECT {{ b }};\nSELECT 3;")
    assert (result.status, result.out) == (2, "a\n1\n")


def test_a_value_given_on_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text("a: one\n")
    result = run(
        tmp_path, "-o", "csv", "--vars", str(tmp_path / "v.yaml"), "-v", "a=two", "-c", "SELECT '{{ a }}' AS a"
    )
    assert result.out == "a\ntwo\n"


# ---- wrong statements: nothing is sent

WRONG = [
    ("SELECT toke_id FROM user_tokens", ["1:8", "toke_id", "token_id"]),
    ("SELECT token_id FROM user_token", ["1:22", "user_token", "user_tokens"]),
    ("SELECT token_id FROM databricks_workspace.workspaces.user_tokens", ["workspaces", "workspace"]),
    ("EXEC user_tokens.revoke_token @deployment_name='x'", ["revoke_token", "revoketoken"]),
    ("UPDATE user_tokens SET comment = 'x' WHERE token_id = '1'", ["UPDATE", "listtokens", "create", "revoketoken"]),
    ("SELECT token_id FORM user_tokens", ["FORM", "FROM"]),
    ("SELEC token_id FROM user_tokens", ["SELEC", "SELECT"]),
    ("INSERT INTO user_tokens (data__coment, deployment_name) SELECT 'x', 'y'", ["coment", "comment"]),
    ("SELECT lenght(token_id) FROM user_tokens", ["lenght", "length"]),
    ("SELECT 'x", ["not closed"]),
]


@pytest.mark.parametrize(("sql", "words"), WRONG, ids=[sql for sql, _ in WRONG])
def test_a_wrong_statement_is_one_clear_error(sql: str, words: list[str], site: Sandbox, tmp_path: Path) -> None:
    result = on(site, tmp_path, "-c", sql)
    assert (result.status, result.out, site.log) == (1, "", [])
    for word in words:
        assert word in result.err
    assert "hint:" in result.err


def test_a_statement_without_a_workspace_names_the_parameter(site: Sandbox, tmp_path: Path) -> None:
    result = on(site, tmp_path, "-c", "SELECT * FROM user_tokens", workspace=None)
    assert (result.status, site.log) == (1, [])
    assert "deployment_name" in result.err


@pytest.mark.parametrize(
    "name",
    ["evil.com/#", "evil.com", "a.b", "x@evil.com", "x:8080", "a b", "-x", "x-", "", "\uff41", "a\x00b", "x" * 64],
)
def test_a_deployment_name_that_is_no_host_is_refused(name: str, site: Sandbox, tmp_path: Path) -> None:
    escaped = name.replace("'", "''")
    result = on(site, tmp_path, "-c", f"SELECT * FROM user_tokens WHERE deployment_name = '{escaped}'")
    assert (result.status, result.out, site.log) == (1, "", [])
    assert "error:" in result.err


def test_without_a_credential_it_says_what_was_looked_for(tmp_path: Path) -> None:
    result = run(tmp_path, "-w", "dbc-1", "-c", "SELECT * FROM user_tokens")
    assert result.status == 2
    assert "DATABRICKS_TOKEN" in result.err


# ---- what is printed

SHAPES = {
    "json": '[\n{"a":1,"b":"x"}\n]\n',
    "jsonl": '{"a":1,"b":"x"}\n',
    "csv": "a,b\n1,x\n",
    "tsv": "a\tb\n1\tx\n",
    "text": "a,b\n1,x\n",
    "markdown": "| a | b |\n| --- | --- |\n| 1 | x |\n",
    "table": "|---|---|\n| a | b |\n|---|---|\n| 1 | x |\n|---|---|\n",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_format_prints_the_same_row(shape: str, tmp_path: Path) -> None:
    assert run(tmp_path, "-o", shape, "-c", "SELECT 1 AS a, 'x' AS b").out == SHAPES[shape]


def test_records_can_be_had_off_a_terminal(tmp_path: Path) -> None:
    assert re.search(r"a\s*[|=:]?\s*1", run(tmp_path, "-o", "line", "-c", "SELECT 1 AS a").out)


def test_no_rows_are_an_empty_array_and_not_silence(tmp_path: Path) -> None:
    assert run(tmp_path, "-o", "json", "-c", "SELECT 1 AS a WHERE 0").out == "[]\n"


def test_headers_can_be_left_out(tmp_path: Path) -> None:
    assert run(tmp_path, "-o", "csv", "-H", "-c", "SELECT 1 AS a").out == "1\n"


def test_results_go_into_a_file_that_is_the_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    result = run(tmp_path, "-o", "json", "-O", str(file), "-c", "SELECT 1 AS a; SELECT 2 AS a")
    assert (result.status, result.out) == (0, "")
    assert file.read_text() == '[\n{"a":1}\n]\n[\n{"a":2}\n]\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_statements_and_files_run_in_the_order_they_are_given(tmp_path: Path) -> None:
    file = tmp_path / "b.sql"
    file.write_text("\ufeffSELECT 2 AS a;\r\n")
    result = run(
        tmp_path,
        "-o",
        "jsonl",
        "-c",
        "SELECT 1 AS a",
        "-f",
        str(file),
        "-e",
        "SELECT 3 AS a",
        "-i",
        "-",
        stdin="SELECT 4 AS a",
    )
    assert result.out.splitlines() == [f'{{"a":{n}}}' for n in (1, 2, 3, 4)]


# ---- errors and statuses


def test_a_batch_stops_at_the_first_error(tmp_path: Path) -> None:
    result = run(tmp_path, "-o", "csv", "-H", stdin="SELECT 1;\nSELECT nope;\nSELECT 3;")
    assert (result.status, result.out) == (1, "1\n")
    assert result.err.startswith("<stdin>:2:8: error: unknown column 'nope'")


def test_a_batch_goes_on_after_errors_if_told_to(tmp_path: Path) -> None:
    result = run(tmp_path, "-o", "csv", "-H", "--on-error", "continue", stdin="SELECT 1;\nSELECT nope;\nSELECT 3;")
    assert (result.status, result.out) == (1, "1\n3\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-such-option"],
        ["-o", "jsn", "-c", "SELECT 1"],
        ["--timeout", "0", "-c", "SELECT 1"],
        ["--max-connections", "65", "-c", "SELECT 1"],
        ["-v", "novalue", "-c", "SELECT 1"],
        ["-f", "missing.sql"],
        ["--vars", "missing.yaml", "-c", "SELECT 1"],
        ["-O", "missing/folder/out", "-c", "SELECT 1"],
        ["--endpoint", "http://example.com/{deployment_name}", "-c", "SELECT 1"],
        ["--sandbox", "--endpoint", "http://127.0.0.1:1/{deployment_name}", "-c", "SELECT 1"],
        ["--registry", "missing", "-c", "SHOW PROVIDERS"],
    ],
    ids=" ".join,
)
def test_a_wrong_call_ends_with_2(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(tmp_path, *arguments)
    assert result.status == 2
    assert result.out == ""
    assert "error" in result.err + capsys.readouterr().err


def test_bytes_that_are_no_utf8_are_an_error_that_says_where(tmp_path: Path) -> None:
    result = run(tmp_path, "-o", "csv", "-H", stdin=b"SELECT 1;\nSELECT '\xff';\n")
    assert result.status == 1
    assert "<stdin>:2: byte 18 (0xff) is not valid UTF-8" in result.err


def test_check_reports_every_syntax_error_and_runs_nothing(site: Sandbox, tmp_path: Path) -> None:
    result = on(
        site, tmp_path, "--check", stdin="SELECT FROM;\nSELECT {{ a }} FROM nowhere;\nINSERT;\nDELETE FROM user_tokens;"
    )
    assert (result.status, result.out, site.log) == (1, "", [])
    assert re.findall(r"<stdin>:(\d+):", result.err) == ["1", "3"]


def test_check_passes_what_parses(tmp_path: Path) -> None:
    assert run(
        tmp_path, "--check", stdin=f"{seed_statements.SELECT}\n{seed_statements.INSERT}\n{seed_statements.EXEC}"
    ) == RunResult(0, "", "")


def test_a_dry_run_explains_and_sends_nothing(site: Sandbox, tmp_path: Path) -> None:
    result = on(site, tmp_path, "--dry-run", "-o", "json", *FILLED, stdin=seed_statements.INSERT)
    assert (result.status, site.log) == (0, [])
    assert "POST" in result.out


def test_a_delete_that_has_to_list_needs_yes(site: Sandbox, tmp_path: Path) -> None:
    sql = "DELETE FROM user_tokens WHERE comment = 'dbt production' RETURNING token_id"
    asked = on(site, tmp_path, "-c", sql)
    assert asked.status == 1
    assert "--yes" in asked.err
    assert [entry.method for entry in site.log] == ["GET"]
    done = on(site, tmp_path, "--yes", "-o", "csv", "-H", "-c", sql)
    assert done.status == 0
    assert [entry.method for entry in site.log[1:]] == ["GET", "POST"]


def test_a_workspace_that_fails_makes_the_statement_fail_unless_partial(site: Sandbox, tmp_path: Path) -> None:
    sql = f"SELECT DISTINCT deployment_name FROM user_tokens WHERE deployment_name IN ('{WORKSPACE}', 'dbc-bcde1234-b2cd')"
    site.fault("GET /w/dbc-bcde1234-b2cd/*", status=403, times=None)
    whole = on(site, tmp_path, "-o", "csv", "-H", "-c", sql)
    assert (whole.status, whole.out) == (1, "")
    assert "403" in whole.err
    part = on(site, tmp_path, "--partial", "-o", "csv", "-H", "-c", sql)
    assert (part.status, part.out) == (1, f"{WORKSPACE}\n")
    assert part.err.startswith("warning:")


# ---- creates


def test_a_create_whose_reply_is_lost_names_the_token_and_how_to_revoke_it(site: Sandbox, tmp_path: Path) -> None:
    site.fault("POST */token/create", after_handler=True, drop=True)
    result = on(site, tmp_path, *FILLED, "-v", "comment=lost one", stdin=seed_statements.INSERT)
    assert (result.status, result.out) == (4, "")
    assert [entry.method for entry in site.log].count("POST") == 1
    (token_id,) = re.findall(r"^token ([0-9a-f]{64})$", result.err, re.MULTILINE)
    (statement,) = re.findall(r"^EXEC .*;$|^DELETE .*;$", result.err, re.MULTILINE)
    revoked = on(site, tmp_path, "-c", statement)
    assert revoked.status == 0
    assert re.fullmatch(r'note: unknown outcome of 1 create \(.* "lost one"\): SELECT .*\n', revoked.err)
    assert on(site, tmp_path, "-c", "SELECT 1").err == ""
    left = on(site, tmp_path, "-o", "csv", "-H", "-c", "SELECT token_id FROM user_tokens").out
    assert token_id not in left


def test_the_secret_of_a_create_is_on_standard_output_alone(site: Sandbox, tmp_path: Path) -> None:
    result = on(
        site,
        tmp_path,
        "-o",
        "csv",
        "-H",
        *FILLED,
        "-c",
        "INSERT INTO user_tokens(comment) SELECT 'x' RETURNING token_value",
    )
    secret = result.out.strip()
    assert secret.startswith("dapi")
    assert secret not in result.err
    assert [file for file in tmp_path.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()] == []


# ---- help


def test_help_txt_is_the_table_of_options_as_text() -> None:
    written = (ROOT / "tokensh" / "cli" / "help.txt").read_text(encoding="utf-8")
    assert written == format_help(), "run `python -m tests.manual_pages`"


@pytest.mark.parametrize("arguments", [["-h"], ["--help"], ["-q", "--help"]])
def test_help_is_the_text_that_is_shipped(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert capsys.readouterr().out == (ROOT / "tokensh" / "cli" / "help.txt").read_text(encoding="utf-8")


def test_help_fits_a_screen_of_60_lines_and_80_columns() -> None:
    lines = format_help().splitlines()
    assert (len(lines) <= 60, max(map(len, lines)) < 80) == (True, True)


def test_help_names_every_option_and_no_other() -> None:
    _, _, options = format_help().partition("statements:")
    flags = {flag for action in build_parser("")._actions for flag in action.option_strings}
    assert set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", options)) == flags
    assert ", ".join(FORMATS).replace("table", "table (default)") in " ".join(options.split())


def test_help_and_its_topic_name_every_option_and_the_exit_statuses(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(tmp_path, "--help").status == 0
    shown = capsys.readouterr().out + run(tmp_path, "help", "command-line").out
    for word in ("-c", "-f", "-o", "-O", "-H", "-v", "--vars", "-w", "-p", "--sandbox", "--endpoint", "--registry"):
        assert word in shown
    for word in ("--on-error", "--check", "--dry-run", "--yes", "--partial", "--timeout", "-X", "-q", "-V", "130"):
        assert word in shown


def test_worlds_without_bytes_are_read_as_text(tmp_path: Path) -> None:
    of_text = make_environment(tmp_path, stdin="SELECT 1 AS a;")
    assert main(["-o", "csv"], of_text) == 0
    assert isinstance(of_text.stdout, io.StringIO)
    assert of_text.stdout.getvalue() == "a\n1\n"


@pytest.mark.parametrize(
    ("statement", "report"),
    [
        ("DELETE FROM user_tokens WHERE comment LIKE 'nightly%' OR comment LIKE 'dbt%'", "DELETE 2"),
        ("DELETE FROM user_tokens WHERE token_id = 'nope'", "DELETE 0"),
        ("INSERT INTO user_tokens (comment) VALUES ('a'), ('b') RETURNING token_value", "INSERT 2\n(note: .*\n?)*"),
        (
            "CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('a'), ('b'); UPDATE t SET x = 'c' WHERE x = 'a'",
            "INSERT 2\nUPDATE 1",
        ),
        ("BEGIN; DELETE FROM user_tokens WHERE token_id = 'nope'; COMMIT", "(note: .*\n)*DELETE 0"),
        ("SELECT 1", ""),
    ],
)
def test_a_write_reports_its_count_unless_told_not_to(statement: str, report: str, tmp_path: Path) -> None:
    arguments = ("--sandbox", "--yes", "-o", "csv", "-c", statement)
    assert re.fullmatch(report, run(tmp_path, *arguments).err.strip())
    quiet = run(tmp_path / "quiet", "--quiet", *arguments)
    assert quiet.status == 0
    assert not re.search(r"^[A-Z]+ \d+$", quiet.err, re.MULTILINE)


@pytest.mark.parametrize("word", ["exit", "quit;", "QUIT"])
def test_a_word_ends_a_script_and_nothing_after_it_is_read(word: str, tmp_path: Path) -> None:
    script = f"SELECT 1 AS a;\n{word}\n"
    assert run(tmp_path, "-o", "csv", stdin=script) == RunResult(0, "a\n1\n", "")
    assert run(tmp_path, "--check", stdin=f"{script.rstrip()};\nSELEKT") == RunResult(0, "", "")


@pytest.mark.parametrize(
    ("script", "not_sent"),
    [
        ("BEGIN", ""),
        ("BEGIN; DELETE FROM user_tokens WHERE token_id = 'nope'", ", 1 waiting change not sent"),
        ("CREATE TABLE t (x INT); SAVEPOINT a; INSERT INTO t VALUES (1)", ""),
    ],
)
def test_a_script_without_its_commit_is_rolled_back_and_fails(script: str, not_sent: str, tmp_path: Path) -> None:
    done = run(tmp_path, "--sandbox", "--yes", "-c", script)
    assert f"error: the input ended inside a transaction: rolled back{not_sent}\n" in done.err
    assert done.status == 1
