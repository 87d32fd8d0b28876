"""The man page and the completions in `share` are what the table of options says, and complete in the real shells."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pexpect
import pytest

from tests.cases import each_case
from tests.command_line_files import SHARE, SHARED, STATUSES
from tokensh.cli.arguments import SECTIONS

CASES = {
    "tokensh --fail": "--fail-if-rows",
    "tokensh rev": "reveal",
    "tokensh run au": "audit",
    "tokensh run --sandbox -o csv audit idl": "idle_days=",
    "tokensh run audit workspaces=tokensh.local.a": "workspaces=tokensh.local.account_workspaces",
    "tokensh run mi": "mine",
    "tokensh run mine te": "team=",
    "tokensh run rotate --gr": "--grace",
    "tokensh help rot": "rotate",
    "tokensh -o ht": "html",
    "tokensh --on-error con": "continue",
    "tokensh -p pro": "prod",
}
"""What is typed, and the word that Tab makes of its last one."""

_BASH = """\
source "$1"
shift
for line; do
  COMP_WORDS=(${line//=/ = }) COMPREPLY=()
  COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
  _tokensh
  echo "${COMPREPLY[*]}"
done
"""
_FISH = """\
source $argv[1]
for line in $argv[2..]
    complete -C $line | string replace -r '\\t.*' ''
end
"""
_ZSH = """\
fpath=({folder} $fpath); autoload -Uz compinit; compinit -u -D; tokensh() {{ print -r -- GOT: "$@" :END }}; echo rea''dy
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / ".config" / "tokensh" / "recipes"
    folder.mkdir(parents=True)
    (folder / "mine.sql").write_text("-- title: mine\n-- parameter: team: whose\nSELECT '{{ team }}';")
    (tmp_path / ".databrickscfg").write_text("[DEFAULT]\nhost = x\n[prod]\nhost = y\n")
    return tmp_path


def find_shell(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed here")
    return path


def complete_lines(command: list[str], script: str, file: str, home: Path) -> list[str]:
    words = [*command, script, *(["shell"] if command[0].endswith("bash") else []), str(SHARE / file), *CASES]
    done = subprocess.run(
        words, env={"HOME": str(home), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.once
@each_case("name", SHARED)
def test_a_file_is_what_the_table_says(name: str) -> None:
    assert (SHARE / name).read_text() == SHARED[name]().rstrip("\n") + "\n", "run `python -m tests.manual_pages`"


@pytest.mark.once
def test_bash_completes(home: Path) -> None:
    # bash takes NAME=VALUE apart, and completes what follows the sign.
    wanted = [word.rpartition("=")[2] or word for word in CASES.values()]
    command = [find_shell("bash"), "--norc", "-c"]
    assert complete_lines(command, _BASH, "bash-completion/completions/tokensh", home) == wanted


@pytest.mark.once
def test_fish_completes(home: Path) -> None:
    command = [find_shell("fish"), "--no-config", "-c"]
    assert complete_lines(command, _FISH, "fish/vendor_completions.d/tokensh.fish", home) == [*CASES.values()]


@pytest.mark.once
@pytest.mark.terminal
def test_zsh_completes(home: Path) -> None:
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "TERM": "dumb"}
    zsh = pexpect.spawn(find_shell("zsh"), ["-f", "-i"], env=environment, encoding="utf-8", dimensions=(40, 200))
    with zsh:
        zsh.sendline(_ZSH.format(folder=SHARE / "zsh" / "site-functions").strip())
        zsh.expect("ready\r?\n")
        found = {}
        for line in CASES:
            zsh.send(f"{line}\t\r")
            zsh.expect("GOT: (.*?) :END")
            found[line] = str(zsh.match[1]).rpartition(" ")[2]  # type: ignore[index]
    assert found == CASES


@pytest.mark.once
def test_the_man_page_can_be_set_and_has_every_option_and_status(tmp_path: Path) -> None:
    page = SHARE / "man/man1/tokensh.1"
    text = page.read_text().replace(r"\-", "-")
    for argument in (argument for arguments in SECTIONS.values() for argument in arguments):
        assert all(flag in text for flag in argument.flags)
    assert all(f"\n.B {status}\n" in text for status in STATUSES)
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed here")
    command = ["groff", "-man", "-Tutf8", "-ww", "-z", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
