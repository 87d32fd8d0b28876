"""A create, from the intent on the disk to the delivered row: a secret that is shown once is delivered, or its token named."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager

from tokensh._dataclasses import dataclass, replace
from tokensh.api import request as requests_
from tokensh.api import response as replies
from tokensh.api.client import Client
from tokensh.api.hosts import Hosts
from tokensh.api.journal import Entry, Intent, Journal
from tokensh.api.request import Json, Request
from tokensh.api.response import Reply
from tokensh.environment import Cancellation, Environment
from tokensh.errors import ApiError, Error, InternalError, Interrupted, NetworkError, ReplyError, UnknownOutcome
from tokensh.provider.model import Method, Resource
from tokensh.redact import SECRET_FIELDS, Redactor
from tokensh.rows import Value
from tokensh.sql.unparse import text_literal

Redact = Callable[[str], str]
Orphans = tuple[tuple[str, str], ...]
"""Token ids, each with the statement that revokes it."""

_SLACK = 500
"""ms by which a server that keeps tokens may be behind the one that puts the date on its replies."""
_LOOKS = (0.0, 0.5, 1.5)
"""Seconds before each look for a token whose reply is lost: the server may still be at it."""
_CLOCKS_DIFFER = 600_000
"""ms by which a server's clock may be behind ours, as far as a query that is written beforehand knows."""


@dataclass(frozen=True, slots=True)
class Creation:
    """A request that creates, and what it was made from."""

    resource: Resource
    method: Method
    values: Mapping[str, Value]
    request: Request

    def body_attribute(self, name: str) -> Json:
        """An attribute of the body."""
        return (self.request.body or {}).get(name)


class Creator:
    """Sends creates one by one, and finds those whose replies are lost."""

    def __init__(  # noqa: PLR0913 (what it works with)
        self,
        environment: Environment,
        client: Client,
        hosts: Hosts,
        *,
        redactor: Redactor,
        cancellation: Cancellation,
        journal: Journal,
        hold_back: Callable[[], bool] = lambda: False,
    ) -> None:
        self._environment = environment
        self._client = client
        self._hosts = hosts
        self._redactor = redactor
        self._cancellation = cancellation
        self._journal = journal
        self._delivered: set[str] = set()
        self._hold_back = hold_back
        self._held: list[tuple[Entry, Orphans]] = []
        """What was given to somebody who does not show it yet."""

    @contextmanager
    def create(self, one: Creation, on_activity: Callable[[str], None]) -> Generator[Mapping[str, Json], None, None]:
        """Send it; the reply's object must be delivered inside the `with` block, whose end clears the intent.

        Raises:
            UnknownOutcome: it may have taken effect, or did and could not be delivered.
            Error: it took no effect.
        """
        comment, lifetime = one.body_attribute("comment"), one.body_attribute("lifetime_seconds")
        intent = Intent(
            int(self._environment.now() * 1000),
            one.request.target.name,
            one.resource.id,
            comment if isinstance(comment, str) else None,
            lifetime if isinstance(lifetime, int) else None,
            host=one.request.target.origin.partition("://")[2],
        )
        entry = self._journal.begin(
            replace(intent, look=search_statement(one.resource, one.values, intent, self._redactor.clean))
        )
        row = self._send(one, entry, on_activity)
        token_id = _token_id(row)
        try:
            yield row
        except BaseException as error:  # noqa: BLE001 (whatever it was, nobody has the value)
            raise self._undelivered(one, token_id, error, entry) from None
        self._delivered.add(token_id or "")
        if self._hold_back():
            self._held.append((entry, self._orphan(one, token_id)))
        else:
            entry.clear()

    def release_held(self, *, seen: bool) -> None:
        """The values that were held back have been seen, or never will be."""
        for entry, orphans in self._held:
            if seen:
                entry.clear()
            else:
                entry.leave(orphans)
        self._held.clear()

    @staticmethod
    def _orphan(one: Creation, token_id: str) -> Orphans:
        return ((token_id, revoke_statement(one.resource, one.values, token_id)),) if token_id else ()

    def _send(self, one: Creation, entry: Entry, on_activity: Callable[[str], None]) -> Mapping[str, Json]:
        on_activity(f"{one.method.name} on {one.request.target.name}")
        try:
            reply = self._client.send(one.request)
            return self._checked(one, reply)
        except Error as error:
            if had_no_effect(error):
                entry.clear()
                raise
            raise self._lost(one, error, entry, on_activity) from None
        except KeyboardInterrupt:  # asked for the third time: nothing more is tried
            entry.leave()
            what = f"whether {one.request.target.name} created the token is unknown: interrupted"
            raise UnknownOutcome(what, hint=f"look with: {entry.intent.look}") from None
        except Exception as mistake:  # noqa: BLE001 (whatever it was: nobody knows what became of the request)
            raise self._lost(
                one, InternalError(f"tokensh made a mistake: {type(mistake).__name__}"), entry, on_activity
            ) from None

    def _checked(self, one: Creation, reply: Reply) -> Mapping[str, Json]:
        """The reply's object, its secret known to the redactor. Raises ReplyError where there is none."""
        (row,) = replies.rows(one.method, reply) or ({},)
        for field in one.method.fields:
            value = row.get(field.name)
            if field.name.lower() not in SECRET_FIELDS:
                continue
            if not isinstance(value, str) or not value:
                raise ReplyError(f"the reply to {one.method.name} has no {field.name}", path=f"$.{field.name}")
            self._redactor.learn(value)
        return row

    # ---- what is lost

    def _undelivered(self, one: Creation, token_id: str, error: BaseException, entry: Entry) -> UnknownOutcome:
        """A token that exists and whose value was not written out."""
        orphans = self._orphan(one, token_id)
        entry.leave(orphans)
        reason = f": {error}" if isinstance(error, Error) else ""
        return UnknownOutcome(
            f"a token was created in {one.request.target.name}, but its value could not be delivered{reason}",
            orphans=orphans,
            hint="revoke it: nobody holds its value" if token_id else f"look for it with: {entry.intent.look}",
        )

    def _lost(self, one: Creation, error: Error, entry: Entry, on_activity: Callable[[str], None]) -> UnknownOutcome:
        """A create whose reply is lost: the token list is compared."""
        place = one.request.target.name
        what = f"whether {place} created the token is unknown: {error.message}"
        presses = self._cancellation.presses
        self._cancellation.reset()
        on_activity(f"asking {place} whether it was created")
        try:
            found = self._found(one, entry)
        except (Exception, KeyboardInterrupt) as failure:  # noqa: BLE001 (the create weighs more than what hinders the look)
            entry.leave()
            reason = failure.message if isinstance(failure, Error) else type(failure).__name__
            hint = f"look with: {entry.intent.look}"
            return UnknownOutcome(f"{what}; its tokens could not be listed: {reason}", hint=hint)
        finally:
            if presses:
                self._cancellation.presses = presses
        orphans = tuple((each, revoke_statement(one.resource, one.values, each)) for each in found)
        entry.leave(orphans)
        if not found:
            return UnknownOutcome(what, hint="no new token is in its list now; look again before you repeat the INSERT")
        hint = "unless somebody else made the token above just now, nobody holds its value: revoke it"
        if len(found) > 1:
            hint = "nobody holds the value of one of the tokens above, made at the same time: look before you revoke"
        return UnknownOutcome(what, orphans=orphans, hint=hint)

    def _found(self, one: Creation, entry: Entry) -> list[str]:
        """What an intent may have made, looked for until it is seen or time enough has gone. Raises Error."""
        found: list[str] = []
        for pause in _LOOKS:
            if found or self._cancellation.presses:
                break
            self._environment.sleep(pause)
            found = list(self.find_orphans(one.resource, one.values, entry))
        return found

    def find_orphans(self, resource: Resource, values: Mapping[str, Value], entry: Entry) -> Iterator[str]:
        """The ids of tokens that an intent may have made. Raises Error."""
        reads = [m for m in resource.of("SELECT") if m.lists]
        if not reads:
            return
        request = requests_.build(reads[0], self._hosts, values)
        reply = self._client.send(request)
        offset = self._offset(reply)
        earliest = entry.intent.time + offset - _SLACK
        for row in replies.rows(reads[0], reply):
            token_id, created = row.get("token_id"), row.get("creation_time")
            if not isinstance(token_id, str) or token_id in self._delivered or not isinstance(created, int):
                continue
            if created >= earliest and (row.get("comment") or "") == (entry.intent.comment or ""):
                yield token_id

    def _offset(self, reply: Reply) -> int:
        """By how many ms the server's clock is ahead of ours."""
        try:
            from email.utils import parsedate_to_datetime  # noqa: PLC0415 (only where something is created)

            server = parsedate_to_datetime(reply.date).timestamp()
        except (ValueError, TypeError):
            return 0
        return int((server - self._environment.now()) * 1000)


