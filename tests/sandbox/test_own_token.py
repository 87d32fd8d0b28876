"""The sandbox's own credentials are tokens like others where they are listed: seen, warned about, refused once revoked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import tokensh
from tests.engine.sessions import A, B
from tests.environments import make_environment
from tests.sandbox.client import Client
from tokensh.engine.callbacks import Callbacks
from tokensh.errors import ApiError
from tokensh.sandbox import Sandbox, start
from tokensh.sandbox.state import fingerprint

OWN = "the sandbox's own credential"


@pytest.fixture
def listing() -> Iterator[Sandbox]:
    with start(list_credentials=True) as running:
        yield running


def test_they_are_listed_by_their_hash_and_their_use(listing: Sandbox) -> None:
    with Client(listing) as client:
        (row,) = [row for row in client.call("GET", "list")["token_infos"] if row["comment"] == OWN]
        assert row["token_id"] == fingerprint(listing.token)
        assert row["last_accessed_time"] >= row["creation_time"]
        status, raw = client.send("GET", f"/w/{A}/api/2.0/token-management/tokens/{row['token_id']}")
        assert (status, b"last_used_day" in raw) == (200, True)
        client.token = listing.user_token
        assert [row["token_id"] for row in client.call("GET", "list")["token_infos"]][-1] == fingerprint(client.token)


def test_the_guest_has_none(listing: Sandbox) -> None:
    with Client(listing) as client:
        client.token = listing.guest_token
        assert client.send("GET", f"/w/{A}/api/2.0/token/list")[0] == 403
        assert client.send("GET", f"/w/{A}/api/2.0/preview/scim/v2/Me")[0] == 200


def test_revoking_it_warns_and_is_the_end_in_that_workspace(listing: Sandbox, tmp_path: Path) -> None:
    notes: list[str] = []
    callbacks = Callbacks(note=notes.append)
    with tokensh.connect(
        environment=make_environment(tmp_path), sandbox=listing, yes=True, callbacks=callbacks
    ) as connection:
        deleted = connection.run("DELETE FROM user_tokens WHERE comment LIKE '%o%' RETURNING comment")
        assert [row[0] for row in deleted.rows][-1] == OWN
        assert any("signs the requests" in note for note in notes)
        with pytest.raises(ApiError, match="Invalid access token"):
            list(connection.run("SELECT comment FROM user_tokens").rows)
        others = connection.run(f"SELECT comment FROM user_tokens WHERE deployment_name = '{B}'")
        assert OWN in [row[0] for row in others.rows]


def test_it_expires(listing: Sandbox) -> None:
    with Client(listing) as client:
        client.count()
        listing.advance(731 * 86_400)
        assert client.send("GET", f"/w/{A}/api/2.0/token/list")[0] == 403


def test_they_are_in_no_list_otherwise(sandbox: Sandbox) -> None:
    with Client(sandbox) as client:
        assert OWN not in [row.get("comment") for row in client.call("GET", "list")["token_infos"]]
        assert client.send("POST", f"/w/{A}/api/2.0/token/delete", {"token_id": fingerprint(sandbox.token)})[0] == 404
        assert client.count() == 7
