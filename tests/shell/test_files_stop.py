r"""A file stops at its first failure, however the failing statement was run, and so do the files around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.sessions import list_requests
from tests.shell.in_process import InProcessShell, open_shell
from tokensh.sandbox import Sandbox
from tokensh.shell import dialogs

FAILS = "select nosuch from user_tokens"
AFTER = "select 'went on' as x;"


@pytest.fixture
def shell(site: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InProcessShell]:
    monkeypatch.chdir(tmp_path)  # where `\g out.txt` writes
    with open_shell(site, tmp_path) as opened:
        yield opened


FAILING_LINES = {
    "a statement": f"{FAILS};",
    "a syntax error": "selct 1;",
    r"\g": rf"{FAILS} \g",
    r"\gx": rf"{FAILS} \gx",
    r"\G": rf"{FAILS} \G",
    r"\g into a file": rf"{FAILS} \g out.txt",
    r"\g into a file that cannot be written": r"select 1 \g /nowhere/x",
    r"\n": r"\n failing",
    r"\n of an unknown query": r"\n nosuch",
    r"\i": r"\i {home}/failing.sql",
    r"\i of a missing file": r"\i {home}/nosuch.sql",
    r"\i in \i": r"\i {home}/around.sql",
    r"\rerun": r"\rerun 1",
    r"\watch": rf"{FAILS} \watch",
    "an unknown command": r"\nosuch",
    r"\! of a program that fails": r"\! false",
    r"\g into a program that fails": r"select 1 \g |cat >&2; exit 3",
    r"a result for \o's program that has ended": "\\o |exit 3\n\\! sleep 0.1\nselect 1;\n\\o",
    r"\o after a program that failed": "\\o |cat >&2; exit 3\n\\o",
    "a placeholder without a value": "select '{{ nowhere }}';",
    r"\c": r"\c evil.com/#",
}


@pytest.mark.parametrize("line", FAILING_LINES.values(), ids=FAILING_LINES)
def test_what_stands_behind_a_failure_is_not_run(line: str, shell: InProcessShell) -> None:
    shell.run(FAILS + ";")  # statement 1 of the history
    shell.run(rf"\ns failing {FAILS}")
    shell.write("failing.sql", f"{FAILS};", AFTER)
    shell.write("around.sql", rf"\i {shell.home}/failing.sql", AFTER)
    shell.write("outer.sql", line.replace("{home}", str(shell.home)), AFTER, r"\echo command", rf"{FAILS} \g", AFTER)
    said = shell.run(rf"\i {shell.home}/outer.sql")
    assert "went on" not in said
    assert "\ncommand\n" not in f"\n{said}"
    inside = {r"\i": 1, r"\i in \i": 2}
    name = next(name for name, each in FAILING_LINES.items() if each == line)
    assert f"{3 + inside.get(name, 0)} more statements were not run" in said
    assert said.count("not run") == 1


def test_the_error_of_a_command_names_file_and_line(shell: InProcessShell) -> None:
    shell.write("a.sql", "select 1;", "", "select 1,\n  nosuch from user_tokens \\g")
    assert "a.sql:4:3: error: unknown column" in shell.run(rf"\i {shell.home}/a.sql")


def test_what_succeeds_goes_on(shell: InProcessShell) -> None:
    shell.write("inner.sql", "select 1 as a \\g", "select 2 as b;")
    shell.write("outer.sql", rf"\i {shell.home}/inner.sql", AFTER)
    said = shell.run(rf"\i {shell.home}/outer.sql")
    assert "went on" in said
    assert "not run" not in said


def test_at_the_prompt_the_statements_behind_an_error_still_run(shell: InProcessShell) -> None:
    shell.write("a.sql", f"{FAILS};", AFTER)
    said = shell.run(rf"\i {shell.home}/a.sql" + "\nselect 'typed' as y;\n" + rf"{FAILS} \g" + "\nselect 'too' as z;")
    assert "1 more statement was not run" in said
    assert "went on" not in said
    assert "typed" in said
    assert "too" in said


def test_rc_sql_stops_and_the_session_starts(site: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokensh.shell.prompt.Prompt.read", lambda _: r"\q")
    with open_shell(site, tmp_path) as shell:
        shell.write("rc.sql", rf"{FAILS} \g", AFTER, AFTER)
        assert shell.session.run(tmp_path / "rc.sql") == 0
        environment = shell.session.connection.environment
        said = environment.stdout.getvalue() + environment.stderr.getvalue()  # type: ignore[attr-defined]
    assert "2 more statements were not run" in said
    assert "went on" not in said


@pytest.mark.parametrize(
    "text", [r"\i {home}/outer.sql", r"select 1 \g" + "\nselect 2;", "\\i {home}/outer.sql\nselect 3;"]
)
def test_ctrl_c_stops_everything(text: str, shell: InProcessShell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.write("inner.sql", "select 1;", AFTER)
    shell.write("outer.sql", rf"\i {shell.home}/inner.sql", AFTER)

    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(shell.session.console, "show", interrupt)
    said = shell.run(text.replace("{home}", str(shell.home)))
    count = {"\\": 2, "s": 1}[text[0]] + text.count("select 3")
    assert f"{count} more statement{'s were' if count > 1 else ' was'} not run" in said
    assert said.count("not run") == 1


# ---- writes that would be repeated

INSERT = "insert into user_tokens (comment) values ('twice') returning token_value"
REPEATED = [
    INSERT,
    "insert into user_tokens (comment) values ('twice')",
    "exec user_tokens.create @comment = 'twice'",
    "/* note */ insert into user_tokens (comment) values ('twice') returning token_value",
    '-- note\nexec user_tokens.create @@json = \'{"comment": "twice"}\'',
    "insert into kept values (1)",
    "update kept set n = 2",
    "create or replace table made as select 1 as n",
]


@pytest.mark.parametrize("statement", REPEATED)
@pytest.mark.parametrize("command", [r"\rerun", r"\g", r"\gx", r"\G", r"\g out.txt"])
def test_a_write_that_is_run_again_asks(
    statement: str, command: str, shell: InProcessShell, site: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[str] = []

    def refuse(question: str) -> bool:
        questions.append(question)
        return False

    monkeypatch.setattr(dialogs, "confirm", refuse)
    shell.run("create table kept (n integer);")
    shell.run(f"{statement};")
    sent = list_requests(site)
    assert "not confirmed, nothing was sent" in shell.run(command)
    assert len(questions) == 1
    assert questions[0].endswith("again?")
    assert list_requests(site) == sent


@pytest.mark.parametrize(
    "statement", ["select 1", "show providers", "exec user_tokens.listtokens", "use databricks_workspace"]
)
def test_what_reads_is_run_again_without_a_question(
    statement: str, shell: InProcessShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogs, "confirm", pytest.fail)
    shell.run(f"{statement};")
    assert "error" not in shell.run(r"\rerun") + shell.run(r"\g")