def had_no_effect(error: Error) -> bool:
    """Whether an error tells that the server made nothing."""
    match error:
        case NetworkError():
            return not error.sent
        case ApiError():
            return error.status < 500
        case ReplyError():
            return False
        case Interrupted():
            return error.reason != "unanswered"
        case _:
            return True


def _token_id(row: Mapping[str, Json]) -> str:
    info = row.get("token_info")
    found = info.get("token_id") if isinstance(info, dict) else row.get("token_id")
    return found if isinstance(found, str) else ""


def search_statement(resource: Resource, values: Mapping[str, Value], intent: Intent, redact: Redact) -> str:
    """The query for what an intent may have made, in one line; nothing where the resource cannot be listed."""
    if not any(m.lists for m in resource.of("SELECT")):
        return ""
    fields = {one.name for one in resource.fields}
    where = [f"{name} = {text_literal(str(value))}" for name, value in values.items()]
    comment = intent.comment or ""
    # What is masked, escaped or filled before the query runs would find nothing.
    if "comment" in fields and comment.isprintable() and "{{" not in comment and redact(comment) == comment:
        where.append(f"coalesce(comment, '') = {text_literal(comment)}")
    if "creation_time" in fields:
        where.append(f"creation_time >= {intent.time - _CLOCKS_DIFFER}")
    return f"SELECT * FROM {resource.id} WHERE {' AND '.join(where)};"  # noqa: S608 (to be read)


def revoke_statement(resource: Resource, values: Mapping[str, Value], token_id: str) -> str:
    """The statement that revokes a token, in one line."""
    place = " AND ".join(f"{name} = {text_literal(str(value))}" for name, value in values.items())
    if resource.of("DELETE") or not resource.delete_by:
        return f"DELETE FROM {resource.id} WHERE {place} AND token_id = {text_literal(token_id)};"  # noqa: S608 (to be read)
    given = ", ".join(f"@{name} = {text_literal(str(value))}" for name, value in values.items())
    body = text_literal(json.dumps({"token_id": token_id}))
    return f"EXEC {resource.id}.{resource.delete_by} {given} @@json = {body};"
