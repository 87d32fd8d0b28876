"""Terminals and a sandbox for the shell's scenarios."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shell.terminal import Start, Terminal
from tokensh import sandbox
from tokensh.sandbox import Sandbox


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Terminal] = []

    def one(*arguments: str, **more: object) -> Terminal:
        terminal = Terminal(
            *(arguments or ("--sandbox",)),
            home=tmp_path,
            cache=tmp_path.parent / "cache",
            **more,  # type: ignore[arg-type]
        )
        started.append(terminal)
        terminal.prompt()
        return terminal

    yield one
    for terminal in started:
        terminal.close()


@pytest.fixture
def site() -> Iterator[Sandbox]:
    with sandbox.start() as running:
        yield running
