"""Rotate a token: create a new one, deliver its value, verify it, and only then revoke the old one.

A rotation can end at any point: the process is killed, an answer is lost, the disk is full. Running it again continues it. What
it continues from is what the workspace lists and what a record on this machine says (`rotation_record`), which is written before
each step that it announces:

    minting      a token whose comment ends in the record's mark may exist; its value has reached nothing
    delivering   `new_id` exists; its value may have reached the destination
    delivered    its destination has the value
    refused      the workspace did not accept the value
    verified     it did; the old token may be revoked, after the grace
    revoking     the request to revoke the old token was sent, or is about to be

- A token whose value is lost is revoked before another one is created: there is never more than one besides the old one. Its mark
  tells it from the tokens of others; a token without a mark of this record is never touched, but for the old one.
- The old token is revoked only while the workspace lists the new one, delivered and not expired.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from tokensh._dataclasses import dataclass, replace
from tokensh.dbapi.connection import Connection
from tokensh.engine.destinations import Destination, FileDestination, NewSecret
from tokensh.engine.verification import verify_secret
from tokensh.errors import ApiError, Error, OperationalError, OutputError, ProgrammingError, UnknownOutcome
from tokensh.recipes.rotation_record import RotationRecord, RotationRecords, find_mark, strip_mark
from tokensh.rows import Column, RowSet, Value
from tokensh.text import escape_unsafe, plural
from tokensh.units import NEVER

COLUMNS = (
    Column("deployment_name", "string"),
    Column("old_token_id", "string"),
    Column("new_token_id", "string"),
    Column("state", "string"),
    Column("revoke_after_time", "integer", "tokensh.rotation.revoke_after_time"),
)
"""`state` is `done`, or `waiting` until the old token may be revoked, at `revoke_after_time` (epoch ms)."""
_AGAIN = "run the same rotation again"
_PAUSES = (0.0, 0.5, 1.5)
"""Seconds before each look for a token whose reply was lost: the server may still be creating it, or list it late."""


@dataclass(frozen=True, slots=True)
class RotationRequest:
    """What to rotate.

    Attributes:
        workspace: its name.
        token_id: the old token; empty if `comment` names it.
        comment: the comment of exactly one token.
        grace: ms that the old token is kept after the new one is verified.
        lifetime: seconds of the new token; None for the old one's.
    """

    workspace: str
    token_id: str = ""
    comment: str = ""
    grace: int = 0
    lifetime: int | None = None


@dataclass(frozen=True, slots=True)
class ListedToken:
    """A token of the list; times in epoch ms."""

    token_id: str
    comment: str
    creation_time: int
    expiry_time: int


class Rotation:
    """One run of a rotation.

    Args:
        connection: whose user's tokens are rotated.
        request: what to rotate.
        destination: gets the new value; only `plan` does without.
    """

    def __init__(self, connection: Connection, request: RotationRequest, destination: Destination | None) -> None:
        self._connection = connection
        self._request = request
        self._destination = destination
        self._workspace = connection.hosts.canonical_name(request.workspace)
        target = connection.resolve_workspace(self._workspace)
        self._target = target
        self._host = f"{target.origin}{target.prefix}"
        self._records = RotationRecords(connection.environment, self._host)
        self._secret: NewSecret | None = None

    # ---- what there is to do

    def run(self) -> RowSet:
        """Do what is left to do, and return one row that says where the rotation is. Raises Error; run again then."""
        with self._records.locked():
            tokens = self._list_until_clear()
            record = self._choose_record(tokens)
            record = self._bring_new_token(record, tokens)
            return self._finish(record)

    def plan(self) -> Iterator[str]:
        """Yield what `run` would do, one step each; only the list is read."""
        tokens = self._list_until_clear()
        record = self._choose_record(tokens)
        if record.step in ("minting", "delivering", "refused"):
            for token in self._find_own_tries(record, tokens):
                yield f"revoke {token.token_id}, whose value is lost"
            old = self._find(record.old_id, tokens)
            if old is not None:
                yield f"create a token with the comment {strip_mark(old.comment)!r}, for {self._lifetime_words(old)}"
            yield "deliver its value"
        if record.step in ("minting", "delivering", "refused", "delivered"):
            yield "verify it with a request"
        if self._request.grace and record.step != "revoking":
            yield f"keep {record.old_id} for the grace; a later run revokes it"
        else:
            yield f"revoke {record.old_id}"

    def _choose_record(self, tokens: list[ListedToken]) -> RotationRecord:
        """Return the record to continue, or a new one that is not written yet. Raises ProgrammingError."""
        wanted = self._candidates(tokens)
        ids = {token.token_id for token in wanted} | {self._request.token_id}
        marks = {find_mark(token.comment) for token in wanted} - {""}
        unfinished = [
            record
            for record in self._records.read()
            if record.old_id in ids or (record.new_id and record.new_id in ids) or marks & set(record.nonces)
        ]
        match unfinished:
            case [record]:
                if record.step != "verified":  # then it was not interrupted, and waits for its grace
                    self._note(f"continuing the rotation of {record.old_id}, interrupted after: {record.step}")
                return record
            case []:
                return RotationRecord(self._host, self._choose_old(wanted).token_id).next_try()
            case _:
                names = ", ".join(record.old_id for record in unfinished)
                raise ProgrammingError(
                    f"several rotations are unfinished: of {names}", hint="name one of the tokens with token_id"
                )

    def _candidates(self, tokens: list[ListedToken]) -> list[ListedToken]:
        if self._request.token_id:
            return [token for token in tokens if token.token_id == self._request.token_id]
        return [token for token in tokens if strip_mark(token.comment) == self._request.comment]

    def _choose_old(self, wanted: list[ListedToken]) -> ListedToken:
        if len(wanted) == 1:
            return wanted[0]
        what = self._request.token_id or f"the comment {escape_unsafe(self._request.comment)!r}"
        if not wanted:
            raise ProgrammingError(
                f"no token of yours in {self._workspace} has {what}", hint="SELECT * FROM user_tokens"
            )
        ids = ", ".join(f"{escape_unsafe(token.token_id)}" for token in wanted)
        raise ProgrammingError(
            f"{plural(len(wanted), 'token')} of {self._workspace} have {what}: {ids}",
            hint="name one with token_id; if another machine has begun to rotate it, continue there",
        )

    # ---- the new token

    def _bring_new_token(self, record: RotationRecord, tokens: list[ListedToken]) -> RotationRecord:
        """Return the record with a new token that is delivered and verified. Raises Error."""
        record = self._recover_delivery(record)
        if record.step in ("delivered", "verified", "revoking"):
            new = self._find(record.new_id, tokens) or self._search(record.new_id)
            if new is not None and not self._is_expired(new):
                return self._verify(record) if record.step == "delivered" else record
            if self._find(record.old_id, tokens) is None:
                self._records.remove(record)
                raise OperationalError(
                    f"neither the old token {record.old_id} nor the new one {record.new_id} exists any more",
                    hint="create one with INSERT INTO user_tokens",
                )
            self._note(f"the new token {record.new_id} does not exist any more; another one is created")
            record = replace(record, step="minting")
        return self._verify(self._mint(self._revoke_lost(record)))

    def _recover_delivery(self, record: RotationRecord) -> RotationRecord:
        """Return the record as delivered if the file for the value holds that of the new token: the run ended behind it."""
        if record.step not in ("delivering", "delivered") or not isinstance(self._destination, FileDestination):
            return record
        value = self._destination.read(self._workspace, record.new_id)
        # The id of a token is the SHA-256 of its value (the API's documentation of updating a token).
        if value is None or hashlib.sha256(value.encode()).hexdigest() != record.new_id:
            return record
        self._secret = NewSecret(self._target, record.new_id, value)
        return self._records.write(replace(record, step="delivered"))

    def _revoke_lost(self, record: RotationRecord) -> RotationRecord:
        """Revoke what earlier tries may have created, whose values are lost, and return the record of the next try."""
        if not self._records_exist(record):
            return self._records.write(record)
        for pause in _PAUSES:
            self._connection.environment.sleep(pause)
            tokens = self._list()
            if self._find_own_tries(record, tokens):
                break
        for token in self._find_own_tries(record, tokens):
            self._note(f"the value of the new token {token.token_id} is lost: it is revoked")
            self._revoke(token.token_id)
        self._connection.pending.forget_comments(lambda comment: find_mark(comment) in record.nonces)
        if self._find(record.old_id, tokens) is None:
            self._records.remove(record)
            raise OperationalError(f"the old token {record.old_id} does not exist any more: nothing is left to rotate")
        return self._records.write(record.next_try())

    def _records_exist(self, record: RotationRecord) -> bool:
        return any(each.old_id == record.old_id for each in self._records.read())

    def _mint(self, record: RotationRecord) -> RotationRecord:
        """Create the new token and deliver its value. Raises Error; UnknownOutcome names the token if it exists."""
        old = self._find(record.old_id, self._list())
        if old is None:
            raise OperationalError(f"the old token {record.old_id} does not exist any more: nothing was created")
        latest = record

        def deliver(secret: NewSecret) -> str:
            nonlocal latest
            if not secret.token_id:
                raise OutputError("the reply does not tell the id of the new token")
            latest = self._records.write(replace(latest, step="delivering", new_id=secret.token_id))
            if self._destination is None:
                raise OutputError("the new value has no destination")
            place = self._destination.deliver(secret)
            self._secret = secret
            latest = self._records.write(replace(latest, step="delivered"))
            return place

        columns, values = ["deployment_name", "data__comment"], [self._workspace, record.mark(strip_mark(old.comment))]
        lifetime = self._lifetime(old)
        arguments: list[Value] = [*values]
        if lifetime is None:
            self._note(f"the new token lives for {self._lifetime_words(old)}")
        else:
            columns.append("data__lifetime_seconds")
            arguments.append(lifetime)
        sql = f"INSERT INTO user_tokens ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 (ours)
        callbacks = self._connection.callbacks
        self._connection.callbacks = replace(callbacks, deliver_value=deliver, verifies=False)
        try:
            self._run(sql, arguments)
        except UnknownOutcome as error:
            raise error.with_context(hint=f"{_AGAIN}: it revokes that token and creates another one") from None
        finally:
            self._connection.callbacks = callbacks
        return latest

    def _verify(self, record: RotationRecord) -> RotationRecord:
        """Return the record as verified, the new token's comment without its mark. Raises Error if it does not work."""
        connection = self._connection
        if self._secret is None:
            self._note(f"the value of {record.new_id} was delivered by an earlier run; the workspace lists the token")
        else:
            try:
                user = verify_secret(self._secret, connection.client, connection.environment, connection.cancellation)
            except ApiError as error:
                self._records.write(replace(record, step="refused"))
                raise error.with_context(hint=f"{_AGAIN}: it revokes the new token and creates another one") from None
            self._note(f"the new token {record.new_id} works, as {user}")
        grace = self._request.grace
        revoke_after = int(connection.environment.now() * 1000) + grace if grace else 0
        return self._records.write(replace(record, step="verified", revoke_after=revoke_after))

    # ---- the old token

    def _finish(self, record: RotationRecord) -> RowSet:
        """Revoke the old token if its grace is over, and return the result's row. Raises Error."""
        if int(self._connection.environment.now() * 1000) < record.revoke_after:
            self._note(f"the old token {record.old_id} is kept until its grace is over; run this again then")
            return self._result(record, "waiting")
        tokens = self._list_until_listed(record.new_id)
        new = self._find(record.new_id, tokens)
        if new is None or self._is_expired(new):
            raise OperationalError(
                f"the workspace does not list the new token {record.new_id}: the old one is kept", hint=_AGAIN
            )
        for token in self._find_own_tries(record, tokens):
            if token.token_id not in (record.new_id, record.old_id):
                self._note(f"the value of the new token {token.token_id} is lost: it is revoked")
                self._revoke(token.token_id)
        self._restore_comment(new)
        if self._find(record.old_id, tokens) is not None:
            record = self._records.write(replace(record, step="revoking"))
            self._revoke(record.old_id)
        self._records.remove(record)
        return self._result(record, "done")

    def _restore_comment(self, new: ListedToken) -> None:
        """Take the mark off the new token's comment, where the workspace offers that; else it stays."""
        comment = strip_mark(new.comment)
        if comment == new.comment:
            return
        sql = (
            "UPDATE databricks_workspace.settings.tokens SET token = json_object('comment', ?), update_mask = 'comment'"
            " WHERE deployment_name = ? AND token_id = ?"
        )
        try:
            self._run(sql, [comment, self._workspace, new.token_id])
        except Error as error:
            self._note(f"the comment of {new.token_id} keeps its mark: {error.message}")

    def _revoke(self, token_id: str) -> None:
        self._run("DELETE FROM user_tokens WHERE deployment_name = ? AND token_id = ?", [self._workspace, token_id])

    def _result(self, record: RotationRecord, state: str) -> RowSet:
        row = (self._workspace, record.old_id, record.new_id, state, record.revoke_after or None)
        return RowSet(COLUMNS, iter([row]))

    # ---- the workspace

    def _run(self, sql: str, values: list[Value]) -> list[tuple[Value, ...]]:
        # What is asked is exactly one token, which this module has chosen: the question was asked before the rotation.
        connection = self._connection
        callbacks, yes = connection.callbacks, connection.yes
        connection.callbacks, connection.yes = replace(callbacks, approve=None), True
        try:
            return list(connection.run(sql, values).rows)
        finally:
            connection.callbacks, connection.yes = callbacks, yes

    def _list(self) -> list[ListedToken]:
        sql = "SELECT token_id, comment, creation_time, expiry_time FROM user_tokens WHERE deployment_name = ?"
        rows = self._run(sql, [self._workspace])
        if self._connection.failures:
            raise next(iter(self._connection.failures.values()))
        return [
            ListedToken(str(token_id), str(comment or ""), _to_ms(created), _to_ms(expiry))
            for token_id, comment, created, expiry in rows
        ]

    def _list_until_clear(self) -> list[ListedToken]:
        """Return the list; a list that does not name one token may be older than what an earlier run did, and is asked again."""
        tokens: list[ListedToken] = []
        for pause in _PAUSES:
            self._connection.environment.sleep(pause)
            tokens = self._list()
            if len(self._candidates(tokens)) == 1:
                break
        return tokens

    def _list_until_listed(self, token_id: str) -> list[ListedToken]:
        tokens: list[ListedToken] = []
        for pause in _PAUSES:
            self._connection.environment.sleep(pause)
            tokens = self._list()
            if self._find(token_id, tokens) is not None:
                break
        return tokens

    def _search(self, token_id: str) -> ListedToken | None:
        return self._find(token_id, self._list_until_listed(token_id))

    @staticmethod
    def _find(token_id: str, tokens: list[ListedToken]) -> ListedToken | None:
        return next((token for token in tokens if token.token_id == token_id), None)

    @staticmethod
    def _find_own_tries(record: RotationRecord, tokens: list[ListedToken]) -> list[ListedToken]:
        return [
            token
            for token in tokens
            if token.token_id != record.old_id
            and (find_mark(token.comment) in record.nonces or token.token_id == record.new_id)
        ]

    def _is_expired(self, token: ListedToken) -> bool:
        return token.expiry_time != NEVER and token.expiry_time <= int(self._connection.environment.now() * 1000)

    def _lifetime(self, old: ListedToken) -> int | None:
        """Return the new token's lifetime in seconds; None for the workspace's default, where the old one never expires."""
        if self._request.lifetime is not None:
            return self._request.lifetime
        return None if old.expiry_time == NEVER else max(1, round((old.expiry_time - old.creation_time) / 1000))

    def _lifetime_words(self, old: ListedToken) -> str:
        seconds = self._lifetime(old)
        if seconds is None:
            return "the workspace's default lifetime, as the old one never expires and -v lifetime=DAYS is not given"
        return f"{seconds / 86400:.1f} days"

    def _note(self, text: str) -> None:
        self._connection.callbacks.note(text)


def _to_ms(value: Value) -> int:
    return value if isinstance(value, int) else NEVER
