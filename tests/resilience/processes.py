"""Runs that a test does something to while they run: a process, and the moment to do it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.resilience.running import COMMAND, WORKSPACE, CommandRun, Harness
from tests.resilience.server import Behaviour, Exchange, ok
from tokensh.api.journal import Entry, Journal
from tokensh.environment import Environment

PATIENCE = 60
"""Seconds that a loaded machine is given."""


class Started:
    """A run of the installed command."""

    def __init__(self, place: Harness, *arguments: str, shell: str = 'exec "$@"', **streams: Any) -> None:
        self.place = place
        self._arguments = arguments
        self._base = place.base(None, WORKSPACE)
        self._minted = set(place.tokens.minted)
        self._seen = len(place.workspace.log)
        self.process = subprocess.Popen(
            ["sh", "-c", shell, "sh", str(COMMAND), *self._base, *arguments],
            env=place.variables(),
            cwd=place.home,
            umask=0,
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},
        )

    def when(self, happened: Callable[[], bool]) -> None:
        """Wait for something that the run does."""
        until = time.monotonic() + PATIENCE
        while not happened():
            assert time.monotonic() < until, "it never came to that"
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.005)

    def ended(self, *, checked: bool = True) -> CommandRun:
        """Its end; `checked` against the invariants when the test ends."""
        out, err = self.process.communicate(timeout=PATIENCE)
        place = self.place
        new = [one for one in place.tokens.minted if one not in self._minted]
        requests = [(place.workspace, seen) for seen in place.workspace.log[self._seen :]]
        status = self.process.returncode
        texts = ((out or b"").decode(), (err or b"").decode())
        ran = CommandRun(self._arguments, self._base, place.variables(), status, *texts, requests, (), new)
        if checked:
            place.add(ran)
        return ran


def late(release: Callable[[], bool]) -> Behaviour:
    """Take effect at once, and answer when released."""

    def behave(exchange: Exchange) -> None:
        body = exchange.take_effect()
        until = time.monotonic() + PATIENCE
        while not release() and time.monotonic() < until and not exchange.server.stopping.wait(0.01):
            pass
        exchange.reply(200, body)

    return behave


def held_back(release: Callable[[], bool]) -> Behaviour:
    """Take effect, and answer, when released."""

    def behave(exchange: Exchange) -> None:
        while not release() and not exchange.server.stopping.wait(0.01):
            pass
        ok(exchange)

    return behave


def never() -> bool:
    return False


def journal(place: Harness) -> Path:
    return place.home / ".local" / "state" / "tokensh" / "journal"


def pending(place: Harness) -> list[Entry]:
    """What a next start would find."""
    environment = Environment(None, None, None, place.variables())  # type: ignore[arg-type] # it only says where
    return list(Journal(environment).leftover_intents())
