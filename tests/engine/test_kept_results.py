"""Earlier results have a budget of memory, not a number: many small ones stay, large ones go, the oldest first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases import each_case
from tests.engine.sessions import connect
from tokensh.engine import objects
from tokensh.engine.objects import SessionObjects, _estimate_bytes
from tokensh.plan.objects import StoredTable
from tokensh.rows import Column

COLUMNS = (Column("a", "string"),)


@pytest.fixture
def kept(tmp_path: Path) -> SessionObjects:
    with connect(None, tmp_path) as connection:
        return connection.objects


def names(kept: SessionObjects) -> list[str]:
    return [name for name in kept.names() if name.startswith("_")]


def test_many_small_results_stay(kept: SessionObjects) -> None:
    for number in range(200):
        kept.keep_result(COLUMNS, [(f"{number}",)])
        assert kept.drop_old_results() == ()
    assert names(kept) == ["_", *(f"_{number}" for number in range(1, 201))]


def test_large_results_push_out_the_oldest_and_are_told(kept: SessionObjects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "RESULT_BUDGET", 100_000)
    dropped = []
    for _ in range(5):
        kept.keep_result(COLUMNS, [("x" * 1000,)] * 40)
        dropped.append(kept.drop_old_results())
    assert dropped == [(), (), (1,), (2,), (3,)]
    kept.keep_result(COLUMNS, [("x" * 1000,)] * 1000)
    assert kept.drop_old_results() == (4, 5)
    assert names(kept) == ["_", "_6"]


@each_case(
    ("rows", "least", "most"),
    [
        ([], 0, 0),
        ([("x" * 1000,)], 1000, 1300),
        ([("x" * 1000,), (None,)] * 5000, 5_000_000, 6_500_000),
        ([(1, 2.5, b"x" * 100)] * 1000, 100_000, 300_000),
    ],
)
def test_the_size_of_rows_is_about_right(rows: list[tuple[str | None]], least: int, most: int) -> None:
    assert least <= _estimate_bytes(rows) <= most


def test_a_result_keeps_the_units_of_its_columns(kept: SessionObjects) -> None:
    kept.keep_result((Column("ms", "integer", unit="epoch_ms"), Column("ms", "integer", unit="seconds")), [(1, 2)])
    found = kept.find("_")
    assert isinstance(found, StoredTable)
    assert [(column.name, column.unit) for column in found.columns] == [("ms", "epoch_ms"), ("ms:2", "seconds")]
