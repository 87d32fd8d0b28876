"""The corpus of real statements, and those that tokensh does not accept or reject as StackQL does.

Run as a script, it lists the differences: `python -m tests.sql.corpus`.
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
    """One entry: the text as printed, and the verdict of StackQL's parser."""

    id: str
    group: str
    sql: str
    accepted: bool
    error: str

    @property
    def tolerated(self) -> bool:
        """Rejected by StackQL for something that tokensh accepts: a comment alone, or a placeholder outside quotes."""
        return self.error == "empty statement" or ("near '{'" in self.error and not self.sql.startswith("{{"))


def samples() -> list[Sample]:
    """Return all entries of the corpus."""
    lines = shared_path("corpus/statements.jsonl").read_text(encoding="utf-8").splitlines()
    entries = map(json.loads, lines)
    return [Sample(e["id"], e["group"], e["sql"], e["parses_in_stackql"], e.get("error") or "") for e in entries]


def split_text(parser: Parser, text: str) -> list[StatementText]:
    """Return the statements of a text."""
    return list(split_script(text.splitlines(keepends=True), parser.table))


def find_error(parser: Parser, text: str) -> SqlSyntaxError | None:
    """Return the first error of a text of one or more statements, None without one."""
    for piece in split_text(parser, text):
        try:
            if piece.error:
                return piece.error
            parser.parse(piece.text)
        except SqlSyntaxError as error:
            return error
    return None


def statements(parser: Parser) -> Iterator[str]:
    """Yield every statement of the corpus that parses, once."""
    texts = (piece.text for sample in samples() for piece in split_text(parser, sample.sql) if not piece.error)
    yield from (text for text in dict.fromkeys(texts) if parser.is_complete(text))


def wrongly_rejected(parser: Parser) -> list[tuple[Sample, SqlSyntaxError]]:
    """Return what StackQL accepts and tokensh does not."""
    wanted = (s for s in samples() if s.group in COUNTED and s.accepted)
    return [(s, error) for s in wanted if (error := find_error(parser, s.sql))]


def wrongly_accepted(parser: Parser) -> list[Sample]:
    """Return what StackQL rejects and tokensh accepts, without the tolerated."""
    unwanted = (s for s in samples() if s.group in PAGES and not s.accepted and not s.tolerated)
    return [s for s in unwanted if find_error(parser, s.sql) is None]


def main() -> None:
    """Print the differences."""
    parser = shared_parser()
    for sample, error in wrongly_rejected(parser):
        print(f"{sample.id} refused: {error.message} at {error.span}\n{sample.sql}\n")
    for sample in wrongly_accepted(parser):
        print(f"{sample.id} taken, StackQL says: {sample.error}\n{sample.sql}\n")


if __name__ == "__main__":
    main()
