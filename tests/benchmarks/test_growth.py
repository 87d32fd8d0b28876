"""Each construct of the grammar that can repeat has a row in the growth section of the benchmarks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

from tests.benchmarks.growth import CONSTRUCTS
from tests.sql.test_grammar_readme import EXAMPLES, PARSER, RuleRecorder
from tests.support import ROOT
from tokensh.errors import SqlSyntaxError
from tokensh.sql.lexer import significant_tokens


def find_repeatable_rules() -> Iterator[str]:
    """Yield the rule or action of each alternative that has `*` or `+`, or the rule itself, as in `tables "," joined`."""
    text = re.sub(r"//.*", "", (ROOT / "grammar" / "stackql.lark").read_text(encoding="utf-8"))
    for definition in re.split(r"\n(?=[?!]*[a-z_]+(?:\.\d+)?:)", text)[1:]:
        head, _, body = definition.partition(":")
        rule = head.strip("?!").partition(".")[0]
        # A `|` inside parentheses is not the next alternative.
        for alternative in re.split(r"\n\s+\|", body):
            symbols, _, action = alternative.partition("->")
            if re.search(r"[)\w][*+]", symbols) or re.search(rf"\b{rule}\b", symbols):
                yield action.strip() or rule


def recorded_rules(text: str) -> set[str]:
    """Return the rules and actions that a statement's parse uses."""
    state = RuleRecorder(text)
    with suppress(SqlSyntaxError):  # of what is read only to be refused, at its end
        state.feed(text, significant_tokens(PARSER.table, text))
        state.finish(len(text))
    return state.reduced


def test_every_repeatable_construct_has_a_row_of_growth() -> None:
    measured = {rule for construct in CONSTRUCTS.values() for rule in construct.rules}
    repeatable = set(find_repeatable_rules())
    assert {"with", "join", "or_", "exprs", "case", "compare", "collate"} <= repeatable
    assert sorted(repeatable - measured) == []
    assert sorted(measured - {name for name, _ in EXAMPLES}) == []


def test_the_statements_of_a_row_use_its_rules() -> None:
    unused = {
        name: lacking
        for name, construct in CONSTRUCTS.items()
        if (lacking := set(construct.rules) - recorded_rules(construct.write(3)))
    }
    assert unused == {}
