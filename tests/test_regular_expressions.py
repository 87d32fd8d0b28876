"""No regular expression of the package takes more than linear time, whatever text it is given.

The expressions are found in the modules and in the sources, so a new one is tested by itself. What is compared is the processor
time for a text and for one eight times as long, in a process of its own: `re` cannot be interrupted.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import pytest

from tests.regular_expressions import Found, calls
from tests.support import ROOT

pytestmark = pytest.mark.once

BUILT = {
    # Where an expression is built, and from what: each is in `regular_expressions.built`, or is a constant of its module.
    "tokensh/complete/completer.py": "a constant",
    "tokensh/complete/rank.py": "compared with at most 256 characters of a name",
    "tokensh/functions/text.py": "the user's own, which has a time limit",
    "tokensh/provider/document.py": "SCALARS",
    "tokensh/render/csv.py": "a character class and a delimiter",
    "tokensh/shell/commands/arguments.py": "the two quotes",
    "tokensh/shell/input_buffer.py": "names of commands",
    "tokensh/shell/highlight.py": "the lexer's",
    "tokensh/sql/grammar.py": "the lexer's",
    "tokensh/sql/lexer.py": "constants",
    "tokensh/sql/placeholders.py": "constants",
    "tokensh/units.py": "constants",
    "tokensh/engine/sqlite_messages.py": "constants, over SQLite's messages",
    "tokensh/sql/script.py": "constants",
    "tokensh/sql/syntax_hints.py": "constants",
}
QUADRATIC = Found("a tag", "<[^>]*>", 0, searches=True)


@pytest.fixture(scope="module")
def measured() -> tuple[int, list[str]]:
    """Return how many expressions another process has measured, QUADRATIC too, and what it says of the slow ones."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.regular_expressions"],
        input=json.dumps([QUADRATIC]), capture_output=True, encoding="utf-8", cwd=ROOT, timeout=900, check=False,
    )  # fmt: skip
    assert not done.returncode, done.stderr
    count, slow = json.loads(done.stdout)
    return count, slow


def test_every_expression_takes_linear_time(measured: tuple[int, list[str]]) -> None:
    count, slow = measured
    assert count > 100
    assert [text for text in slow if not text.startswith(f"{QUADRATIC.place}: ")] == []


def test_an_expression_that_looks_for_its_end_at_each_beginning_is_found(measured: tuple[int, list[str]]) -> None:
    _, slow = measured
    assert [text for text in slow if text.startswith(f"{QUADRATIC.place}: ")]


def test_a_place_that_builds_an_expression_is_known() -> None:
    building = {
        place.partition(":")[0]
        for place, function, call in calls()
        if function == "compile" and not isinstance(call.args[0], ast.Constant)
    }
    assert building == set(BUILT)
