"""A keystroke over ten thousand names, against prompt_toolkit's own completer over the same words."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

from prompt_toolkit.completion import CompleteEvent, WordCompleter
from prompt_toolkit.document import Document

from tests.complete.session import parser
from tokensh.complete import Completer, Facts
from tokensh.errors import Span
from tokensh.provider.catalog import DEFAULT, Catalog
from tokensh.provider.model import ProviderInfo, Resource, ServiceInfo

WORDS = "data access grant token user group role policy share index job run cluster pool query alert".split()  # noqa: SIM905


class Many(Catalog):
    """A catalog of many resources."""

    def __init__(self, count: int) -> None:
        super().__init__(())
        sample = Catalog.shipped().resource(*DEFAULT, "user_tokens")
        names = (f"{WORDS[i % 16]}_{WORDS[i // 16 % 16]}_{i}" for i in range(count))
        self.all = tuple(replace(sample, name=name) for name in names)

    def providers(self) -> tuple[ProviderInfo, ...]:
        return (ProviderInfo(DEFAULT[0], "1"),)

    def services(self, provider: str, span: Span | None = None) -> tuple[ServiceInfo, ...]:
        return (ServiceInfo(DEFAULT[1], DEFAULT[1], "", "", "1"),)

    def resources(self, provider: str, service: str, span: Span | None = None) -> tuple[Resource, ...]:
        return self.all


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def keystroke(count: int, typed: str) -> tuple[float, float]:
    """The median seconds of ours and of prompt_toolkit's, taken in turns."""
    catalog = Many(count)
    ours = Completer(parser(), catalog)
    ours.warm()
    theirs = WordCompleter([one.id for one in catalog.all])
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


def test_a_keystroke_takes_a_tenth_of_prompt_toolkits_word_completer() -> None:
    ours, theirs = keystroke(10_000, "d")
    assert ours <= 0.1 * theirs


def test_letters_in_order_take_no_longer_than_that() -> None:
    _, theirs = keystroke(10_000, "d")
    ours, _ = keystroke(10_000, "dgt9")
    assert ours <= 0.1 * theirs


def test_four_times_the_names_take_no_more_than_half_as_long_again() -> None:
    few, _ = keystroke(5_000, "d")
    many, _ = keystroke(20_000, "d")
    assert many <= 1.5 * few


def test_a_name_is_found_among_many() -> None:
    catalog = Many(10_000)
    wanted = catalog.all[4711].name
    text = f"SELECT * FROM {wanted[:-1]}"
    found = Completer(parser(), catalog).complete(text, len(text), Facts())
    assert any(one.text.endswith(wanted) for one in found)
