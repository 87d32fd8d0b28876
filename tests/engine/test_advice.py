"""Changes of tokens come with advice: when a new one expires, who loses access, which token is in use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cases import each_case
from tests.engine.sessions import A, B, connect, list_requests, run
from tokensh import sandbox
from tokensh.api.request import Json
from tokensh.dbapi.connection import Connection
from tokensh.engine.advice import describe_new_token, find_lost_grants
from tokensh.engine.callbacks import Callbacks
from tokensh.errors import ApiError, Interrupted, ProgrammingError
from tokensh.sandbox import Sandbox
from tokensh.units import DAY

MADE = 1_795_000_000_000
PLACE = f"deployment_name = '{A}'"


@pytest.fixture
def site() -> Iterator[Sandbox]:
    with sandbox.start() as running:
        yield running


class NotingSession:
    """A session whose notes are kept."""

    def __init__(self, site: Sandbox, home: Path, token: str | None = None, **more: Any) -> None:
        self.notes: list[str] = []
        self.connection: Connection = connect(
            site,
            home,
            {"DATABRICKS_TOKEN": token or site.token},
            callbacks=Callbacks(note=self.notes.append),
            **more,
        )

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        return run(self.connection, sql)


def notes_on(lifetime: int | None, comment: str = "") -> list[str]:
    info: dict[str, Json] = {"creation_time": MADE, "comment": comment}
    info["expiry_time"] = -1 if lifetime is None else MADE + lifetime
    return list(describe_new_token({"token_value": "x", "token_info": info}, 0))


class TestWhenANewTokenEnds:
    @each_case(
        ("lifetime", "expected"),
        [
            (30 * DAY, "expires 2026-12-18, in 30.0 days"),
            (129_600_000, "expires 2026-11-19, in 1.5 days"),
            (DAY - 1000, "expires 2026-11-19, in 24.0 hours"),
            (90 * 60_000, "expires 2026-11-18, in 1.5 hours"),
            (60_000, "expires 2026-11-18, in 1.0 minutes"),
            (1000, "expires 2026-11-18, in 1.0 seconds"),
            (None, "never expires"),
            (2**60, f"expires {MADE + 2**60} ms after 1970, in 13343998895.9 days"),
        ],
    )
    def test_is_said_in_a_figure_that_a_slip_of_units_shows_in(self, lifetime: int | None, expected: str) -> None:
        assert notes_on(lifetime) == [expected]

    @each_case("reply", [{}, {"token_info": None}, {"token_info": {}}, {"token_info": {"expiry_time": "soon"}}])
    def test_nothing_is_said_of_what_the_reply_does_not_tell(self, reply: dict[str, Json]) -> None:
        assert list(describe_new_token(reply, MADE)) == []

    def test_it_is_counted_from_now_where_the_reply_has_no_creation_time(self) -> None:
        assert list(describe_new_token({"token_info": {"expiry_time": MADE + DAY}}, MADE)) == [
            "expires 2026-11-19, in 1.0 days"
        ]

    @each_case(
        ("comment", "lifetime", "expected"),
        [
            (
                "CI, 90 days",
                129_600_000,
                "the comment says 90 days, and its lifetime is 1.5 days: 90.0 days are 7776000 s",
            ),
            ("90d", None, "the comment says 90 days, and it never expires: 90.0 days are 7776000 s"),
            ("two weeks", 14 * DAY, None),
            ("2 weeks", 14 * DAY, None),
            ("one of 3 months", 90 * DAY, None),
            ("1 year", 365 * DAY, None),
            ("24 hours", DAY, None),
            ("24-hour job", 30 * DAY, "24 hours"),
            ("7 days a week, 24 hours a day", DAY * 90, None),
            ("release 3, team of 5 dogs", DAY, None),
            ("", DAY, None),
        ],
    )
    def test_a_comment_that_says_otherwise_is_told(
        self, comment: str, lifetime: int | None, expected: str | None
    ) -> None:
        more = notes_on(lifetime, comment)[1:]
        assert (expected is None) == (more == [])
        assert expected is None or expected in more[0]

    def test_an_insert_says_it_once_its_row_is_out(self, site: Sandbox, tmp_path: Path) -> None:
        session = NotingSession(site, tmp_path)
        result = session.connection.run(
            "INSERT INTO user_tokens (data__comment, data__lifetime_seconds, deployment_name)"
            f" VALUES ('ci, 90 days', 129600, '{A}'), ('ci', 3600, '{A}') RETURNING token_value"
        )
        next(result.rows)
        assert session.notes == []
        list(result.rows)
        assert [note.partition(", in ")[2] for note in session.notes if note.startswith("expires")] == [
            "1.5 days",
            "1.0 hours",
        ]
        assert "the comment says 90 days" in session.notes[1]

    def test_so_does_one_for_a_service_principal(self, site: Sandbox, tmp_path: Path) -> None:
        session = NotingSession(site, tmp_path)
        session.run(
            f"INSERT INTO tokens (data__application_id, data__lifetime_seconds, deployment_name)"
            f" VALUES ('{site.client_id}', 86400, '{A}') RETURNING token_value"
        )
        assert session.notes[0].endswith(", in 1.0 days")


class TestTheTokenInUse:
    def own(self, site: Sandbox, home: Path, **more: Any) -> tuple[NotingSession, str]:
        admin = connect(site, home)
        ((value,),) = run(
            admin,
            f"INSERT INTO user_tokens (data__comment, deployment_name) VALUES ('me', '{A}') RETURNING token_value",
        )
        assert isinstance(value, str)
        return NotingSession(site, home, value, **more), hashlib.sha256(value.encode()).hexdigest()

    def test_its_revoke_is_warned_of_before_it_is_sent(self, site: Sandbox, tmp_path: Path) -> None:
        session, own = self.own(site, tmp_path)
        sent: list[int] = []
        session.connection.callbacks = Callbacks(note=lambda _: sent.append(len(site.log)))
        before = len(site.log)
        session.run(f"EXEC user_tokens.revoketoken @deployment_name = '{A}' @@json = '{{\"token_id\": \"{own}\"}}'")
        assert (sent, site.log[-1].path[-6:], len(site.log)) == ([before], "delete", before + 1)

    def test_the_warning_names_it_and_its_workspace(self, site: Sandbox, tmp_path: Path) -> None:
        session, own = self.own(site, tmp_path)
        session.run(f"DELETE FROM user_tokens WHERE {PLACE} AND token_id = '{own}'")
        assert session.notes == [
            f"warning: token {own} signs the requests to {A}: once it is revoked, they are refused"
        ]

    def test_of_many_it_is_revoked_last(self, site: Sandbox, tmp_path: Path) -> None:
        session, own = self.own(site, tmp_path, yes=True)
        gone = session.run(
            f"DELETE FROM user_tokens WHERE {PLACE} AND comment IN ('me', 'dbt production') RETURNING token_id"
        )
        assert len(gone) == 2
        assert gone[-1] == (own,)
        with pytest.raises(ApiError, match="Invalid access token"):
            session.run(f"SELECT * FROM user_tokens WHERE {PLACE}")

    def test_another_token_earns_no_warning(self, site: Sandbox, tmp_path: Path) -> None:
        session, _ = self.own(site, tmp_path, yes=True)
        session.run(f"DELETE FROM user_tokens WHERE {PLACE} AND comment = 'dbt production'")
        session.run(f"DELETE FROM user_tokens WHERE deployment_name = '{A}' AND token_id = 'of another'")
        assert session.notes == []


ACL: list[Json] = [
    {"group_name": "admins", "all_permissions": [{"permission_level": "CAN_MANAGE", "inherited": False}]},
    {"group_name": "dev", "all_permissions": [{"permission_level": "CAN_USE", "inherited": False}]},
    {"user_name": "ed", "all_permissions": [{"permission_level": "CAN_USE"}]},
    {"group_name": "far", "all_permissions": [{"permission_level": "CAN_USE", "inherited": True}]},
    "odd",
]


@each_case(
    ("new", "lost"),
    [
        ([], [("group_name", "dev"), ("user_name", "ed")]),
        ([{"group_name": "dev", "permission_level": "CAN_USE"}], [("user_name", "ed")]),
        ([{"group_name": "dev"}, {"user_name": "ed"}, {"user_name": "new"}], []),
        (None, [("group_name", "dev"), ("user_name", "ed")]),
    ],
)
def test_who_loses_the_permission_is_worked_out_from_both_lists(new: Json, lost: list[tuple[str, str]]) -> None:
    assert find_lost_grants({"access_control_list": ACL}, new) == lost


class TestReplacingThePermissions:
    ALONE = json.dumps([{"user_name": "gus@example.com", "permission_level": "CAN_USE"}])
    REPLACE = f"REPLACE token_permissions SET data__access_control_list = '{ALONE}' WHERE {PLACE}"

    def test_without_yes_it_names_who_would_lose_it_and_sends_nothing(self, site: Sandbox, tmp_path: Path) -> None:
        session = NotingSession(site, tmp_path)
        with pytest.raises(ProgrammingError, match=f"would hit 1 row: deployment_name={A} group_name=token-users"):
            session.run(self.REPLACE)
        assert list_requests(site) == [f"GET {A} tokens"]
        assert session.notes == [
            f"warning: group_name token-users is not in the new list for {A}: tokens of users who have"
            " CAN_USE only through it are deleted at once and cannot be restored"
        ]

    def test_with_yes_it_warns_and_goes_on(self, site: Sandbox, tmp_path: Path) -> None:
        session = NotingSession(site, tmp_path, yes=True)
        session.run(self.REPLACE)
        assert len(session.notes) == 1
        assert list_requests(site) == [f"GET {A} tokens", f"PUT {A} tokens"]

    def test_the_shell_s_question_can_be_answered_with_no(self, site: Sandbox, tmp_path: Path) -> None:
        session = NotingSession(site, tmp_path)

        def refuse(_plan: object, rows: object) -> None:
            raise Interrupted(f"{rows}")

        session.connection.callbacks = Callbacks(approve=refuse)
        with pytest.raises(Interrupted, match="token-users"):
            session.run(self.REPLACE)
        assert list_requests(site) == [f"GET {A} tokens"]

    def test_what_takes_nothing_from_anybody_needs_no_yes(self, site: Sandbox, tmp_path: Path) -> None:
        session = NotingSession(site, tmp_path)
        more = json.dumps([{"group_name": name, "permission_level": "CAN_USE"} for name in ("token-users", "users")])
        session.run(f"REPLACE token_permissions SET data__access_control_list = '{more}' WHERE {PLACE}")
        assert (session.notes, list_requests(site)[-1]) == ([], f"PUT {A} tokens")

    def test_every_workspace_is_looked_at_before_any_is_changed(self, site: Sandbox, tmp_path: Path) -> None:
        session = NotingSession(site, tmp_path)
        with pytest.raises(ProgrammingError, match="would hit 2 rows"):
            session.run(self.REPLACE.replace(f"= '{A}'", f"IN ('{A}', '{B}')"))
        assert list_requests(site) == [f"GET {A} tokens", f"GET {B} tokens"]


def test_a_used_up_quota_is_told_with_the_count(tmp_path: Path) -> None:
    with sandbox.start(quota=7) as site:
        session = NotingSession(site, tmp_path)
        run(
            session.connection,
            f"INSERT INTO user_tokens (data__comment, deployment_name) VALUES ('one more', '{A}') RETURNING token_value",
        )
        with pytest.raises(ApiError, match=r"token quota.*\(you have 7 that are not expired\)") as caught:
            session.run(
                f"INSERT INTO user_tokens (data__comment, deployment_name) VALUES ('too many', '{A}') RETURNING token_value"
            )
        assert "revoke some" in (caught.value.hint or "")
