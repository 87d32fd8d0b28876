"""Mutated statements give results or errors of ours; tests/engine/fuzz.py runs more of them by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.fuzz import find_fault, find_faults, open_connection


@pytest.mark.parametrize("seed", [1, 2])
def test_a_mutated_statement_gives_a_result_or_an_error_at_a_place(seed: int, tmp_path: Path) -> None:
    assert list(find_faults(tmp_path, 150, seed)) == []


# What the fuzzer found, one statement for each kind.
FOUND = ["COMMIT", "CREATE TABLE t (x int, y int, PRIMARY KEY (count, y))"]


@pytest.mark.parametrize("text", FOUND)
def test_what_was_found_is_mended(text: str, tmp_path: Path) -> None:
    with open_connection(tmp_path) as connection:
        assert find_fault(connection, text) is None
