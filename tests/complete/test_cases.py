"""The cases of cases.txt: a text with a cursor, and what is suggested there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.complete.session import texts

CASES = Path(__file__).with_name("cases.txt")


def cases() -> Iterator[tuple[str, str]]:
    for line in CASES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("# "):
            text, _, wanted = line.rpartition(" => ")
            yield text, wanted


@pytest.mark.parametrize(("text", "wanted"), list(cases()))
def test_case(text: str, wanted: str) -> None:
    found = [one.strip() for one in texts(text)]
    items = [one.strip() for one in wanted.split(" , ")]
    if wanted == "nothing":
        assert found == []
        return
    first = [one for one in items if one[0] not in "+!"]
    assert found[: len(first)] == first
    for one in items:
        if one.startswith("+"):
            assert one[1:] in found
        if one.startswith("!"):
            assert one[1:] not in found
