"""Creates, from the intent on the disk to the delivered row.

The value of a token is shown once, in the response to its create. So the intent is written to the journal before the request
is sent, and cleared when the row that holds the value was delivered. Whatever happens between the two ends in an error that
names the token and the statement that revokes it, or, where the response was lost, the tokens that may be the one: those that
are in the list now, have the same comment, and were created after the request was sent, by the server's clock. Nothing is
revoked automatically, because a token of the same comment may be someone else's.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from math import inf

from tokensh._dataclasses import dataclass, replace
from tokensh.api.journal import Entry, Intent
from tokensh.api.request import Json, Request, build_request
from tokensh.api.response import Response, describe_next_page, find_rows, to_cell
from tokensh.api.retry import REFUSED_DELAYS, is_put_off, retry_delay
from tokensh.engine.services import EngineServices
from tokensh.errors import ApiError, Error, InternalError, Interrupted, NetworkError, ReplyError, UnknownOutcome
from tokensh.provider.model import Method, Resource
from tokensh.redact import SECRET_FIELDS
from tokensh.rows import Value
from tokensh.sql.quoting import text_literal

Redact = Callable[[str], str]
OnActivity = Callable[[str], None]
Orphans = tuple[tuple[str, str], ...]
"""Token ids, each with the statement that revokes it."""

# Only an orphan that is reported without need is possible if it is too large (a token of the same comment, created just before);
# if it is too small, a lost token is not found at all.
_CLOCK_SLACK = 500
"""ms by which the clock that stamps tokens may be behind the one that puts the date on responses."""
_DATE_PRECISION = 1000
"""ms by which a clock may be ahead of the date that it puts on a response: that has whole seconds."""
_REFUSALS = frozenset(
    (
        "QUOTA_EXCEEDED",
        "PERMISSION_DENIED",
        "UNAUTHENTICATED",
        "INVALID_PARAMETER_VALUE",
        "MALFORMED_REQUEST",
        "BAD_REQUEST",
        "INVALID_STATE",
        "FEATURE_DISABLED",
        "ENDPOINT_NOT_FOUND",
        "RESOURCE_DOES_NOT_EXIST",
        "REQUEST_LIMIT_EXCEEDED",
    )
)
"""Error codes with which the API says, also with status 200, that it did nothing."""
_PAUSES = (0.0, 0.5, 1.5)
"""Seconds before each look for a token whose response was lost: the server may still be creating it."""
_DELIVERED_KEPT = 1000
"""Delivered tokens that are remembered: more than are created, one by one, while the clocks' windows are open."""
_MOST_CLOCKS_DIFFER = 600_000
"""ms by which a server's clock may be behind ours in a query that is written before the server was heard."""


@dataclass(frozen=True, slots=True)
class Creation:
    """A request that creates, and what it was built from."""

    resource: Resource
    method: Method
    values: Mapping[str, Value]
    request: Request

    @property
    def workspace(self) -> str:
        """The workspace it is sent to."""
        return self.request.target.name

    def to_intent(self, now_ms: int) -> Intent:
        """Return what the journal keeps of it, without the statement that looks for its token."""
        body = self.request.body or {}
        comment, lifetime = body.get("comment"), body.get("lifetime_seconds")
        return Intent(
            now_ms,
            self.workspace,
            self.resource.id,
            comment if isinstance(comment, str) else None,
            lifetime if isinstance(lifetime, int) else None,
            host=self.request.target.origin.partition("://")[2],
        )

    def orphans(self, *token_ids: str) -> Orphans:
        """Return the ids with the statements that revoke them."""
        return tuple((token_id, revoke_statement(self.resource, self.values, token_id)) for token_id in token_ids)


