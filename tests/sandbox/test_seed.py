"""The sandbox starts with the same tokens each time, of every kind that matters."""

from __future__ import annotations

import pytest

from tests.cases import each_case
from tests.sandbox.api import DAY, NOW, Api, new_state
from tokensh.sandbox import seed
from tokensh.sandbox.state import fingerprint


def every_comment() -> list[str | None]:
    state = new_state()
    return [token.comment for name in seed.WORKSPACES for token in state.workspace(name).list_tokens()]


@pytest.mark.parametrize("workspace", seed.WORKSPACES)
def test_each_workspace_has_one_token_of_each_expiry(workspace: str) -> None:
    """One never expires, one has expired, one expires within three days or so."""
    rows = Api(workspace=workspace).own()
    expiries = [row["expiry_time"] for row in rows]
    now = int(NOW * 1000)
    assert 5 <= len(rows) <= 8
    assert expiries.count(-1) == 1
    assert sum(0 < expiry <= now for expiry in expiries) == 1
    assert sum(now < expiry <= now + 3 * DAY * 1000 for expiry in expiries) >= 1


def test_ids_and_credentials_are_the_same_at_each_start() -> None:
    first, second = (sorted(row["token_id"] for row in Api().own()) for _ in range(2))
    assert first == second
    assert fingerprint(seed.TOKEN).startswith("4ee15ab0fed1d04c")


def test_ids_differ_between_workspaces() -> None:
    rows = [row["token_id"] for name in seed.WORKSPACES for row in Api(workspace=name).everyone()]
    assert len(rows) == len(set(rows))
    assert all(len(key) == 64 and not set(key) - set("0123456789abcdef") for key in rows)


@each_case("trait", ["", "東京", '"', "'", ";", "--", "\x1b", "\n", "=1+1"])
def test_odd_comments_are_there(trait: str) -> None:
    assert any(comment == trait or (trait and trait in (comment or "")) for comment in every_comment())


def test_the_longest_comment_is_as_long_as_the_api_allows() -> None:
    assert max(len(comment or "") for comment in every_comment()) == 255


def test_a_comment_may_be_absent() -> None:
    assert any("comment" not in row for row in Api(workspace="dbc-cdef2345-c3de").own())


def test_extra_tokens_come_on_top_in_each_workspace() -> None:
    state = new_state(tokens=40, any_workspace=True)
    assert len(Api(state).own()) == 47
    assert len(Api(state, workspace="dbc-other").own()) == 40


def test_extra_tokens_are_of_every_kind() -> None:
    rows = Api(new_state(tokens=300, any_workspace=True), workspace="dbc-many").own()
    now = int(NOW * 1000)
    expiries = [row["expiry_time"] for row in rows]
    comments = [row["comment"] for row in rows]
    assert len({row["token_id"] for row in rows}) == 300
    assert expiries.count(-1) == 25
    assert sum(0 < expiry <= now for expiry in expiries) >= 25
    assert sum(now < expiry < now + 7 * DAY * 1000 for expiry in expiries) >= 25
    assert max(map(len, comments)) == 255
    assert any("東京" in comment for comment in comments)
