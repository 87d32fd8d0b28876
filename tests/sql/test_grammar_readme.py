"""grammar/README.md has one example for every rule, and each uses its rule."""

from __future__ import annotations

import re

from tests.cases import each_case
from tests.shared_parser import shared_parser
from tests.support import ROOT
from tokensh._dataclasses import replace
from tokensh.sql.actions import actions_for
from tokensh.sql.lalr import ParserState
from tokensh.sql.lexer import significant_tokens

PARSER = shared_parser()
ROW = re.compile(r"^\| `(\w+)` \| (`+) ?(.*?) ?\2 \|$", re.MULTILINE)
EXAMPLES = [
    (name, text.replace(r"\|", "|"))
    for name, _, text in ROW.findall((ROOT / "grammar" / "README.md").read_text(encoding="utf-8"))
]


class RuleRecorder(ParserState):
    """A parse that records the rules it reduces by."""

    __slots__ = ("reduced",)

    def __init__(self, text: str) -> None:
        super().__init__(replace(PARSER.table, unit_reductions=frozenset()), actions_for(text))
        self.reduced: set[str] = set()

    def _reduce(self, action: int) -> int:
        rule = PARSER.table.rules[-1 - action]
        self.reduced |= {rule.origin, rule.action}
        return super()._reduce(action)


def test_every_rule_has_one_example() -> None:
    rules = {
        name
        for rule in map(PARSER.table.rules.__getitem__, range(PARSER.table.rules.count))
        for name in (rule.origin, rule.action)
        if not name.startswith("_")
    }
    assert sorted(name for name, _ in EXAMPLES) == sorted(rules)


@each_case(("name", "text"), EXAMPLES)
def test_an_example_uses_its_rule(name: str, text: str) -> None:
    state = RuleRecorder(text)
    state.feed(text, significant_tokens(PARSER.table, text))
    state.finish(len(text))
    assert name in state.reduced
