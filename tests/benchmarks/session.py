"""Rows 15 to 18: the waits of a user at the prompt, and the memory of a long session."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import completion, history, kept_results, lexing, prompt
from tests.benchmarks.measure import Bench, Result, format_ms


def measure(bench: Bench) -> Iterator[Result]:
    """Measure completion, history, highlighting and the prompt."""
    few, words = completion.keystroke(10_000, "d")
    yield Result(
        "15",
        "a key among 10000 names : prompt_toolkit's WordCompleter",
        format_ms(few),
        format_ms(words),
        few / words,
        0.1,
    )
    if not bench.quick:
        many, _ = completion.keystroke(100_000, "d")
        yield Result("15", "a key among 100000 names : among 10000", format_ms(many), format_ms(few), many / few, 1.5)
    with tempfile.TemporaryDirectory() as folder:
        (first, gap), (their_first, their_gap) = history.compare_loads(Path(folder), 10_000 if bench.quick else 100_000)
    metric = "history: the first of 100000 entries : prompt_toolkit's FileHistory"
    yield Result("16", metric, format_ms(first), format_ms(their_first), first / their_first, 0.1)
    yield Result(
        "16",
        "history: longest time without a look at the keys",
        format_ms(gap),
        format_ms(their_gap),
        gap / their_gap,
        0.25,
    )
    ours, theirs = lexing.keystroke(10_000)
    yield Result("17", "colours of 10 KB : pygments' SqlLexer", format_ms(ours), format_ms(theirs), ours / theirs, 0.4)
    yield kept_results.compare_sessions(bench)
    ready = prompt.ready(bench)
    metric = "until the prompt stands : import prompt_toolkit, CPU"
    if ready is None:
        yield Result("18", metric, skipped="only Linux tells a running process's CPU time exactly")
    else:
        ours, imported, ratio = ready
        yield Result("18", metric, format_ms(ours), format_ms(imported), ratio, 1.6)