class Creator:
    """Sends creates one by one, and finds the tokens of those whose responses are lost."""

    def __init__(self, services: EngineServices) -> None:
        self._services = services
        self._delivered: deque[str] = deque(maxlen=_DELIVERED_KEPT)

    @contextmanager
    def create(
        self, creation: Creation, on_activity: OnActivity, *, may_hold: bool = True
    ) -> Generator[Mapping[str, Json], None, None]:
        """Send a create; its response must be delivered inside the `with` block, whose end clears the intent.

        Args:
            creation: the request.
            on_activity: called with what is done.
            may_hold: the value may be in a result that is shown later; otherwise the user has it at the end of the block.

        Raises:
            UnknownOutcome: it may have taken effect, or did and could not be delivered.
            Error: it had no effect.
        """
        # The statements that look for the token and revoke it must stay usable whatever word is somebody's password.
        for text in _public_texts(creation):
            self._services.redactor.allow(text)
        intent = creation.to_intent(self._services.now_ms())
        search = search_statement(creation.resource, creation.values, intent, self._services.redactor.clean)
        entry = self._services.journal.begin(replace(intent, look=search))
        response = self._send(creation, entry, on_activity)
        token_id = find_token_id(response)
        try:
            yield response
        except BaseException as error:  # noqa: BLE001 (whatever it was, the value is lost)
            orphans = creation.orphans(token_id) if token_id else ()
            entry.keep_for_recovery(orphans)
            raise UnknownOutcome(
                f"a token was created in {creation.workspace}, but its value could not be delivered"
                + (f": {error}" if isinstance(error, Error) else ""),
                orphans=orphans,
                hint="revoke it: its value is lost" if token_id else f"check with: {entry.intent.look}",
            ) from None
        # A later create with the same comment that is lost must not report this token as its orphan.
        self._delivered.append(token_id)
        held = self._services.held_values() if may_hold else None
        if held is None:
            entry.remove()
        else:
            held.add(entry, creation.orphans(token_id) if token_id else ())

    def _send(self, creation: Creation, entry: Entry, on_activity: OnActivity) -> Mapping[str, Json]:
        on_activity(f"{creation.method.name} on {creation.workspace}")
        try:
            return self._read_response(creation, self._send_until_accepted(creation, entry))
        except Error as error:
            if had_no_effect(error):
                entry.remove()
                raise
            raise self._find_lost(creation, error, entry, on_activity) from None
        except KeyboardInterrupt:  # Ctrl-C for the third time: the user does not want to wait for the search either
            entry.keep_for_recovery()
            raise UnknownOutcome(
                f"whether {creation.workspace} created the token is unknown: interrupted",
                hint=f"check with: {entry.intent.look}",
            ) from None
        except Exception as mistake:  # noqa: BLE001 (a bug of ours after the request was sent must not hide the token)
            internal = InternalError(f"tokensh made a mistake: {type(mistake).__name__}")
            raise self._find_lost(creation, internal, entry, on_activity) from None

    def _send_until_accepted(self, creation: Creation, entry: Entry) -> Response:
        """Send a create; again after a 503 that puts it off, if the list confirms that nothing was created. Raises Error."""
        for usual in REFUSED_DELAYS:
            try:
                return self._services.client.send(creation.request)
            except ApiError as error:
                if had_no_effect(error) or not is_put_off(error.status, error.code, error.retry_after):
                    raise
                delay = retry_delay(error.status, error.retry_after, usual, self._services.environment.now())
                if delay is None or self._may_exist(creation, entry):
                    raise
                self._services.environment.sleep(delay)
        return self._services.client.send(creation.request)

    def _may_exist(self, creation: Creation, entry: Entry) -> bool:
        """Return whether the token of a create may exist: it is in the list, the list cannot be had, or Ctrl-C was pressed."""
        try:
            return bool(self._search_repeatedly(creation, entry)) or self._services.cancellation.presses > 0
        except Error:
            return True

    def _read_response(self, creation: Creation, response: Response) -> Mapping[str, Json]:
        """Return the response's object and teach the redactor its secret. Raises ReplyError if the secret is missing."""
        body = response.body
        row: Mapping[str, Json]
        # A value that is there is delivered, whatever else the reply says.
        if isinstance(body, dict) and _holds_secret(creation.method, body):
            row = body
        else:
            (row,) = find_rows(creation.method, response) or ({},)
        for field in creation.method.fields:
            if field.name.lower() in SECRET_FIELDS:
                secret = row.get(field.name)
                if not isinstance(secret, str) or not secret:
                    raise ReplyError(f"the reply to {creation.method.name} has no {field.name}", path=f"$.{field.name}")
                self._services.redactor.learn(secret)
        return row

    # ---- lost responses

    def _find_lost(self, creation: Creation, error: Error, entry: Entry, on_activity: OnActivity) -> UnknownOutcome:
        """Look for the token of a create whose response is lost, and return the error that names it."""
        what = f"whether {creation.workspace} created the token is unknown: {error.message}"
        # A Ctrl-C that ended the create must not end the search too; one that is pressed from now on does.
        presses = self._services.cancellation.presses
        self._services.cancellation.reset()
        on_activity(f"asking {creation.workspace} whether it was created")
        try:
            token_ids = self._search_repeatedly(creation, entry)
        except (Exception, KeyboardInterrupt) as failure:  # noqa: BLE001 (the create matters more than why the search failed)
            entry.keep_for_recovery()
            reason = failure.message if isinstance(failure, Error) else type(failure).__name__
            return UnknownOutcome(
                f"{what}; its tokens could not be listed: {reason}", hint=f"check with: {entry.intent.look}"
            )
        finally:
            if presses:
                self._services.cancellation.presses = presses
        orphans = creation.orphans(*token_ids)
        entry.keep_for_recovery(orphans)
        return UnknownOutcome(what, orphans=orphans, hint=_describe_orphans(len(orphans)))

    def _search_repeatedly(self, creation: Creation, entry: Entry) -> list[str]:
        """Return the ids of tokens that a create may have made, after as many looks as it takes. Raises Error."""
        token_ids: list[str] = []
        for pause in _PAUSES:
            if token_ids or self._services.cancellation.presses:
                break
            self._services.environment.sleep(pause)
            token_ids = list(self.find_orphans(creation.resource, creation.values, entry))
        return token_ids

    def find_orphans(self, resource: Resource, values: Mapping[str, Value], entry: Entry) -> Iterator[str]:
        """Yield the ids of tokens that an intent may have created, from one listing. Raises Error."""
        listing = next((m for m in resource.methods_for("SELECT") if m.returns_list), None)
        if listing is None:
            return
        response = self._services.client.send(build_request(listing, self._services.hosts, values))
        candidates = {
            token_id: created
            for token_id, created in _list_tokens(listing, response, entry.intent.comment or "")
            if token_id not in self._delivered
        }
        for earliest, latest in self._windows(entry.intent.time, response):
            found = [token_id for token_id, created in candidates.items() if earliest <= created <= latest]
            if found:
                yield from found
                return
        if sign := describe_next_page(listing, response):
            raise ReplyError(f"its list is only the first of several pages ({sign})")

    def _windows(self, sent: int, response: Response) -> Iterator[tuple[float, float]]:
        """Yield the times, in ms, between which a token was created that was asked for when our clock said `sent`.

        Tokens have the time of the server's clock, which the header Date tells; but a cache or a balancer may send another
        date than the clock that stamps tokens. So the smaller window comes first, and the other one if that has no token. By
        a clock that is behind ours, nothing is newer than what it says now: an old date makes no old token a suspect.
        """
        offset = self._clock_offset(response)
        now = int(self._services.environment.now() * 1000)
        own = sent - _CLOCK_SLACK, inf
        servers = sent + offset - _CLOCK_SLACK, now + offset + _DATE_PRECISION + _CLOCK_SLACK if offset < 0 else inf
        yield from (servers, own) if offset > 0 else (own, servers)

    def _clock_offset(self, response: Response) -> int:
        """Return by how many ms the server's clock is ahead of ours; 0 if it sent no valid date."""
        from email.utils import parsedate_to_datetime  # noqa: PLC0415 (only after a lost response)

        try:
            server = parsedate_to_datetime(response.date).timestamp()
        except (ValueError, TypeError, OverflowError):
            return 0
        return int((server - self._services.environment.now()) * 1000)


