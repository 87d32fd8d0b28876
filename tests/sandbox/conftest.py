"""A running sandbox for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tokensh.sandbox import Sandbox, start


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with start() as running:
        yield running
