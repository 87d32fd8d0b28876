"""Rows 15 to 18: what a person at the prompt waits for."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks import completion, prompt
from tests.benchmarks.measure import Bench, Result, ms


def measure(bench: Bench) -> Iterator[Result]:
    """Completion, history, highlighting, the prompt."""
    few, words = completion.keystroke(10_000, "d")
    yield Result("15", "a key among 10000 names : prompt_toolkit's WordCompleter", ms(few), ms(words), few / words, 0.1)
    if not bench.quick:
        many, _ = completion.keystroke(100_000, "d")
        yield Result("15", "a key among 100000 names : among 10000", ms(many), ms(few), many / few, 1.5)
    ready = prompt.ready(bench)
    metric = "until the prompt stands : import prompt_toolkit, CPU"
    if ready is None:
        yield Result("18", metric, skipped="only Linux tells a running process's CPU time exactly")
    else:
        ours, imported, ratio = ready
        yield Result("18", metric, ms(ours), ms(imported), ratio, 1.6)
