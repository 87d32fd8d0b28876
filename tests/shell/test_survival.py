r"""The session goes on whatever a command, a file, the history or tokensh itself does; masked values outlive all of it."""

from __future__ import annotations

import os
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.engine.sessions import A
from tests.shell.in_process import InProcessShell, open_shell
from tokensh.engine.history import History
from tokensh.sandbox import Sandbox
from tokensh.shell.commands import COMMANDS, ExitShell
from tokensh.shell.completion_facts import collect_facts
from tokensh.shell.session import Session

CREATE = "INSERT INTO user_tokens (comment) VALUES ('held') RETURNING token_value;"
MISSING = "/nowhere/program"
VARIABLES = {"SHELL": MISSING, "EDITOR": MISSING, "TOKENSH_PAGER": MISSING, "PATH": "/nowhere"}
ODD = [
    "",
    " ",
    "~nouser/x",
    "~",
    "a\0b",
    "\udcff",
    "\ud800",
    "/dev/null/x",
    "/nowhere/x",
    "x" * 5000,
    "9" * 20,
    "9" * 5000,
    "-1",
    "0",
    "²",
    "٣",
    "1e12",
    "1e400",
    "nan",
    "inf",
    "'",
    '"',
    "'a",
    "{{ x }}",
    "$1",
    "_",
    "_99999999999999999999",
    "|",
    "row 99999999999999999999",
    "row",
    "a b c",
    "{",
    "\\",
    "%s %d {} {0}",
    "user_tokens nosuch",
    "tokensh.local.pending",
    ".",
    "a.b.c.d",
    "confirm maybe",
    "format nosuch",
    "x SELECT '\udcff'",
]
# These leave, or run programs and wait for them: tests of their own.
NOT_FUZZED = {r"\q"}
FUZZED = sorted(COMMANDS.keys() - NOT_FUZZED)


def stop(_: float) -> None:
    """Stand in for waiting: Ctrl-C is pressed, which ends `\\watch`."""
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def shell(running: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessShell]:
    home = tmp_path_factory.mktemp("home")
    before = Path.cwd()
    os.chdir(home)  # `\o x` writes there
    with open_shell(running, home, VARIABLES, sleep=stop) as opened:
        opened.run(CREATE)
        yield opened
    os.chdir(before)


def check(shell: InProcessShell, text: str) -> None:
    said = shell.run(text)
    shell.session.console.redirect(None)  # what `\o x` began
    assert "made a mistake" not in said, said
    assert "Traceback" not in said
    hidden = shell.session.results.first_hidden()
    shell.session.connection.workspace, shell.session.settings.format = A, "table"
    if hidden is None:  # `\reveal` was among them
        shell.run(CREATE)
        assert shell.session.results.hidden_count
    else:
        assert str(hidden.rows[0][0]).startswith("dapi")


@pytest.mark.parametrize("name", FUZZED)
def test_every_command_takes_odd_arguments(name: str, shell: InProcessShell) -> None:
    for argument in ODD:
        check(shell, f"{name} {argument}".rstrip() if argument.strip() else name)
        check(shell, f"SELECT 1 AS n {name} {argument}")
        check(shell, r"\r")


@given(
    name=st.sampled_from(FUZZED),
    argument=st.text(alphabet=st.characters(exclude_characters="\n\r|!"), max_size=30)
    | st.text(alphabet=string.printable.replace("|", "").replace("\n", ""), max_size=30),
)
@example(name=r"\recall", argument="1\ud800")
def test_every_command_takes_any_argument(shell: InProcessShell, name: str, argument: str) -> None:
    check(shell, f"{name} {argument}")


@given(
    text=st.text(max_size=60).filter(
        lambda text: "\\q" not in text and text.strip("; \n").lower() not in ("exit", "quit", ":q")
    )
)
@example(text="SELECT '\udcff';")
@example(text="\\\ud800")
@example(text=";" * 50)
@example(text="(" * 3000)
@example(text="SELECT " + "(" * 3000 + ";")
def test_any_text_can_be_typed(shell: InProcessShell, text: str) -> None:
    check(shell, text)


@pytest.mark.parametrize(
    "error", [RuntimeError("x"), MemoryError(), RecursionError(), UnicodeEncodeError("utf-8", "x", 0, 1, "y")]
)
def test_a_mistake_is_reported_with_its_place_and_the_session_goes_on(
    error: Exception, running: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    with open_shell(running, tmp_path) as shell:
        shell.run(CREATE)
        with monkeypatch.context() as patch:
            patch.setattr(History, "latest", fail)
            said = shell.run(r"\history")
        assert f"tokensh made a mistake: {type(error).__name__} at test_survival.py:" in said
        assert "| 1 |" in shell.run("SELECT 1 AS n;")
        assert "dapi" in shell.run(r"\reveal")


def test_a_prompt_that_fails_is_drawn_again_and_not_for_ever(
    running: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[str | Exception] = [OSError("gone"), "SELECT 1 AS n;", *[ValueError("closed")] * 9]

    def read(_: object) -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("tokensh.shell.prompt.Prompt.read", read)
    with open_shell(running, tmp_path) as shell:
        assert shell.session.run() == 0
    assert len(answers) == 6


def test_only_leaving_leaves(shell: InProcessShell) -> None:
    shell.session.results.must_warn_of_hidden()
    with pytest.raises(ExitShell):
        shell.session._attempt(lambda: shell.session.run_text(r"\q"))


@pytest.mark.parametrize("typed", ["~nouser/", "~nouser", "a\0b", "\udcff", "/nowhere/", "/proc/1/fd/", "", "~/"])
def test_completion_of_a_path_never_fails(typed: str, shell: InProcessShell) -> None:
    session: Session = shell.session
    assert isinstance(list(collect_facts(session, ()).files(typed)), list)
