"""Compare a keystroke over 10,000 names with prompt_toolkit's own completer over the same words."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from prompt_toolkit.completion import CompleteEvent, WordCompleter
from prompt_toolkit.document import Document

from tests.complete.test_many import Many
from tests.shared_parser import shared_parser
from tokensh.complete import Completer, Facts


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def keystroke(count: int, typed: str) -> tuple[float, float]:
    """Return the median seconds of ours and of prompt_toolkit's, measured in turns."""
    catalog = Many(count)
    ours = Completer(shared_parser(), catalog)
    ours.warm()
    theirs = WordCompleter([resource.id for resource in catalog.all])
    text = f"SELECT * FROM {typed}"
    event = CompleteEvent()
    pairs = [
        (
            seconds(lambda: ours.complete(text, len(text), Facts())),
            seconds(lambda: list(theirs.get_completions(Document(typed), event))),
        )
        for _ in range(15)
    ]
    return median(a for a, _ in pairs), median(b for _, b in pairs)
