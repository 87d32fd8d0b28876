"""Check random schedules of faults of several workspaces against what the servers did.

Whatever the replies to listings, creates and revokes are: nothing is written after an incomplete read, a row is created at most
once, a revoke that is reported as done is done, and each created token is delivered, reported or pending.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.engine.sessions import connect
from tests.resilience.faulty_server import (
    Behaviour,
    Exchange,
    FaultyServer,
    ReceivedRequest,
    answers,
    answers_after_effect,
    closes,
    hints_first,
    is_cut_off,
    ok,
    resets,
    resets_after_effect,
)
from tests.resilience.token_store import TokenStore
from tests.tries import tries
from tokensh.dbapi.connection import Connection
from tokensh.engine.callbacks import Callbacks
from tokensh.errors import Error, UnknownOutcome

PLACES = ("dbc-1", "dbc-2", "dbc-3")
WHOLE: dict[str, Behaviour] = {"well": ok, "after hints": hints_first(103, 100, 102)}


def _answers_with(**more: Any) -> Behaviour:
    """Take effect, and answer with more keys than the proper reply has."""
    return lambda exchange: exchange.reply(200, json.dumps({**json.loads(exchange.take_effect()), **more}).encode())


def _answers_whole_but(status: int, **headers: str) -> Behaviour:
    return lambda exchange: exchange.reply(status, exchange.take_effect(), **headers)


def _put_off_after_effect(exchange: Exchange) -> None:
    exchange.take_effect()
    exchange.reply(503, b"busy", Retry_After="1")


SPOILT: dict[str, Behaviour] = {
    "refused": answers(403),
    "not found": answers(404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}'),
    "put off": answers(429, Retry_After="1"),
    "put off with 503": answers(503, b"busy", Retry_After="1"),
    "busy": answers(503, b"<html>busy</html>"),
    "a gateway's error": answers(502, b"<html>"),
    "an error": answers(500),
    "reset": resets,
    "closed": closes,
    "reset after effect": resets_after_effect,
    "put off after effect": _put_off_after_effect,
    "an error after effect": answers_after_effect(500),
    "cut off": is_cut_off,
    "a part": _answers_whole_but(206),
    "a page": _answers_with(next_page_token="x"),
    "a page by its header": _answers_whole_but(200, Link='</2>; rel="next"'),
    "an error beside the reply": _answers_with(error_code="PARTIAL", message="some are missing"),
    "an error instead": answers(200, b'{"message": "not logged in"}'),
    "an error instead after effect": answers_after_effect(200, b'{"error": {"code": 5}}'),
    "an unknown object": answers(200, b'{"tokens": []}'),
    "an unknown row": answers(200, b'{"token_infos": [{"error": "x"}]}'),
    "no JSON": answers(200, b"<html>log in</html>"),
    "nothing": answers(200, b""),
}
BEHAVIOURS = {**WHOLE, **SPOILT}
PLANS = st.dictionaries(
    st.tuples(st.sampled_from(PLACES), st.sampled_from(["list", "create", "delete"])),
    st.lists(st.sampled_from(sorted(BEHAVIOURS)), min_size=1, max_size=4),
    max_size=3,
)
COMMENTS = st.sampled_from(["a", "b", "c"])
PLACE = st.sampled_from(PLACES)
GROUPS = st.sampled_from([PLACES[:1], PLACES[:2], PLACES[1:], PLACES])


def _in(places: Sequence[str]) -> str:
    return "deployment_name IN (" + ", ".join(f"'{place}'" for place in places) + ")"


class Schedules(RuleBasedStateMachine):
    """Statements of a user, each with the replies that its requests get."""

    cache: ClassVar = tempfile.TemporaryDirectory()
    """Compile the grammar once for all examples."""

    def __init__(self) -> None:
        super().__init__()
        self._root = tempfile.TemporaryDirectory()
        self.stores = {place: TokenStore() for place in PLACES}
        self.server = FaultyServer(self._behave, app=self._take_effect).__enter__()
        self.plan: dict[tuple[str, str], list[str]] = {}
        self.happened: list[tuple[str, str, str]] = []
        """Place, route and behaviour of each request of the statement, in order."""
        self.texts = ""
        self.reported: set[str] = set()
        self.is_partial = False
        """Whether the statement said that rows are missing."""
        self.session: Connection

    @initialize(partial=st.booleans(), most=st.sampled_from((1, 3)))
    def start(self, partial: bool, most: int) -> None:
        self.session = connect(
            None,
            Path(self._root.name) / "home",
            {"DATABRICKS_TOKEN": "the-credential-of-this-machine", "XDG_CACHE_HOME": self.cache.name},
            endpoint=f"{self.server.origin}/w/{{deployment_name}}",
            yes=True,
            partial=partial,
            write_connections=most,
            callbacks=Callbacks(on_failure=lambda _: None),
            sleep=lambda _: None,
        )
        self._run("CREATE TABLE mine (comment TEXT)", {})

    def teardown(self) -> None:
        self.session.close()
        self.server.__exit__()
        self._root.cleanup()

    # ---- the workspaces

    def _take_effect(self, seen: ReceivedRequest) -> bytes:
        return self.stores[seen.path.split("/")[2]](seen)

    def _behave(self, exchange: Exchange) -> None:
        key = exchange.request.path.split("/")[2], exchange.request.route
        planned = self.plan.get(key)
        behaviour = planned.pop(0) if planned else "well"
        self.happened.append((*key, behaviour))
        BEHAVIOURS[behaviour](exchange)

    # ---- the user

    def _run(self, statement: str, plan: dict[tuple[str, str], list[str]]) -> tuple[list[Any], Error | None]:
        """Run a statement, and check that it wrote nothing after an incomplete read."""
        self.plan, self.happened = {key: list(replies) for key, replies in plan.items()}, []
        kept = self._kept()
        rows: list[Any] = []
        error: Error | None = None
        try:
            for result in self.session.results(statement):
                rows.extend(result.rows)
        except Error as failure:
            error = failure
        self.plan, self.is_partial = {}, bool(self.session.failures)
        self.texts += repr(rows)
        if isinstance(error, UnknownOutcome):
            self.reported |= {token_id for token_id, _ in error.orphans}
        reads: dict[str, bool] = {}
        writes = [(place, how) for place, route, how in self.happened if route != "list"]
        for place, route, how in self.happened:
            if route != "list":
                break
            reads[place] = how in WHOLE
        is_complete = all(reads.values())
        assert is_complete or not writes, f"written on partial data: {self.happened}"
        assert is_complete or self._kept() == kept, f"kept on partial data: {self.happened}"
        return rows, error

    def _kept(self) -> list[Any]:
        return list(self.session.run("SELECT comment FROM mine ORDER BY 1").rows) if self._has_table() else []

    def _has_table(self) -> bool:
        return any(name == "mine" for name in self.session.objects.names())

    @rule(groups=GROUPS, plan=PLANS)
    def list_tokens(self, groups: Sequence[str], plan: Any) -> None:
        rows, error = self._run(f"SELECT token_id FROM user_tokens WHERE {_in(groups)}", plan)
        whole = {(token_id,) for place in groups for token_id in self.stores[place].infos}
        if error is None and not self.is_partial:
            assert set(rows) == whole, f"rows are missing without a word: {self.happened}"

    @rule(place=PLACE, comment=COMMENTS, count=st.integers(1, 3), plan=PLANS)
    def create(self, place: str, comment: str, count: int, plan: Any) -> None:
        before = len(self.stores[place].minted)
        values = ", ".join([f"('{place}', '{comment}')"] * count)
        rows, error = self._run(
            f"INSERT INTO user_tokens (deployment_name, data__comment) VALUES {values} RETURNING token_value", plan
        )
        made = len(self.stores[place].minted) - before
        assert made <= count, f"created twice: {self.happened}"
        assert error is not None or len(rows) == made == count, f"{made} created, {len(rows)} given: {self.happened}"

    @rule(place=PLACE, others=GROUPS, comment=COMMENTS, plan=PLANS)
    def create_where_none_is(self, place: str, others: Sequence[str], comment: str, plan: Any) -> None:
        exists = any(info["comment"] == comment for other in others for info in self.stores[other].infos.values())
        before = len(self.stores[place].minted)
        self._run(
            f"INSERT INTO user_tokens (deployment_name, data__comment) SELECT '{place}', '{comment}' WHERE NOT EXISTS"
            f" (SELECT 1 FROM user_tokens WHERE {_in(others)} AND comment = '{comment}') RETURNING token_value",
            plan,
        )
        assert len(self.stores[place].minted) - before <= (not exists), f"created on partial data: {self.happened}"

    @rule(places=GROUPS, others=GROUPS, plan=PLANS)
    def revoke_what_others_lack(self, places: Sequence[str], others: Sequence[str], plan: Any) -> None:
        held = {info["comment"] for other in others for info in self.stores[other].infos.values()}
        before = {place: dict(self.stores[place].infos) for place in places}
        rows, error = self._run(
            f"DELETE FROM user_tokens WHERE {_in(places)} AND comment NOT IN"
            f" (SELECT comment FROM user_tokens WHERE {_in(others)}) RETURNING token_id",
            plan,
        )
        gone = {
            token_id: info
            for place in places
            for token_id, info in before[place].items()
            if token_id not in self.stores[place].infos
        }
        assert all(info["comment"] not in held for info in gone.values()), f"revoked on partial data: {self.happened}"
        # A server that says of a token that it does not exist is believed.
        if any(route == "delete" and how == "not found" for _, route, how in self.happened):
            return
        assert {token_id for (token_id,) in rows} <= set(gone), f"reported, but not revoked: {self.happened}"
        assert error is not None or not any(
            info["comment"] not in held for place in places for info in self.stores[place].infos.values()
        ), f"not revoked without a word: {self.happened}"

    @rule(place=PLACE, number=st.integers(0, 9), plan=PLANS)
    def revoke(self, place: str, number: int, plan: Any) -> None:
        ids = sorted(self.stores[place].infos) or ["none"]
        token_id = ids[number % len(ids)]
        body = json.dumps({"token_id": token_id})
        _, error = self._run(f"EXEC user_tokens.revoketoken @deployment_name = '{place}' @@json = '{body}'", plan)
        writes = [how for _, route, how in self.happened if route == "delete"]
        is_denied = "not found" in writes
        assert error is not None or is_denied or token_id not in self.stores[place].infos, f"kept: {self.happened}"
        assert sum(how not in ("put off", "put off with 503", "put off after effect") for how in writes) <= 2

    @rule(groups=GROUPS, plan=PLANS)
    def keep(self, groups: Sequence[str], plan: Any) -> None:
        self._run(f"INSERT INTO mine SELECT comment FROM user_tokens WHERE {_in(groups)}", plan)

    @rule(groups=GROUPS, place=PLACE, plan=PLANS)
    def commit(self, groups: Sequence[str], place: str, plan: Any) -> None:
        revokes = f"DELETE FROM user_tokens WHERE deployment_name = '{place}' AND token_id = 'none'"
        for statement in ("BEGIN", revokes, f"INSERT INTO mine SELECT comment FROM user_tokens WHERE {_in(groups)}"):
            self._run(statement, {})
        self._run("COMMIT", plan)

    # ---- what must hold

    @invariant()
    def nothing_is_lost(self) -> None:
        pending = (
            list(self.session.run("SELECT token_id, workspace FROM tokensh.local.pending").rows)
            if hasattr(self, "session")
            else []
        )
        named = self.reported | {str(token_id) for token_id, _ in pending}
        open_places = {workspace for token_id, workspace in pending if token_id is None}
        for place, store in self.stores.items():
            lost = {token_id for token_id in store.infos if store.minted[token_id] not in self.texts} - named
            assert not lost or place in open_places, f"lost: {lost}"


TestSchedules = Schedules.TestCase
pytestmark = pytest.mark.judged
TestSchedules.settings = tries(6, derandomize=False, stateful_step_count=8)
