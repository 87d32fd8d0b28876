"""Run the installed command in the background, so that a test can act on it (a signal, a reply) at a chosen moment."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from tests.resilience.faulty_server import Behaviour, Exchange, ok
from tests.resilience.harness import COMMAND, WORKSPACE, CommandRun, Harness
from tests.shell.forks import ForkedCommand, can_fork
from tokensh.api.journal import Entry, Journal
from tokensh.environment import Environment

PATIENCE = 60
"""Seconds to wait before a test gives up, long enough for a loaded machine."""


class BackgroundRun:
    """A running process of the installed command."""

    def __init__(self, harness: Harness, *arguments: str, shell: str = "", stdout: BinaryIO | None = None) -> None:
        """Start the command, or a command of `sh` that starts it as `"$@"`."""
        self.harness = harness
        self._arguments = arguments
        self._base = harness.base(None, WORKSPACE)
        self._minted = set(harness.tokens.minted)
        self._seen = len(harness.workspace.log)
        variables = harness.variables()
        self.process: subprocess.Popen[bytes] | ForkedCommand
        if not shell and can_fork(variables):
            self.process = ForkedCommand([*self._base, *arguments], variables, harness.home, stdout)
            return
        self.process = subprocess.Popen(
            ["sh", "-c", shell or 'exec "$@"', "sh", str(COMMAND), *self._base, *arguments],
            env=variables,
            cwd=harness.home,
            umask=0,
            stdin=subprocess.DEVNULL,
            stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def wait_until(self, happened: Callable[[], bool]) -> None:
        """Wait until a condition holds while the process runs."""
        until = time.monotonic() + PATIENCE
        while not happened():
            assert time.monotonic() < until, "it never came to that"
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.005)

    def wait(self, *, checked: bool = True) -> CommandRun:
        """Wait for the process and return its run; `checked` runs are held against the invariants when the test ends."""
        out, err = self.process.communicate(timeout=PATIENCE)
        harness = self.harness
        new = [token_id for token_id in harness.tokens.minted if token_id not in self._minted]
        requests = [(harness.workspace, seen) for seen in harness.workspace.log[self._seen :]]
        status = self.process.returncode
        assert status is not None
        texts = ((out or b"").decode(), (err or b"").decode())
        result = CommandRun(self._arguments, self._base, harness.variables(), status, *texts, requests, (), new)
        if checked:
            harness.add_run(result)
        return result


def answers_when(release: Callable[[], bool]) -> Behaviour:
    """Take effect at once, and answer when `release` returns True."""

    def behave(exchange: Exchange) -> None:
        body = exchange.take_effect()
        until = time.monotonic() + PATIENCE
        while not release() and time.monotonic() < until and not exchange.server.stopping.wait(0.01):
            pass
        exchange.reply(200, body)

    return behave


def takes_effect_when(release: Callable[[], bool]) -> Behaviour:
    """Take effect and answer when `release` returns True."""

    def behave(exchange: Exchange) -> None:
        while not release() and not exchange.server.stopping.wait(0.01):
            pass
        ok(exchange)

    return behave


def never() -> bool:
    return False


def journal_folder(harness: Harness) -> Path:
    return harness.home / ".local" / "state" / "tokensh" / "journal"


def leftover_entries(harness: Harness) -> list[Entry]:
    """Return the journal entries that the next session would find."""
    environment = Environment(None, None, None, harness.variables())  # type: ignore[arg-type] # it only says where
    return list(Journal(environment).leftover_intents())
