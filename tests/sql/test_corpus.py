"""Statements of real pages and test suites: accepted where StackQL's parser accepts them, rejected with a place where not."""

from __future__ import annotations

from tests.sql import corpus
from tokensh.sql.parse import Parser


def test_what_stackql_accepts_parses(parser: Parser) -> None:
    wanted = [s for s in corpus.samples() if s.group in corpus.COUNTED and s.accepted]
    missed = [s.id for s, _ in corpus.wrongly_rejected(parser)]
    assert len(missed) <= 0.005 * len(wanted), missed


def test_what_stackql_rejects_is_rejected(parser: Parser) -> None:
    unwanted = [s for s in corpus.samples() if s.group in corpus.PAGES and not s.accepted and not s.tolerated]
    taken = [s.id for s in corpus.wrongly_accepted(parser)]
    assert unwanted
    assert len(taken) <= 0.1 * len(unwanted), taken


def test_every_rejection_has_a_place_in_its_statement(parser: Parser) -> None:
    for sample in corpus.samples():
        error = corpus.find_error(parser, sample.sql)
        assert error is None or error.span is not None, sample.id
