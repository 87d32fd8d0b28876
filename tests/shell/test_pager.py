"""A result goes to the pager only if the screen cannot hold it, and Ctrl-C there belongs to the pager."""

from __future__ import annotations

import io
import os
import signal
from pathlib import Path

import pytest

from tests.environments import make_environment
from tokensh.environment import Environment
from tokensh.shell.pager import Pager, pager_command, terminal_size

LINES = 10


def show_paged(text: str, environment: Environment, columns: int = 40) -> tuple[str, list[str]]:
    """Return what the terminal got, and the notes."""
    terminal, notes = io.StringIO(), list[str]()
    pager = Pager(environment, terminal, (columns, LINES), notes.append)
    for line in text.splitlines(keepends=True):
        pager.write(line)
        pager.flush()
    pager.finish()
    return terminal.getvalue(), notes


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("| x |\n" * 8, False),
        ("| x |\n" * 9, True),
        ("x" * 40 * 8 + "\n", False),
        ("x" * 40 * 8 + "x\n", True),
        ("| " + "x" * 39 + "\n", True),
        ("\x1b[1m" + "x" * 40 + "\x1b[0m\n" + "y\n" * 7, False),
        ("日" * 20 + "\n" + "y\n" * 7, False),
        ("日" * 21 + "\n" + "y\n" * 7, True),
    ],
)
def test_what_the_screen_can_hold_is_not_show_paged(text: str, pages: bool, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    environment = make_environment(
        tmp_path, variables={"PAGER": f"dd of={seen} status=none", "PATH": os.environ["PATH"]}
    )
    terminal, notes = show_paged(text, environment)
    assert seen.exists() is pages
    assert (seen.read_text() if pages else terminal) == text
    assert terminal == ("" if pages else text)
    assert notes == []


@pytest.mark.parametrize(
    ("variables", "command"),
    [
        ({"TOKENSH_PAGER": "a -b 'c d'", "PAGER": "x"}, "a -b 'c d'"),
        ({"PAGER": " x -y | z"}, "x -y | z"),
        ({"PAGER": "", "PATH": "/nowhere"}, ""),
    ],
)
def test_which_pager_it_is(variables: dict[str, str], command: str, tmp_path: Path) -> None:
    assert pager_command(make_environment(tmp_path, variables=variables)) == command


def test_without_a_pager_everything_goes_straight_to_the_terminal(tmp_path: Path) -> None:
    text = "| x |\n" * 50
    assert show_paged(text, make_environment(tmp_path, variables={"PATH": "/nowhere"})) == (text, [])


@pytest.mark.parametrize(("pager", "status"), [("/nowhere/at-all", 127), ("false", 1), ("it's", 2)])
def test_a_pager_that_fails_is_named_and_the_result_is_shown(pager: str, status: int, tmp_path: Path) -> None:
    text = "| x |\n" * 50
    environment = make_environment(tmp_path, variables={"PAGER": pager, "PATH": os.environ["PATH"]})
    terminal, notes = show_paged(text, environment)
    assert terminal == text
    assert notes == [f"the pager ended with status {status}"]


def test_a_pager_is_a_command_of_the_systems_shell_and_less_shows_colours(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    for less, expected in ((None, "SRXF"), ("-M", "-R -M"), ("", "-R ")):
        variables = {"PAGER": f'head -1 > {seen}; echo "$LESS" >> {seen}', "PATH": os.environ["PATH"]}
        environment = make_environment(tmp_path, variables=variables if less is None else {**variables, "LESS": less})
        show_paged("| x |\n" * 50, environment)
        assert seen.read_text() == f"| x |\n{expected}\n"


def test_a_pager_that_leaves_early_is_told_by_a_broken_pipe_and_nothing_else(tmp_path: Path) -> None:
    pager = Pager(
        make_environment(tmp_path, variables={"PAGER": "head -1", "PATH": os.environ["PATH"]}),
        io.StringIO(),
        (80, 5),
        print,
    )
    with pytest.raises(BrokenPipeError):
        pager.write("| a line of some length |\n" * 100_000)
    assert pager.left
    pager.finish()
    assert pager.seconds >= 0


def test_ctrl_c_is_the_pagers_until_it_ends(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    environment = make_environment(tmp_path, variables={"PAGER": "cat", "PATH": os.environ["PATH"]})
    pager = Pager(environment, io.StringIO(), (80, 5), print)
    pager.write("x\n" * 3)
    assert signal.getsignal(signal.SIGINT) is before, "not before there is a pager"
    pager.write("x\n" * 30)
    os.kill(os.getpid(), signal.SIGINT)
    pager.finish()
    assert signal.getsignal(signal.SIGINT) is before


def test_lines_and_columns_may_be_told(tmp_path: Path) -> None:
    assert terminal_size(make_environment(tmp_path, variables={"LINES": "7"}), io.StringIO(), 33) == (33, 7)
    assert terminal_size(make_environment(tmp_path), io.StringIO(), None) == (80, 24)
