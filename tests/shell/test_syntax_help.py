r"""The statements that `\h` shows."""

from __future__ import annotations

import pytest

from tokensh.shell.commands.syntax_help import STATEMENTS
from tokensh.sql.parse import Parser
from tokensh.sql.script import split_script

FORMS = [(name, form) for name, (_, forms) in STATEMENTS.items() for form in forms]


@pytest.mark.parametrize(("name", "form"), FORMS, ids=[form[:40] for _, form in FORMS])
def test_a_form_is_one_ended_statement_that_parses(name: str, form: str, parser: Parser) -> None:
    (piece,) = split_script([form], parser.table, parser.is_complete)
    assert piece.ended
    parser.parse(piece.text)


def test_every_word_that_opens_a_statement_that_runs_has_help(parser: Parser) -> None:
    elsewhere = {"WITH", "VALUES", "DESC", "START", "COMMIT", "ROLLBACK"}
    refused = {"AUTH", "REGISTRY", "PURGE", "NATIVEQUERY", "SLEEP", "SET"}
    assert STATEMENTS.keys() == parser.table.openers - elsewhere - refused
