"""Fixtures: terminals that run tokensh, and a sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shared_parser import CACHE_HOME
from tests.shell.terminal import Start, Terminal
from tokensh import sandbox
from tokensh.sandbox import Sandbox


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    terminals: list[Terminal] = []

    def start_terminal(*arguments: str, **options: object) -> Terminal:
        terminal = Terminal(
            *(arguments or ("--sandbox",)),
            home=tmp_path,
            cache=CACHE_HOME,
            **options,  # type: ignore[arg-type]
        )
        terminals.append(terminal)
        terminal.prompt()
        return terminal

    yield start_terminal
    for terminal in terminals:
        terminal.close()


@pytest.fixture
def site() -> Iterator[Sandbox]:
    with sandbox.start() as running:
        yield running
