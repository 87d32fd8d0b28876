"""The resources for admins work, under their older and newer names, with the fields of newer responses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import tokensh
from tests.engine.sessions import A, B, C, connect, first_column, list_requests, run
from tests.environments import make_environment
from tokensh import errors, sandbox
from tokensh.dbapi.connection import Connection
from tokensh.errors import ApiError, ProgrammingError
from tokensh.sandbox import Sandbox
from tokensh.sandbox.seed import ROBOT

PLACE = f"deployment_name = '{A}'"
SETTINGS = "databricks_workspace.settings"
ROW = {
    "token_id": "t1",
    "creation_time": 1,
    "expiry_time": -1,
    "comment": "c",
    "scopes": ["sql", "scim"],
    "last_accessed_time": 7,
    "autoscope_state": "AUTOSCOPE_STATE_COMPLETED",
}


@pytest.fixture
def site() -> Iterator[Sandbox]:
    with sandbox.start() as running:
        yield running


@pytest.fixture
def session(site: Sandbox, tmp_path: Path) -> Iterator[Connection]:
    with connect(site, tmp_path, yes=True) as session:
        yield session


class TestEveryonesTokens:
    @pytest.mark.parametrize("name", ["tokens", f"{SETTINGS}.token_management"])
    def test_are_listed_with_owner_creator_and_last_use(self, name: str, session: Connection) -> None:
        sql = f"SELECT comment, created_by_username, owner_id <> created_by_id FROM {name} WHERE {PLACE}"
        rows = run(session, f"{sql} AND comment LIKE '%behalf' OR {PLACE} AND created_by_username = 'ed@example.com'")
        assert sorted(rows) == [
            ("deployer, on behalf", "ada@example.com", 1),
            ("ed's scratch pad", "ed@example.com", 0),
        ]

    @pytest.mark.parametrize("name", ["tokens", f"{SETTINGS}.token_management"])
    def test_one_is_got_by_its_id_and_deleted_by_it(self, name: str, session: Connection, site: Sandbox) -> None:
        (key,) = first_column(
            session, f"SELECT token_id FROM {name} WHERE {PLACE} AND created_by_username = 'ed@example.com'"
        )
        assert run(session, f"SELECT comment FROM {name} WHERE {PLACE} AND token_id = '{key!s}'") == [
            ("ed's scratch pad",)
        ]
        assert run(session, f"DELETE FROM {name} WHERE {PLACE} AND token_id = '{key!s}' RETURNING token_id") == [(key,)]
        assert run(session, f"DELETE FROM {name} WHERE {PLACE} AND token_id = '{key!s}' RETURNING token_id") == []
        assert [request.rpartition(" ")[0] for request in list_requests(site)[1:]] == [
            f"GET {A}",
            f"DELETE {A}",
            f"DELETE {A}",
        ]

    def test_those_that_are_idle_are_found_across_workspaces(self, session: Connection) -> None:
        sql = (
            f"SELECT comment FROM tokens WHERE deployment_name IN ('{A}', '{B}', '{C}')"
            " AND last_used_day < unixepoch() * 1000 - 75 * 86400000 ORDER BY 1"
        )
        assert first_column(session, sql) == ["legacy airflow, do not touch", "nightly export"]

    @pytest.mark.parametrize(
        "insert",
        [
            "INSERT INTO tokens (data__application_id, data__comment, data__lifetime_seconds, deployment_name)",
            f"INSERT INTO {SETTINGS}.token_management (application_id, comment, lifetime_seconds, deployment_name)",
        ],
    )
    def test_a_service_principal_s_is_minted_on_its_behalf(
        self, insert: str, session: Connection, site: Sandbox
    ) -> None:
        ((info, value),) = run(
            session,
            f"{insert} SELECT '{site.client_id}', 'for the robot', 86400, '{A}' RETURNING token_info, token_value",
        )
        token = json.loads(str(info))
        assert str(value).startswith("dapi")
        assert (token["comment"], token["expiry_time"] - token["creation_time"]) == ("for the robot", 86_400_000)
        assert token["owner_id"] != token["created_by_id"]

    def test_are_refused_to_others_with_what_they_can_see(self, site: Sandbox, tmp_path: Path) -> None:
        with connect(site, tmp_path, {"DATABRICKS_TOKEN": site.user_token}) as plain, pytest.raises(ApiError) as caught:
            run(plain, f"SELECT * FROM tokens WHERE {PLACE}")
        assert caught.value.hint == "that is for the workspace's admins; your own tokens are in user_tokens"
        assert caught.value.credential == "DATABRICKS_TOKEN"


class TestOnesOwnByTheNewerName:
    TOKENS = f"{SETTINGS}.tokens"

    def test_columns_are_bare(self, session: Connection) -> None:
        rows = run(
            session,
            f"INSERT INTO {self.TOKENS} (comment, lifetime_seconds, deployment_name) VALUES ('new', 60, '{A}')"
            " RETURNING token_value",
        )
        assert str(rows[0][0]).startswith("dapi")
        (key,) = first_column(session, f"SELECT token_id FROM {self.TOKENS} WHERE {PLACE} AND comment = 'new'")
        run(session, f"EXEC {self.TOKENS}.delete @deployment_name = '{A}', @token_id = '{key!s}'")
        assert first_column(session, f"SELECT count(*) FROM {self.TOKENS} WHERE {PLACE} AND comment = 'new'") == [0]

    def test_its_comment_is_changed(self, session: Connection, site: Sandbox) -> None:
        (key,) = first_column(session, f"SELECT token_id FROM {self.TOKENS} WHERE {PLACE} AND comment = 'terraform ci'")
        change = (
            f"UPDATE {self.TOKENS} SET token = '{{\"comment\": \"terraform\"}}', update_mask = 'comment' WHERE {PLACE}"
        )
        run(session, f"{change} AND token_id = '{key!s}'")
        assert list_requests(site)[-1] == f"PATCH {A} {key!s}"
        assert first_column(session, f"SELECT comment FROM {self.TOKENS} WHERE {PLACE} AND token_id = '{key!s}'") == [
            "terraform"
        ]
        with pytest.raises(ApiError, match="does not exist"):
            run(session, f"{change} AND token_id = 'none'")

    def test_it_is_deleted_by_condition_too(self, session: Connection) -> None:
        gone = run(session, f"DELETE FROM {self.TOKENS} WHERE {PLACE} AND comment = 'dbt production' RETURNING comment")
        assert gone == [("dbt production",)]


class TestPermissions:
    @pytest.mark.parametrize("prefix", ["", f"{SETTINGS}."])
    def test_are_read_added_to_and_replaced(self, prefix: str, session: Connection) -> None:
        name = f"{prefix}token_permissions"
        gus = json.dumps([{"user_name": "gus@example.com", "permission_level": "CAN_USE"}])

        def who() -> set[str]:
            ((acl,),) = run(session, f"SELECT access_control_list FROM {name} WHERE {PLACE}")
            return {entry.get("group_name") or entry.get("user_name") for entry in json.loads(str(acl))}

        run(session, f"UPDATE {name} SET access_control_list = '{gus}' WHERE {PLACE}")
        assert who() == {"admins", "token-users", "gus@example.com"}
        run(session, f"REPLACE {name} SET access_control_list = '{gus}' WHERE {PLACE}")
        assert who() == {"admins", "gus@example.com"}

    @pytest.mark.parametrize("prefix", ["", f"{SETTINGS}."])
    def test_their_levels_are_listed(self, prefix: str, session: Connection) -> None:
        sql = f"SELECT permission_level FROM {prefix}token_permission_levels WHERE {PLACE}"
        assert first_column(session, sql) == ["CAN_USE", "CAN_MANAGE"]


class TestNewerFields:
    @pytest.fixture(autouse=True)
    def newer(self, site: Sandbox) -> None:
        site.fault("GET */list", body={"token_infos": [ROW]}, times=None)
        site.fault("GET */token-management/tokens", body={"token_infos": [ROW]}, times=None)

    @pytest.mark.parametrize("name", ["user_tokens", "tokens", f"{SETTINGS}.tokens", f"{SETTINGS}.token_management"])
    def test_are_kept_where_they_are_named(self, name: str, session: Connection) -> None:
        rows = run(session, f"SELECT scopes ->> 0, autoscope_state, inferred_scopes FROM {name} WHERE {PLACE}")
        assert rows == [("sql", "AUTOSCOPE_STATE_COMPLETED", None)]

    def test_a_condition_may_name_them(self, session: Connection) -> None:
        sql = f"SELECT comment FROM user_tokens WHERE {PLACE} AND last_accessed_time < 8"
        assert first_column(session, f"{sql} ORDER BY last_accessed_time") == ["c"]

    def test_are_no_part_of_the_table_otherwise(self, session: Connection) -> None:
        result = session.run(f"SELECT * FROM user_tokens WHERE {PLACE}")
        names = [column.name for column in result.columns]
        assert names == ["deployment_name", "token_id", "comment", "creation_time", "expiry_time"]
        assert "scopes" not in str(run(session, f"EXPLAIN SELECT * FROM user_tokens WHERE {PLACE}"))

    @pytest.mark.parametrize("name", ["user_tokens", "tokens", f"{SETTINGS}.tokens", f"{SETTINGS}.token_management"])
    @pytest.mark.parametrize("extended", ["", "EXTENDED "])
    def test_are_described_after_those_of_the_pages(self, extended: str, name: str, session: Connection) -> None:
        fields = ["scopes", "autoscope_state", "inferred_scopes", "backfill_scopes", "last_accessed_time"]
        described = run(session, f"DESCRIBE {extended}{name}")
        assert [row[0] for row in described][:4] == ["token_id", "comment", "creation_time", "expiry_time"]
        assert [row[0] for row in described][-5:] == fields
        assert "epoch milliseconds" in str(described[-1][2])
        assert extended == "" or all(len(str(row[2])) > 20 for row in described[-5:])

    @pytest.mark.parametrize(
        ("sql", "expected"),
        [
            ("SELECT comment AS scopes FROM user_tokens WHERE {} GROUP BY scopes", "c"),
            ("SELECT scopes FROM user_tokens, (SELECT 'mine' AS scopes) AS m WHERE {}", "mine"),
            ("SELECT user_tokens.scopes ->> 1 FROM user_tokens, (SELECT 'mine' AS scopes) AS m WHERE {}", "scim"),
        ],
    )
    def test_every_other_meaning_of_the_name_goes_first(self, sql: str, expected: str, session: Connection) -> None:
        assert first_column(session, sql.format(PLACE)) == [expected]

    def test_two_tables_may_be_joined_by_one(self, session: Connection) -> None:
        sql = f"SELECT a.comment FROM user_tokens a JOIN user_tokens b USING (last_accessed_time) WHERE a.{PLACE}"
        assert first_column(session, f"{sql} AND b.deployment_name = '{B}'") == ["c"]

    def test_a_name_that_is_none_is_still_an_error(self, session: Connection) -> None:
        with pytest.raises(ProgrammingError, match="unknown column 'scope'"):
            run(session, f"SELECT scope FROM user_tokens WHERE {PLACE}")


SCOPED = [
    ("INSERT INTO user_tokens (data__comment, data__scopes) SELECT 'scoped', '[\"sql\", \"scim\"]'", ["sql", "scim"]),
    ("INSERT INTO user_tokens (comment, scopes) VALUES ('scoped', json_array('sql'))", ["sql"]),
    ("INSERT INTO user_tokens (data__comment, data__scopes) SELECT 'scoped', NULL", None),
    (
        "INSERT INTO tokens (data__application_id, data__comment, data__scopes) "
        f"SELECT '{ROBOT.name}', 'scoped', '[\"sql\"]'",
        ["sql"],
    ),
    (f"INSERT INTO {SETTINGS}.tokens (comment, scopes) SELECT 'scoped', '[\"unity-catalog\"]'", ["unity-catalog"]),
    ("""EXEC user_tokens.create @@json = '{"comment": "scoped", "scopes": ["sql"]}'""", ["sql"]),
]


class TestScopes:
    """A new token may be limited to scopes."""

    @pytest.mark.parametrize(("sql", "scopes"), SCOPED)
    def test_are_given_to_a_new_token(self, sql: str, scopes: list[str] | None, tmp_path: Path) -> None:
        with tokensh.connect(environment=make_environment(tmp_path), sandbox=True) as session:
            run(session, sql if sql.startswith("EXEC") else f"{sql} RETURNING token_value")
            rows = run(session, "SELECT scopes, autoscope_state FROM tokens WHERE comment = 'scoped'")
        state = None if scopes is None else "AUTOSCOPE_STATE_USER_SELECTED"
        assert [(None if row[0] is None else json.loads(str(row[0])), row[1]) for row in rows] == [(scopes, state)]

    def test_may_be_left_to_the_workspace(self, tmp_path: Path) -> None:
        with tokensh.connect(environment=make_environment(tmp_path), sandbox=True) as session:
            run(
                session, "INSERT INTO user_tokens (comment, autoscope_enabled) VALUES ('x', true) RETURNING token_value"
            )
            rows = run(session, "SELECT scopes, autoscope_state FROM user_tokens WHERE comment = 'x'")
        assert rows == [(None, "AUTOSCOPE_STATE_RUNNING")]

    @pytest.mark.parametrize("value", ["'sql'", "'{}'", "5", "'[sql]'"])
    def test_are_a_list(self, value: str, tmp_path: Path) -> None:
        with (
            tokensh.connect(environment=make_environment(tmp_path), sandbox=True) as session,
            pytest.raises(errors.Error, match="array"),
        ):
            run(session, f"INSERT INTO user_tokens (data__scopes) SELECT {value} RETURNING token_value")

    def test_are_inputs_of_the_method_and_of_no_template(self, session: Connection) -> None:
        for method in ("user_tokens.create", "tokens.createobotoken"):
            inputs = {row[0] for row in run(session, f"DESCRIBE METHOD {method}") if row[1] == "input_optional"}
            assert inputs >= {"data__scopes", "data__autoscope_enabled"}
        for resource in ("user_tokens", "tokens"):
            assert "scopes" not in str(run(session, f"SHOW INSERT INTO {resource}"))
