"""The manual's reference pages say what the tables of the code say."""

from __future__ import annotations

from tests.cases import each_case
from tests.manual_pages import FOLDER, PAGES


@each_case("name", PAGES)
def test_a_reference_page_is_what_the_tables_say(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == PAGES[name]() + "\n", "run `python -m tests.manual_pages`"


def test_a_reference_page_is_there_for_every_table() -> None:
    assert {path.name for path in FOLDER.glob("*.md")} >= PAGES.keys()
