"""Each case of cases.txt gets the suggestions that it lists: a text with a cursor, and what is offered there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.cases import each_case
from tests.complete.session import texts

CASES = Path(__file__).with_name("cases.txt")


def cases() -> Iterator[tuple[str, str]]:
    for line in CASES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("# "):
            text, _, wanted = line.rpartition(" => ")
            yield text, wanted


@each_case(("text", "wanted"), list(cases()))
def test_case(text: str, wanted: str) -> None:
    found = [text.strip() for text in texts(text)]
    items = [item.strip() for item in wanted.split(" , ")]
    if wanted == "nothing":
        assert found == []
        return
    first = [item for item in items if item[0] not in "+!"]
    assert found[: len(first)] == first
    for item in items:
        if item.startswith("+"):
            assert item[1:] in found
        if item.startswith("!"):
            assert item[1:] not in found
