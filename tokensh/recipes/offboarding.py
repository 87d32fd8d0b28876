"""Revoke all tokens of one owner in many workspaces, in parallel, and report what remains and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from urllib.parse import quote

from tokensh._dataclasses import dataclass, replace
from tokensh.api.request import Request
from tokensh.dbapi.connection import Connection
from tokensh.engine.fetch import is_not_found
from tokensh.errors import Error, Interrupted
from tokensh.rows import Column, Row, Value
from tokensh.text import escape_unsafe

COLUMNS = (
    Column("deployment_name", "string"),
    Column("token_id", "string"),
    Column("comment", "string"),
    Column("state", "string"),
    Column("reason", "string"),
)
"""`state` is `revoked`, `remains`, or `unknown` for a workspace that could not be looked at; `reason` says why. Of a plan it is
`would be revoked` instead of `revoked`."""
_SIGNS = "it signs these requests: revoke it last, by hand"
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
        # Ctrl-C while tokens were being revoked: what is known is reported first.
        self.interruption: Interrupted | None = None

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

    def plan(self, tokens: Sequence[OwnedToken], failures: Mapping[str, Error]) -> list[Row]:
        """Return what `revoke` would return if every request succeeded; nothing is sent."""
        signing = self._find_signing(tokens)
        rows = [
            _row(token, "remains", _SIGNS) if token in signing else _row(token, "would be revoked", None)
            for token in tokens
        ]
        return [*rows, *_failure_rows(failures)]

    def describe(self, tokens: Sequence[OwnedToken]) -> Iterator[str]:
        """Yield a line for each token that `revoke` would revoke."""
        signing = self._find_signing(tokens)
        for token in tokens:
            if token not in signing:
                yield f"revoke {token.token_id} in {token.workspace}, {escape_unsafe(token.comment) or 'without a comment'}"

    def _find_signing(self, tokens: Sequence[OwnedToken]) -> list[OwnedToken]:
        """Return the tokens that sign the requests of this run."""
        connection = self._connection
        signing = {
            name: connection.client.signing_token_id(connection.resolve_workspace(name))
            for name in {token.workspace for token in tokens}
        }
        return [token for token in tokens if token.token_id == signing[token.workspace]]

    def revoke(self, tokens: Sequence[OwnedToken], failures: Mapping[str, Error]) -> list[Row]:
        """Revoke tokens and return a row for each, and for each workspace that failed."""
        connection = self._connection
        kept = self._find_signing(tokens)
        others = [token for token in tokens if token not in kept]
        requests = [
            Request(
                "DELETE",
                connection.resolve_workspace(token.workspace),
                f"/api/2.0/token-management/tokens/{quote(token.token_id, safe='')}",
            )
            for token in others
        ]
        reasons = dict.fromkeys(others, "interrupted before its answer came")
        left: list[OwnedToken] = []
        failed_later: Collection[str] = {token.workspace for token in others}
        try:
            with closing(connection.client.fetch(requests)) as answers:
                for token, answer in zip(others, answers, strict=True):
                    del reasons[token]
                    # A token that does not exist is gone, revoked by an earlier run whose answer was lost.
                    if isinstance(answer, Error) and not is_not_found(answer):
                        reasons[token] = answer.message
            # An answer may be lost, and the token gone all the same: the lists say what remains.
            left, failed_later = self.find_tokens() if reasons else ([], {})
        except Interrupted as interruption:
            self.interruption = interruption
        rows: list[Row] = []
        for token in tokens:
            if token in kept:
                rows.append(_row(token, "remains", _SIGNS))
            elif token not in reasons or (token not in left and token.workspace not in failed_later):
                connection.pending.forget_tokens((token.token_id,))
                rows.append(_row(token, "revoked", None))
            else:
                rows.append(_row(token, "remains" if token in left else "unknown", reasons[token]))
        return [*rows, *_failure_rows(failures)]


def _owner_ids(rows: Sequence[Row], owner: str) -> set[tuple[Value, Value]]:
    """Return the workspaces and numbers under which the owner has tokens."""
    # A list tells the name of who created a token, and the number of who owns it: the name of the owner where both are one.
    return {
        (workspace, owner_id)
        for workspace, _, _, owner_id, creator_id, creator in rows
        if str(owner_id) == owner or (owner_id == creator_id and creator == owner)
    }


def _failure_rows(failures: Mapping[str, Error]) -> list[Row]:
    """Return a row for each workspace that could not be looked at."""
    return [(name, None, None, "unknown", error.message) for name, error in sorted(failures.items())]


def _row(token: OwnedToken, state: str, reason: str | None) -> Row:
    return token.workspace, token.token_id, token.comment, state, reason
