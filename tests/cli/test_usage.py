"""A wrong command line is one error that says what was meant; nothing of argparse's usage is printed."""

from __future__ import annotations

from pathlib import Path

from tests.cases import each_case
from tests.cli.test_main import run

# The words, the message, the hint.
CASES = [
    (("--sandbx",), "unknown option '--sandbx'", "did you mean --sandbox?"),
    (("--wrkspace=x",), "unknown option '--wrkspace'", "did you mean --workspace?"),
    (("--nonsense",), "unknown option '--nonsense'", "tokensh --help lists the options"),
    (("-o", "CSV"), "unknown format 'CSV'", "did you mean csv?"),
    (("-o", "xls"), "unknown format 'xls'", "it is one of table, "),
    (("--on-error", "contine"), "unknown --on-error 'contine'", "did you mean continue?"),
    (("--color", "yes"), "unknown --color 'yes'", "it is one of auto, always, never"),
    (("SELECT 1",), "unexpected argument 'SELECT 1'", "write -c 'SQL' to run statements"),
    (("show", "tables"), "unexpected argument 'show'", "write -c 'SQL' to run statements"),
    (("file.sql",), "unexpected argument 'file.sql'", "write -f file.sql to run a file"),
    (("version",), "unexpected argument 'version'", "write --version"),
    (("dbc-abcd",), "unexpected argument 'dbc-abcd'", "-w dbc-abcd for a workspace"),
    (("--timeout", "0"), "expected seconds, more than 0", "tokensh --help lists the options"),
    (("--max-connections", "0"), "expected 1 to 64", "tokensh --help lists the options"),
    (("-w",), "expected one argument", "tokensh --help lists the options"),
    (("exec", "SELECT 1", "--outptu", "csv"), "unknown option '--outptu'", "did you mean --output?"),
]


@each_case(("words", "message", "hint"), CASES, ids=[" ".join(words) for words, *_ in CASES])
def test_a_wrong_command_line_says_what_was_meant(
    words: tuple[str, ...], message: str, hint: str, tmp_path: Path
) -> None:
    result = run(tmp_path, *words)
    assert (result.status, result.out) == (2, "")
    first, second = result.err.splitlines()
    assert message in first
    assert hint in second
    assert "_seconds" not in result.err
    assert "usage:" not in result.err
