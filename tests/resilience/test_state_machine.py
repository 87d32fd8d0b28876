"""Check any sequence of creates, listings, revokes, faults, interrupts and restarts against the server's own state.

Whatever happens, a create is sent once, and of each token that the server made, the value was delivered, or its id was
reported with what revokes it, or tokensh.local.pending has a row that revokes it or finds it: after a restart, too.
"""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.engine.sessions import connect
from tests.resilience.fault_injection import FaultInjector
from tests.resilience.faulty_server import (
    Behaviour,
    Exchange,
    FaultyServer,
    answers,
    answers_after_effect,
    closes,
    is_cut_off,
    ok,
    resets,
    resets_after_effect,
)
from tests.resilience.harness import WORKSPACE
from tests.resilience.token_store import TokenStore
from tests.tries import tries
from tokensh.dbapi.connection import Connection
from tokensh.environment import handle_interrupts
from tokensh.errors import Error, UnknownOutcome
from tokensh.render.deliver import deliver
from tokensh.render.options import Options

BEHAVIOURS: dict[str, Behaviour] = {
    "well": ok,
    "refused": answers(403),
    "reset": resets,
    "closed": closes,
    "reset after effect": resets_after_effect,
    "error after effect": answers_after_effect(503),
    "nothing in it after effect": answers_after_effect(200),
    "cut off": is_cut_off,
}
COMMENTS = st.sampled_from(["ci", "it''s", "", "dapi0123456789abcdef", "two\nlines", "{{ x }}"])
PENDING = "SELECT token_id, statement FROM tokensh.local.pending"


class Full(io.StringIO):
    """A stream on a disk with room for `room` more characters."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room

    def write(self, text: str) -> int:
        self._room -= len(text)
        if self._room < 0:
            raise OSError(28, "No space left on device")
        return super().write(text)


class Creates(RuleBasedStateMachine):
    """The actions of a user, and the faults that happen meanwhile."""

    cache: ClassVar = tempfile.TemporaryDirectory()
    """Compile the grammar once for all examples."""

    def __init__(self) -> None:
        super().__init__()
        self._root = tempfile.TemporaryDirectory()
        self.tokens = TokenStore()
        self.server = FaultyServer(app=self.tokens).__enter__()
        self.out = ""
        self.reported: set[str] = set()
        self.session = self._connect()

    def _connect(self) -> Connection:
        return connect(
            None,
            Path(self._root.name) / "home",
            {"DATABRICKS_TOKEN": "the-credential-of-this-machine", "XDG_CACHE_HOME": self.cache.name},
            endpoint=f"{self.server.origin}/w/{{deployment_name}}",
            workspace=WORKSPACE,
            yes=True,
            timeout=5,
            write_connections=3,
        )

    def teardown(self) -> None:
        self.session.close()
        self.server.__exit__()
        self._root.cleanup()

    def _run(self, statement: str, stream: io.StringIO) -> Error | None:
        try:
            with handle_interrupts(self.session.cancellation):
                for result in self.session.results(statement):
                    deliver("json", result, stream, Options())
        except Error as error:
            return error
        finally:
            self.out += stream.getvalue()
        return None

    def _create(self, comment: str, stream: io.StringIO | None = None, rows: int = 1) -> None:
        known, sent = set(self.tokens.minted), self._creates()
        values = ", ".join([f"('{comment}')"] * rows)
        error = self._run(
            f"INSERT INTO user_tokens (comment) VALUES {values} RETURNING token_value", stream or io.StringIO()
        )
        assert self._creates() - sent <= rows, "a create was sent twice"
        new = set(self.tokens.minted) - known
        lost = {token_id for token_id in new if self.tokens.minted[token_id] not in self.out}
        if isinstance(error, UnknownOutcome):
            self.reported |= {token_id for token_id, _ in error.orphans}
            for _, statement in error.orphans:
                self.session.parser.parse(statement.removesuffix(";"))
        else:
            assert not lost, f"lost without a word: {error}"
        assert error is None or not any(value in f"{error} {error.hint}" for value in self.tokens.minted.values())

    def _creates(self) -> int:
        return sum(seen.route == "create" for seen in self.server.log)

    # ---- what happens

    @rule(comment=COMMENTS, how=st.sampled_from(sorted(BEHAVIOURS)), listed=st.booleans())
    def create(self, comment: str, how: str, listed: bool) -> None:
        self.server.on("create", BEHAVIOURS[how])
        if not listed:
            self.server.on("list", answers(403))
        self._create(comment)
        self._behave()

    @rule(comment=COMMENTS, room=st.integers(0, 120))
    def create_onto_a_full_disk(self, comment: str, room: int) -> None:
        self._create(comment, Full(room), rows=2)

    @rule(comment=COMMENTS, number=st.integers(1, 16), after=st.booleans())
    def create_while_an_operation_fails(self, comment: str, number: int, after: bool) -> None:
        with FaultInjector(Path(self._root.name), number, after=after).intercept():
            self._create(comment)

    @rule(presses=st.integers(1, 2), before=st.booleans())
    def create_interrupted(self, presses: int, before: bool) -> None:
        def pressed(exchange: Exchange) -> None:
            body = b"{}" if before else exchange.take_effect()
            for _ in range(presses):
                self.session.cancellation.press()
            exchange.reply(403 if before else 200, body)

        self.server.on("create", pressed)
        self._create("interrupted")
        self._behave()

    @rule(number=st.integers(0, 8))
    def listing(self, number: int) -> None:
        with FaultInjector(Path(self._root.name), number).intercept():
            self._run("SELECT token_id FROM user_tokens", io.StringIO())

    @precondition(lambda self: self.tokens.infos)
    @rule(at=st.integers(0, 50), number=st.integers(0, 8))
    def revoke(self, at: int, number: int) -> None:
        token_id = sorted(self.tokens.infos)[at % len(self.tokens.infos)]
        body = json.dumps({"token_id": token_id})
        with FaultInjector(Path(self._root.name), number).intercept():
            self._run(f"EXEC user_tokens.revoketoken @@json = '{body}'", io.StringIO())

    @rule()
    def revoke_what_is_pending(self) -> None:
        for token_id, statement in self._pending():
            if token_id is not None:
                assert self._run(statement.removesuffix(";"), io.StringIO()) is None
                assert token_id not in self.tokens.infos
        assert all(token_id is None for token_id, _ in self._pending())

    @rule()
    def restart(self) -> None:
        self.session.close()
        self.session = self._connect()

    def _behave(self) -> None:
        for route in ("create", "list"):
            self.server.on(route)

    # ---- what must hold

    @invariant()
    def nothing_is_lost(self) -> None:
        found: set[str] = set()
        for token_id, statement in self._pending():
            if token_id is None:
                looked = self.session.run(statement.removesuffix(";")).rows
                found |= {str(cell) for row in looked for cell in row}
            else:
                found.add(token_id)
        lost = {token_id for token_id in self.tokens.infos if self.tokens.minted[token_id] not in self.out}
        assert lost <= self.reported | found

    @invariant()
    def the_disk_holds_no_secret(self) -> None:
        texts = [path.read_bytes() for path in Path(self._root.name).rglob("*") if path.is_file()]
        for value in (*self.tokens.minted.values(), "the-credential-of-this-machine", "dapi0123456789abcdef"):
            assert not any(value.encode() in text for text in texts)

    def _pending(self) -> list[tuple[Any, str]]:
        rows: list[Any] = list(self.session.run(PENDING).rows)
        return rows


TestCreates = Creates.TestCase
pytestmark = pytest.mark.judged
TestCreates.settings = tries(6, derandomize=False, stateful_step_count=10)