def _list_tokens(listing: Method, response: Response, comment: str) -> Iterator[tuple[str, int]]:
    """Yield the ids and the times of creation of the tokens with a comment, as a query reads them. Raises ReplyError."""
    types = {field.name: field.type for field in listing.fields}
    for index, row in enumerate(find_rows(listing, response)):
        token_id, created, remark = (
            to_cell(types.get(name, "any"), row.get(name), f"{listing.object_key or '$'}[{index}].{name}")
            for name in ("token_id", "creation_time", "comment")
        )
        if isinstance(token_id, str) and isinstance(created, int) and (remark or "") == comment:
            yield token_id, created


def had_no_effect(error: Error) -> bool:
    """Return whether an error says that the server did nothing."""
    match error:
        case NetworkError():
            return not error.sent
        case ApiError():
            # An error with a status of success is one of the API's own only if it has one of its codes.
            return error.status < 500 and (error.status >= 300 or error.code in _REFUSALS)
        case ReplyError():
            return False
        case Interrupted():
            return error.reason != "unanswered"
        case _:
            return True


def _describe_orphans(count: int) -> str:
    if count == 0:
        return "its list shows no new token now; check again before you repeat the INSERT"
    if count == 1:
        return "unless someone else created the token above just now, its value is lost: revoke it"
    return "one of the tokens above, created at the same time, is yours and its value is lost: check before you revoke"


