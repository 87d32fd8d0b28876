"""Revoke all tokens of one owner in many workspaces, in parallel, and report what remains and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from urllib.parse import quote

from tokensh._dataclasses import dataclass, replace
from tokensh.api.request import Request
from tokensh.dbapi.connection import Connection
from tokensh.errors import Error
from tokensh.rows import Column, Row, Value

COLUMNS = (
    Column("deployment_name", "string"),
    Column("token_id", "string"),
    Column("comment", "string"),
    Column("state", "string"),
    Column("reason", "string"),
)
"""`state` is `revoked`, `remains`, or `unknown` for a workspace that could not be looked at; `reason` says why."""
_SELECT = (
    "SELECT deployment_name, token_id, comment, owner_id, created_by_id, created_by_username FROM tokens"
    " WHERE deployment_name IN (SELECT deployment_name FROM {})"
)


@dataclass(frozen=True, slots=True)
class OwnedToken:
    """A token of the owner."""

    workspace: str
    token_id: str
    comment: str


class Offboarding:
    """One run.

    Args:
        connection: an admin's.
        owner: a user name, an application id, or the number of the owner.
        source: the table that lists the workspaces.
    """

    def __init__(self, connection: Connection, owner: str, source: str) -> None:
        self._connection = connection
        self._owner = owner
        self._source = source

    def find_tokens(self) -> tuple[list[OwnedToken], dict[str, Error]]:
        """Return the owner's tokens, and the errors of the workspaces that could not be looked at. Raises Error."""
        failures: dict[str, Error] = {}
        connection, callbacks = self._connection, self._connection.callbacks
        connection.callbacks = replace(callbacks, on_tolerated=failures.update)
        try:
            rows = list(connection.run(_SELECT.format(self._source)).rows)
        finally:
            connection.callbacks = callbacks
        owners = _owner_ids(rows, self._owner)
        return [
            OwnedToken(str(workspace), str(token_id), str(comment or ""))
            for workspace, token_id, comment, owner_id, *_ in rows
            if (workspace, owner_id) in owners
        ], failures

    def revoke(self, tokens: Sequence[OwnedToken], failures: Mapping[str, Error]) -> list[Row]:
        """Revoke tokens and return a row for each, and for each workspace that failed."""
        connection = self._connection
        targets = {name: connection.resolve_workspace(name) for name in {token.workspace for token in tokens}}
        signing = {name: connection.client.signing_token_id(target) for name, target in targets.items()}
        kept = [token for token in tokens if token.token_id == signing[token.workspace]]
        others = [token for token in tokens if token not in kept]
        requests = [
            Request(
                "DELETE",
                targets[token.workspace],
                f"/api/2.0/token-management/tokens/{quote(token.token_id, safe='')}",
            )
            for token in others
        ]
        with closing(connection.client.fetch(requests)) as answers:
            reasons = {
                token: answer.message
                for token, answer in zip(others, answers, strict=True)
                if isinstance(answer, Error)
            }
        # An answer may be lost, and the token gone all the same: the lists say what remains.
        left, failed_later = self.find_tokens() if reasons else ([], {})
        rows: list[Row] = []
        for token in tokens:
            if token in kept:
                rows.append(_row(token, "remains", "it signs these requests: revoke it last, by hand"))
            elif token not in reasons or (token not in left and token.workspace not in failed_later):
                connection.pending.forget_token(token.token_id)
                rows.append(_row(token, "revoked", None))
            else:
                rows.append(_row(token, "remains" if token in left else "unknown", reasons[token]))
        rows += [(name, None, None, "unknown", error.message) for name, error in sorted(failures.items())]
        return rows


def _owner_ids(rows: Sequence[Row], owner: str) -> set[tuple[Value, Value]]:
    """Return the workspaces and numbers under which the owner has tokens."""
    # A list tells the name of who created a token, and the number of who owns it: the name of the owner where both are one.
    return {
        (workspace, owner_id)
        for workspace, _, _, owner_id, creator_id, creator in rows
        if str(owner_id) == owner or (owner_id == creator_id and creator == owner)
    }


def _row(token: OwnedToken, state: str, reason: str | None) -> Row:
    return token.workspace, token.token_id, token.comment, state, reason
