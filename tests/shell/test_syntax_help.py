r"""`\h` explains every statement and every kind of SHOW, with forms that parse."""

from __future__ import annotations

from tests.cases import each_case
from tokensh.provider.show_kinds import SHOW_KINDS
from tokensh.shell.commands.syntax_help import RELATED, STATEMENTS
from tokensh.sql.parse import Parser
from tokensh.sql.script import split_script

FORMS = [(name, form) for name, (_, forms) in STATEMENTS.items() for form in forms]


@each_case(("name", "form"), FORMS, ids=[form[:40] for _, form in FORMS])
def test_a_form_is_one_ended_statement_that_parses(name: str, form: str, parser: Parser) -> None:
    (piece,) = split_script([form], parser.table)
    assert piece.ended
    parser.parse(piece.text)


def test_every_word_that_opens_a_statement_that_runs_has_help(parser: Parser) -> None:
    refused = {"AUTH", "PURGE", "NATIVEQUERY", "SLEEP", "SET"}
    assert STATEMENTS.keys() == parser.table.openers - RELATED.keys() - refused
    assert RELATED.keys() <= parser.table.openers
    assert set(RELATED.values()) <= STATEMENTS.keys()


def test_every_kind_of_show_has_a_form() -> None:
    _, forms = STATEMENTS["SHOW"]
    words = [form.rstrip(";").split() for form in forms]
    assert [kind for kind in SHOW_KINDS if not any(kind in form for form in words)] == []
