"""`tokensh exec` and `tokensh shell` take StackQL's flags: each works, is ignored or is refused with a hint."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_main import RunResult, run
from tokensh import __version__, sandbox
from tokensh.sandbox import Sandbox

A = "dbc-abcd0123-a1bc"
SELECT = f"SELECT comment, expiry_time FROM user_tokens WHERE deployment_name = '{A}' AND expiry_time = -1"
AUTH = '{"databricks_workspace": {"type": "bearer", "credentialsenvvar": "MY_TOKEN"}}'


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with sandbox.start() as running:
        yield running


@pytest.fixture
def site(shared: Sandbox) -> Sandbox:
    shared.clear_log()
    return shared


def on(site: Sandbox, home: Path, *arguments: str, stdin: str = "", **variables: str) -> RunResult:
    given = {"TOKENSH_ENDPOINT": site.endpoint, "DATABRICKS_TOKEN": site.token, **variables}
    return run(home, *arguments, stdin=stdin, variables=given)


def offline(home: Path, *arguments: str, stdin: str = "") -> RunResult:
    return run(home, *arguments, stdin=stdin)


# ---- exec


@pytest.mark.parametrize(
    ("flags", "shown"),
    [
        (("-o", "json"), '[\n{"comment":"terraform ci","expiry_time":-1}\n]\n'),
        (("--output=jsonl",), '{"comment":"terraform ci","expiry_time":-1}\n'),
        (("-o", "ndjson"), '{"comment":"terraform ci","expiry_time":-1}\n'),
        (("-o", "csv"), "comment,expiry_time\nterraform ci,-1\n"),
        (("-o=csv", "-H"), "terraform ci,-1\n"),
        (("-o", "csv", "--hideheaders=true", "-d", ";"), "terraform ci;-1\n"),
        (("-o", "csv", "--hideheaders=false", "--delimiter", r"\t"), "comment\texpiry_time\nterraform ci\t-1\n"),
        (("-o", "pptext", "-H"), "terraform ci,-1\n"),
        (("-o", "text", "-H", "-d", "|"), "terraform ci|-1\n"),
    ],
)
def test_exec_gives_rows_in_stackqls_formats(flags: tuple[str, ...], shown: str, site: Sandbox, tmp_path: Path) -> None:
    before, after = on(site, tmp_path, "exec", *flags, SELECT), on(site, tmp_path, "exec", SELECT, *flags)
    assert before == after == RunResult(0, shown, "")


def test_table_is_the_format_of_exec(site: Sandbox, tmp_path: Path) -> None:
    assert on(site, tmp_path, "exec", SELECT).out.splitlines()[1] == "| comment      | expiry_time |"


def test_a_file_is_run_and_results_go_to_a_file(site: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "in.iql").write_text(f"{SELECT};\nSELECT 2 AS two;\n")
    rows = tmp_path / "rows.json"
    assert on(site, tmp_path, "exec", "-i", str(tmp_path / "in.iql"), "-f", str(rows), "-o", "jsonl") == RunResult(
        0, "", ""
    )
    assert [json.loads(line) for line in rows.read_text().splitlines()][1:] == [{"two": 2}]
    assert stat.S_IMODE(rows.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["kept.sql", "KEPT.IQL"])
def test_results_never_overwrite_statements(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text("SELECT 1;")
    result = offline(tmp_path, "exec", "SELECT 1", "-f", str(file))
    assert (result.status, result.out) == (2, "")
    assert "it would overwrite" in result.err
    assert "-i FILE runs a file" in result.err
    assert file.read_text() == "SELECT 1;"


def test_results_may_make_a_file_of_any_name(tmp_path: Path) -> None:
    file = tmp_path / "template.iql"
    made = offline(tmp_path, "exec", "SHOW INSERT INTO user_tokens", "-o", "text", "-H", "-f", str(file))
    assert (made.status, made.err) == (0, "")
    assert "INSERT INTO databricks_workspace.workspace.user_tokens" in file.read_text()


def test_without_a_statement_exec_reads_standard_input(tmp_path: Path) -> None:
    assert offline(tmp_path, "exec", "-o", "csv", "-H", stdin="SELECT 1;\nSELECT 2;").out == "1\n2\n"
    assert offline(tmp_path, "exec", "-i", "-", "-o", "csv", "-H", stdin="SELECT 1;").out == "1\n"


def test_names_that_mean_the_argument_and_standard_output(tmp_path: Path) -> None:
    assert offline(tmp_path, "exec", "SELECT 1", "-i", "stdin", "-f", "stdout", "-o", "csv", "-H").out == "1\n"
    assert not (tmp_path / "stdout").exists()


def test_a_statement_that_begins_with_a_comment_is_no_flag(tmp_path: Path) -> None:
    assert offline(tmp_path, "exec", "-- one\nSELECT 1", "-o", "csv", "-H").out == "1\n"


def test_variables_fill_placeholders_several_in_one_flag_too(tmp_path: Path) -> None:
    sql = "SELECT '{{ a }}', '{{ b }}', '{{ c }}'"
    result = offline(tmp_path, "exec", sql, "--var", "a=1,b=x, y", "--var", "c=2", "-o", "csv", "-H", "-d", "|")
    assert result.out == "1|x, y|2\n"


def test_an_error_in_the_argument_begins_with_error(tmp_path: Path) -> None:
    result = offline(tmp_path, "exec", "SELECT toke_id FROM user_tokens")
    assert (result.status, result.out) == (1, "")
    assert result.err.startswith("error: unknown column 'toke_id'\nSELECT toke_id FROM user_tokens\n       ^^^^^^^\n")


def test_a_change_without_rows_is_told_in_stackqls_words(site: Sandbox, tmp_path: Path) -> None:
    sql = f"-- revoke\nDELETE FROM user_tokens WHERE deployment_name = '{A}' AND token_id = '{'0' * 64}'"
    told = "The operation was despatched successfully"
    quiet, rows, ours = (
        on(site, tmp_path, *more)
        for more in (("exec", sql), ("exec", f"{sql} RETURNING 1 AS one", "-o", "csv", "-H"), ("-c", sql))
    )
    assert (quiet.status, quiet.out, quiet.err.splitlines()[-1]) == (0, "", told)
    assert (rows.status, rows.out) == (0, "")
    assert told not in rows.err + ours.err
    assert offline(tmp_path, "exec", "USE databricks_workspace.workspace") == RunResult(0, "", "")


def test_auth_names_where_the_credential_is(site: Sandbox, tmp_path: Path) -> None:
    variables = {"DATABRICKS_TOKEN": "", "MY_TOKEN": site.token}
    assert on(site, tmp_path, "exec", SELECT, "--auth", AUTH, "-o", "csv", "-H", **variables).out == "terraform ci,-1\n"
    assert on(site, tmp_path, "exec", SELECT, DATABRICKS_TOKEN="").status == 2


def test_a_dry_run_sends_nothing(site: Sandbox, tmp_path: Path) -> None:
    assert (
        "POST"
        in on(
            site,
            tmp_path,
            "exec",
            f"INSERT INTO user_tokens (deployment_name) VALUES ('{A}') RETURNING token_value",
            "--dryrun",
        ).out
    )
    assert site.log == []


def test_tokenshs_own_options_work_too(tmp_path: Path) -> None:
    result = offline(tmp_path, "exec", "SELECT count(*) AS n FROM user_tokens", "--sandbox", "-w", A, "-o", "csv", "-H")
    assert (result.status, result.out) == (0, "8\n")


TUNING = """
    --approot /nowhere --execution.concurrency.limit -1 --dataflow.dependency.max 50 --dataflow.components.max 50
    --http.response.maxResults -1 --http.response.pageLimit 20 --indirect.depth.max 5 --apirequesttimeout 45 --loglevel debug
    --sqlBackend {} --gc {} --offline --verbose -v --querycachesize=10 --http.log.enabled=false
    --http.proxy.user None --http.proxy.password None
