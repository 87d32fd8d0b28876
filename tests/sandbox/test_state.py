"""Quotas, lifetimes, expiry and eventual consistency of tokens follow the documentation."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases import each_case
from tests.sandbox.api import DAY, NOW, WORKSPACE, new_state
from tokensh.sandbox.http import RefusedError
from tokensh.sandbox.seed import ADMIN, GUEST, ROBOT, USER
from tokensh.sandbox.state import NEVER, CreateRequest, fingerprint

MS = 1000


@each_case(
    ("options", "lifetime", "expected_days"),
    [
        ({}, None, 730),
        ({"max_lifetime_days": 0}, None, 730),
        ({"max_lifetime_days": 0}, 5000 * DAY, 5000),
        ({"max_lifetime_days": 0, "default_lifetime_days": -1}, None, None),
        ({}, 90 * DAY, 90),
        ({"max_lifetime_days": 30}, None, 30),
        ({"default_lifetime_days": 10}, None, 10),
        ({"default_lifetime_days": -1}, None, None),
    ],
)
def test_lifetime_of_a_new_token(options: dict[str, int], lifetime: int | None, expected_days: int | None) -> None:
    """Given, or the default cut to the maximum, or none at all as it was before 2024."""
    _, token = new_state(**options).workspace(WORKSPACE).create_token(ADMIN, ADMIN, CreateRequest(lifetime=lifetime))
    expected = NEVER if expected_days is None else int(NOW) * MS + expected_days * DAY * MS
    assert token.expiry_time == expected


@each_case(
    ("order", "code"),
    [
        (CreateRequest(lifetime=-1), "INVALID_PARAMETER_VALUE"),
        (CreateRequest(lifetime=0), "INVALID_PARAMETER_VALUE"),
        (CreateRequest(lifetime=730 * DAY + 1), "INVALID_PARAMETER_VALUE"),
        (CreateRequest(comment="x" * 256), "INVALID_PARAMETER_VALUE"),
    ],
)
def test_a_bad_order_is_refused_and_changes_nothing(order: CreateRequest, code: str) -> None:
    workspace = new_state().workspace(WORKSPACE)
    before = workspace.list_tokens()
    with pytest.raises(RefusedError) as caught:
        workspace.create_token(ADMIN, ADMIN, order)
    assert (caught.value.status, caught.value.code) == (400, code)
    assert workspace.list_tokens() == before


def test_a_lifetime_without_a_limit_still_fits_an_int64() -> None:
    workspace = new_state(max_lifetime_days=0).workspace(WORKSPACE)
    with pytest.raises(RefusedError, match="more than this workspace allows"):
        workspace.create_token(ADMIN, ADMIN, CreateRequest(lifetime=2**63 - 1))


@settings(deadline=None)
@given(comment=st.text(max_size=255), lifetime=st.integers(1, 730 * DAY))
def test_what_is_ordered_is_what_is_listed(comment: str, lifetime: int) -> None:
    workspace = new_state().workspace("dbc-bcde1234-b2cd")
    value, token = workspace.create_token(USER, USER, CreateRequest(comment, lifetime))
    assert workspace.list_tokens(USER)[-1] == token
    assert (token.comment, token.token_id) == (comment, fingerprint(value))
    assert token.expiry_time - token.creation_time == lifetime * MS


def test_the_quota_counts_unexpired_tokens_of_one_owner() -> None:
    workspace = new_state(quota=2).workspace("dbc-cdef2345-c3de")
    workspace.create_token(USER, USER, CreateRequest(lifetime=60))
    with pytest.raises(RefusedError, match="quota for a user is 2") as caught:
        workspace.create_token(USER, USER, CreateRequest())
    assert caught.value.code == "QUOTA_EXCEEDED"
    workspace.create_token(GUEST, GUEST, CreateRequest())


def test_expired_tokens_free_the_quota() -> None:
    state = new_state(quota=2)
    workspace = state.workspace(WORKSPACE)
    workspace.create_token(USER, USER, CreateRequest(lifetime=60))
    state.clock.offset = 60
    workspace.create_token(USER, USER, CreateRequest())


@pytest.mark.parametrize(("shown", "count"), [(True, 7), (False, 6)])
def test_expired_rows_are_shown_or_not(shown: bool, count: int) -> None:
    assert len(new_state(show_expired=shown).workspace(WORKSPACE).list_tokens(ADMIN)) == count


def test_a_token_authenticates_its_owner_until_it_expires() -> None:
    state = new_state()
    workspace = state.workspace(WORKSPACE)
    _, token = workspace.create_token(ROBOT, ADMIN, CreateRequest(lifetime=60))
    assert workspace.authenticate(token.token_id) == ROBOT
    state.clock.offset = 60
    assert workspace.authenticate(token.token_id) is None


def test_a_use_is_noted_to_the_day() -> None:
    workspace = new_state().workspace(WORKSPACE)
    _, token = workspace.create_token(USER, USER, CreateRequest())
    assert token.last_used_day is None
    workspace.authenticate(token.token_id)
    assert workspace.list_tokens(USER)[-1].last_used_day == int(NOW) // DAY * DAY * MS


def test_one_cannot_revoke_what_belongs_to_another() -> None:
    workspace = new_state().workspace(WORKSPACE)
    [token] = workspace.list_tokens(USER)
    with pytest.raises(RefusedError) as caught:
        workspace.revoke_token(token.token_id, ADMIN)
    assert (caught.value.status, caught.value.code) == (404, "RESOURCE_DOES_NOT_EXIST")
    workspace.revoke_token(token.token_id, USER)
    assert workspace.list_tokens(USER) == []


def test_update_changes_what_the_mask_names() -> None:
    workspace = new_state().workspace(WORKSPACE)
    [token] = workspace.list_tokens(USER)
    changed = workspace.update_token(token.token_id, CreateRequest("new", scopes=("sql",)), ["scopes"])
    assert (changed.comment, changed.scopes) == (token.comment, ("sql",))
    assert workspace.list_tokens(USER) == [changed]


@pytest.mark.parametrize(
    ("key", "mask", "status", "code"),
    [("", ["comment"], 404, "NOT_FOUND"), (None, ["lifetime"], 400, "INVALID_PARAMETER_VALUE")],
)
def test_update_refuses(key: str | None, mask: list[str], status: int, code: str) -> None:
    workspace = new_state().workspace(WORKSPACE)
    token_id = workspace.list_tokens()[0].token_id if key is None else key
    with pytest.raises(RefusedError) as caught:
        workspace.update_token(token_id, CreateRequest(), mask)
    assert (caught.value.status, caught.value.code) == (status, code)


def test_an_eventual_read_comes_late_once() -> None:
    workspace = new_state(eventual=True).workspace(WORKSPACE)
    workspace.create_token(USER, USER, CreateRequest())
    assert [len(workspace.list_tokens(USER)) for _ in range(2)] == [1, 2]


def test_who_loses_the_permission_loses_all_tokens() -> None:
    workspace = new_state().workspace(WORKSPACE)
    workspace.replace_grants({("user_name", GUEST.name)})
    assert workspace.list_tokens(USER) == []
    assert len(workspace.list_tokens(ADMIN)) == 7
    assert workspace.may_use(GUEST)


@each_case("name", ["nope", "-a", "a_b", "", "é", "x" * 64, "a.b"])
def test_an_unknown_workspace_is_refused_by_name(name: str) -> None:
    state = new_state()
    with pytest.raises(RefusedError, match="the sandbox has dbc-abcd0123-a1bc") as caught:
        state.workspace(name)
    assert caught.value.status == 404


@each_case(("name", "known"), [("x" * 63, True), ("x" * 64, False), ("a-1", True), ("a-", False), ("é", False)])
def test_any_workspace_takes_host_labels_only(name: str, known: bool) -> None:
    state = new_state(any_workspace=True)
    if known:
        assert state.workspace(name).list_tokens() == []
    else:
        with pytest.raises(RefusedError):
            state.workspace(name)
