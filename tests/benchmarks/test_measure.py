"""A goal counts as met only within its limit, or its slack."""

from __future__ import annotations

import pytest

from tests.benchmarks.measure import GROSS, Result

CASES = [
    (Result("1", "at its limit", value=2.0, goal=2.0), True, True),
    (Result("1", "over it", value=2.1, goal=2.0), False, True),
    (Result("1", "twice over it", value=4.1, goal=2.0), False, False),
    (Result("1", "at least, reached", value=15.0, goal=15.0, at_least=True), True, True),
    (Result("1", "at least, missed", value=10.0, goal=15.0, at_least=True), False, True),
    (Result("1", "at least, far off", value=7.0, goal=15.0, at_least=True), False, False),
    (Result("1", "none allowed", value=1.0, goal=0.0), False, False),
    (Result("1", "not measured", value=9.0, goal=1.0, skipped="no such library"), True, True),
]


@pytest.mark.parametrize(("result", "holds", "roughly"), CASES, ids=[case[0].metric for case in CASES])
def test_a_goal_holds_exactly_and_roughly(result: Result, holds: bool, roughly: bool) -> None:
    assert (result.is_met(), result.is_met(GROSS)) == (holds, roughly)