"""


def test_flags_that_tune_stackqls_machine_are_passed_over(tmp_path: Path) -> None:
    result = offline(tmp_path, "exec", *TUNING.split(), "SELECT 1", "-o", "csv", "-H")
    assert result == RunResult(0, "1\n", "")


VALUE_FLAGS = """
    execution.concurrency.limit http.response.pageLimit http.response.maxResults cachekeycount dataflow.dependency.max
    apirequesttimeout querycachesize metadatattl pgsrv.port preview pgsrv.sundry
"""


@pytest.mark.parametrize("value", ["1", "0", "t", "f", "true", "false", "TRUE"])
def test_the_value_of_a_flag_is_never_taken_for_a_switch(value: str, tmp_path: Path) -> None:
    numeric = ("execution.concurrency.limit", "apirequesttimeout")
    flags = [f"--{name}={value}" for name in VALUE_FLAGS.split() if value.isdecimal() or name not in numeric]
    result = offline(tmp_path, "exec", *flags, "SELECT 1", "-o", "csv", "-H", stdin="SELECT 'from stdin'")
    assert result == RunResult(0, "1\n", "")


@pytest.mark.parametrize("header", ["-H", "-H=true", "-H=1", "--hideheaders", "--hideheaders=T", "--hideheaders=TRUE"])
def test_a_switch_takes_gos_spelling_of_true(header: str, tmp_path: Path) -> None:
    assert offline(tmp_path, "exec", header, "SELECT 1 AS a", "-o", "csv").out == "1\n"


@pytest.mark.parametrize("header", ["-H=false", "-H=0", "--hideheaders=f", "--hideheaders=False", "--verbose=false"])
def test_a_switch_takes_gos_spelling_of_false(header: str, tmp_path: Path) -> None:
    assert offline(tmp_path, "exec", "SELECT 1 AS a", header, "-o", "csv").out == "a\n1\n"


def test_a_switch_with_another_value_is_a_usage_error(tmp_path: Path) -> None:
    assert offline(tmp_path, "exec", "--hideheaders=yes", "SELECT 1").status == 2


@pytest.mark.parametrize(
    "words",
    [
        ("--auth={}", "exec", "SELECT 1"),
        ("--auth", "{}", "exec", "SELECT 1"),
        ("-v", "--approot=/nowhere", "exec", "SELECT 1"),
        ("--offline", "--loglevel", "exec", "exec", "SELECT 1"),
        ("--output", "csv", "-i", "stdin", "exec", "SELECT 1"),
        ("--cachekeycount=1", "--verbose=true", "exec", "--", "SELECT 1"),
    ],
)
def test_flags_stand_before_the_command_too(words: tuple[str, ...], tmp_path: Path) -> None:
    assert offline(tmp_path, "-H", "-o", "csv", *words) == RunResult(0, "1\n", "")


@pytest.mark.parametrize(
    "words", [("-w", "exec", "-c", "SELECT 1"), ("-c", "SELECT 1", "--workspace", "shell"), ("-O", "-", "-w", "help")]
)
def test_the_value_of_an_option_is_no_command(words: tuple[str, ...], tmp_path: Path) -> None:
    assert offline(tmp_path, "-o", "csv", *words, stdin="SELECT 1").out.splitlines()[-1] == "1"


def test_flags_stand_before_the_shell_too(tmp_path: Path) -> None:
    shell = ("-o", "csv", "--auth", "{}", "shell", "-H")
    assert offline(tmp_path, *shell, stdin="SELECT 1;\nSELECT 2;\n") == RunResult(0, "1\n2\n", "")


def test_a_queued_change_is_not_told_to_be_sent(site: Sandbox, tmp_path: Path) -> None:
    sql = f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND token_id = '{'0' * 64}'"
    result = on(site, tmp_path, "exec", f"BEGIN; {sql}; ROLLBACK")
    assert "mutating statement queued" in result.err
    assert "despatched" not in result.err
    assert site.log == []


@pytest.mark.parametrize(
    "words", [("shell", "--registry=/not/there"), ("--registry", "/not/there"), ("exec", "--registry", "/not/there")]
)
def test_an_unusable_registry_is_an_error_before_the_first_statement(words: tuple[str, ...], tmp_path: Path) -> None:
    result = offline(tmp_path, *words)
    assert (result.status, result.out) == (2, "")
    assert "no provider document under '/not/there'" in result.err


REFUSED = [
    (("-q", "data.jsonnet"), "--iqldata", "--var name=value"),
    (("--iqldata", "data.jsonnet"), "--iqldata", "--var name=value"),
    (("--sqlBackend", '{"dsn": "file:x.db"}'), "--sqlBackend", "--store FILE"),
    (("--configfile", "x"), "--configfile", "config.toml"),
    (("--tls.allowInsecure",), "--tls.allowInsecure", "tls.CABundle"),
    (("--http.log.enabled",), "--http.log.enabled", "--log FILE"),
    (("--http.proxy.password", "hunter2"), "--http.proxy.password", "HTTPS_PROXY"),
    (("--testwithoutapicalls",), "--testwithoutapicalls", "--dryrun"),
    (
        ("--registry", '{"url": "http://registry.example.com"}'),
        "neither a folder nor an https address",
        "--registry DIR",
    ),
]


@pytest.mark.parametrize(("flags", "what", "hint"), REFUSED, ids=[" ".join(flags) for flags, _, _ in REFUSED])
def test_flags_that_would_change_what_is_done_are_refused_with_a_hint(
    flags: tuple[str, ...], what: str, hint: str, tmp_path: Path
) -> None:
    result = offline(tmp_path, "exec", "SELECT 1", *flags)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert what in result.err
    assert hint in result.err
    assert "hunter2" not in result.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("SELECT 1", "SELECT 2"), "takes one statement, not 2"),
        (("SELECT 1", "-i", "x.sql"), "either a statement or a file"),
        (("SELECT 1", "--registry", "{"), "neither a folder nor JSON"),
        (("SELECT 1", "-d", "ab"), "expected one character"),
        (("SELECT 1", "-o", "xml"), "unknown format 'xml'"),
        (("SELECT 1", "--nonsense"), "unknown option '--nonsense'"),
        (("-i", "nowhere.sql"), "cannot read nowhere.sql"),
        (("SELECT 1", "--auth", "{"), "--auth is not valid JSON"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(
    arguments: tuple[str, ...], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = offline(tmp_path, "exec", *arguments)
    assert (result.status, result.out) == (2, "")
    assert told in result.err + capsys.readouterr().err


def test_jsonnet_in_a_file_or_a_statement_is_refused(tmp_path: Path) -> None:
    text = "<<<jsonnet\nlocal x = 1; {a: x}\n>>>\nSELECT '{{ .values.a }}';"
    (tmp_path / "t.iql").write_text(text)
    for arguments in (("-i", str(tmp_path / "t.iql")), (text,)):
        result = offline(tmp_path, "exec", *arguments)
        assert (result.status, result.out) == (1, "")
        assert "jsonnet templates are not supported" in result.err


PROVIDER = {
    "id": "other",
    "name": "other",
    "version": "v1",
    "providerServices": {"s": {"id": "s", "name": "s", "title": "S", "version": "v1", "service": {"$ref": "x"}}},
}


@pytest.mark.parametrize("shape", ["{folder}", '{{"url": "file://{folder}"}}', '{{"localDocRoot": "{folder}"}}'])
def test_a_registry_is_a_folder_in_stackqls_json_too(shape: str, tmp_path: Path) -> None:
    place = tmp_path / "src" / "other" / "v1"
    place.mkdir(parents=True)
    (place / "provider.json").write_text(json.dumps(PROVIDER))
    result = offline(tmp_path, "exec", "SHOW PROVIDERS", "--registry", shape.format(folder=tmp_path), "-o", "csv")
    assert "other,v1" in result.out.splitlines()


def test_a_proxy_and_certificates_are_used_for_requests(tmp_path: Path) -> None:
    sql = "SELECT * FROM user_tokens WHERE deployment_name = 'dbc-1'"
    given = {"DATABRICKS_TOKEN": "dapi0123456789abcdef"}
    proxy = ("--http.proxy.host", "127.0.0.1", "--http.proxy.port", "9")
    assert "through the proxy" in run(tmp_path, "exec", sql, *proxy, variables=given).err
    bundle = ("--tls.CABundle", "/nowhere.pem")
    assert "/nowhere.pem" in run(tmp_path, "exec", sql, *bundle, variables=given).err


# ---- other commands


@pytest.mark.parametrize("command", ["registry"])
def test_a_command_that_is_not_there_says_what_is(command: str, tmp_path: Path) -> None:
    result = offline(tmp_path, command, "pull", "x")
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(f"error: the command {command!r} is not supported\nhint: ")


def test_help_is_a_command(tmp_path: Path) -> None:
    done = offline(tmp_path, "help")
    assert done.status == 0
    assert "tokensh --help lists the options" in done.out


def test_a_shell_whose_input_is_a_pipe_runs_what_comes(tmp_path: Path) -> None:
    assert offline(tmp_path, "shell", "-o", "csv", "-H", stdin="SELECT 1;").out == "1\n"


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_versions_line_is_read_as_stackqls_is(
    flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert offline(tmp_path, flag).status == 0
    words = capsys.readouterr().out.split("\n")[0].split(" ")
    assert words[:2] == ["tokensh", __version__]
    assert words[3].startswith("3.")