def _holds_secret(method: Method, row: Mapping[str, Json]) -> bool:
    secrets = (row.get(field.name) for field in method.fields if field.name.lower() in SECRET_FIELDS)
    return any(isinstance(secret, str) and secret for secret in secrets)


def _public_texts(creation: Creation) -> Iterator[str]:
    """Yield what is public in the statements about a create: their words, and the workspace, whose name the network has seen."""
    names = dict.fromkeys(creation.values, "")
    yield revoke_statement(creation.resource, names, "")
    yield search_statement(creation.resource, names, Intent(0, "", "", None, None), str)
    yield creation.workspace


def find_token_id(row: Mapping[str, Json]) -> str:
    """Return the id of a response's token, or an empty string."""
    info = row.get("token_info")
    token_id = info.get("token_id") if isinstance(info, dict) else row.get("token_id")
    return token_id if isinstance(token_id, str) else ""


# ---- statements, each on one line, for messages and the journal


def search_statement(resource: Resource, values: Mapping[str, Value], intent: Intent, redact: Redact) -> str:
    """Return the query for the token of an intent; empty if the resource cannot be listed."""
    if not any(m.returns_list for m in resource.methods_for("SELECT")):
        return ""
    fields = {field.name for field in resource.fields}
    where = [f"{name} = {text_literal(str(value))}" for name, value in values.items()]
    comment = intent.comment or ""
    # A comment that is masked, escaped or filled before the query runs would find nothing.
    if "comment" in fields and comment.isprintable() and "{{" not in comment and redact(comment) == comment:
        where.append(f"coalesce(comment, '') = {text_literal(comment)}")
    if "creation_time" in fields:
        where.append(f"creation_time >= {intent.time - _MOST_CLOCKS_DIFFER}")
    return f"SELECT * FROM {resource.id} WHERE {' AND '.join(where)};"  # noqa: S608 (only shown)


def revoke_statement(resource: Resource, values: Mapping[str, Value], token_id: str) -> str:
    """Return the statement that revokes a token."""
    if resource.methods_for("DELETE") or not resource.delete_method:
        where = " AND ".join(f"{name} = {text_literal(str(value))}" for name, value in values.items())
        return f"DELETE FROM {resource.id} WHERE {where} AND token_id = {text_literal(token_id)};"  # noqa: S608 (only shown)
    arguments = ", ".join(f"@{name} = {text_literal(str(value))}" for name, value in values.items())
    body = text_literal(json.dumps({"token_id": token_id}))
    return f"EXEC {resource.id}.{resource.delete_method} {arguments} @@json = {body};"
