"""The corpus of real statements, and which of them we read otherwise than StackQL.

Run as a script, it lists what is not met: `python -m tests.sql.corpus`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from tests.shared_parser import shared_parser
from tests.support import shared_path
from tokensh.errors import SqlSyntaxError
from tokensh.sql.parse import Parser
from tokensh.sql.script import StatementText, split_script

COUNTED = ("provider-docs", "stackql.io", "stackql-robot", "seed")
PAGES = ("stackql.io", "stackql-robot")


class Sample(NamedTuple):
    """One entry: the text as it is printed, and what StackQL's parser says of it."""

    id: str
    group: str
    sql: str
    accepted: bool
    error: str

    @property
    def tolerated(self) -> bool:
        """Rejected by StackQL for what we take: a piece that is only a comment, a placeholder outside quotes."""
        return self.error == "empty statement" or ("near '{'" in self.error and not self.sql.startswith("{{"))


def samples() -> list[Sample]:
    """All entries of the corpus."""
    lines = shared_path("corpus/statements.jsonl").read_text(encoding="utf-8").splitlines()
    found = map(json.loads, lines)
    return [Sample(x["id"], x["group"], x["sql"], x["parses_in_stackql"], x.get("error") or "") for x in found]


def pieces(parser: Parser, text: str) -> list[StatementText]:
    """The statements of a text."""
    return list(split_script(text.splitlines(keepends=True), parser.table, parser.is_complete))


def fault(parser: Parser, text: str) -> SqlSyntaxError | None:
    """What is wrong with a text of one or more statements, if anything."""
    for piece in pieces(parser, text):
        try:
            if piece.error:
                return piece.error
            parser.parse(piece.text)
        except SqlSyntaxError as error:
            return error
    return None


def statements(parser: Parser) -> Iterator[str]:
    """Every statement of the corpus that parses, once."""
    texts = (piece.text for sample in samples() for piece in pieces(parser, sample.sql) if not piece.error)
    yield from (text for text in dict.fromkeys(texts) if parser.is_complete(text))


def refused(parser: Parser) -> list[tuple[Sample, SqlSyntaxError]]:
    """What StackQL accepts and we do not."""
    wanted = (s for s in samples() if s.group in COUNTED and s.accepted)
    return [(s, error) for s in wanted if (error := fault(parser, s.sql))]


def taken(parser: Parser) -> list[Sample]:
    """What StackQL rejects and we take, less what is tolerated."""
    unwanted = (s for s in samples() if s.group in PAGES and not s.accepted and not s.tolerated)
    return [s for s in unwanted if fault(parser, s.sql) is None]


def main() -> None:
    """Print what is not met."""
    parser = shared_parser()
    for sample, error in refused(parser):
        print(f"{sample.id} refused: {error.message} at {error.span}\n{sample.sql}\n")
    for sample in taken(parser):
        print(f"{sample.id} taken, StackQL says: {sample.error}\n{sample.sql}\n")


if __name__ == "__main__":
    main()
