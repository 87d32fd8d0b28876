"""Spoil replies on demand: a rule matches requests and changes or drops their replies, before or after their effect.

The idea, and the name `after_handler`, come from the test server of the Databricks CLI.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

from tokensh._dataclasses import dataclass, field, fields
from tokensh.sandbox.http import JsonObject, Reply, Request, get_integer, get_text, json_reply, malformed

# What the services send as `error_code` with each status; a test that needs another code gives the body itself.
_ERROR_CODES = {
    400: "INVALID_PARAMETER_VALUE",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    409: "ABORTED",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    501: "NOT_IMPLEMENTED",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

Body = str | bytes | Mapping[str, object] | Sequence[object]


@dataclass(slots=True)
class Fault:
    """A rule that spoils the replies to some requests.

    Attributes:
        pattern: a shell-style pattern for `METHOD path` or the path alone, with or without `/w/{workspace}`.
        status: the HTTP status of the reply; None keeps the true reply's, or sends 200 if `body` is given.
        body: the reply's body; a mapping or a list is sent as JSON. A status without a body sends an error in the API's shape.
        headers: added to the reply; they replace the server's own, even Content-Length (the connection then closes).
        times: the number of requests that are hit; None for all.
        skip: the number of matching requests that pass before the first is hit.
        after_handler: the request takes effect before its reply is spoilt.
        drop: send no reply and reset the connection (RST).
        close: send no reply and close the connection normally (FIN).
        delay: seconds to wait before the request is handled, or after it with `after_handler`.
        drip: seconds to wait before each byte of the body.
        interim: statuses of answers that come before the reply, such as 103.
        cut: the bytes of the body after which the connection is closed; the reply's length is still the whole body's.
        hits: the number of requests that were hit so far.
    """

    pattern: str
    status: int | None = None
    body: Body | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int | None = 1
    skip: int = 0
    after_handler: bool = False
    drop: bool = False
    close: bool = False
    delay: float = 0.0
    drip: float = 0.0
    interim: Sequence[int] = ()
    cut: int | None = None
    hits: int = field(default=0, init=False)

    # `after_handler` is the case that matters most to the client: the token exists and its reply is lost.
    def apply(self, handle: Callable[[], Reply], pause: Callable[[float], None]) -> Reply | HangUp:
        """Reply to a request that was hit; `handle` runs the request and returns the true reply."""
        if self.after_handler:
            true_reply = handle()
            pause(self.delay)
            return self._spoil(lambda: true_reply)  # the effect is there, even if the client never learns of it
        pause(self.delay)
        return self._spoil(handle)

    def _spoil(self, true_reply: Callable[[], Reply]) -> Reply | HangUp:
        if self.drop or self.close:
            return HangUp(reset=self.drop)
        reply = true_reply() if self.status is None and self.body is None else self._build_reply()
        headers = {**reply.headers, **self.headers}
        return Reply(reply.status, reply.body, headers, self.drip, self.interim, self.cut)

    def _build_reply(self) -> Reply:
        status = self.status or 200
        match self.body:
            case None:
                code = _ERROR_CODES.get(status, f"HTTP_{status}")
                return json_reply({"error_code": code, "message": f"The sandbox was told to answer {status}."}, status)
            case bytes() as raw:
                return Reply(status, raw)
            case str() as text:
                return Reply(status, text.encode())
            case value:
                return json_reply(value, status)


_FIELD_NAMES = [attribute.name for attribute in fields(Fault) if attribute.init]


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close the connection instead of a reply, with a reset (RST) or normally (FIN)."""

    reset: bool


class Faults:
    """The rules in force; the first that matches a request hits it."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Add a rule after the others."""
        with self._lock:
            self._rules.append(fault)

    def clear(self) -> None:
        """Drop all rules."""
        with self._lock:
            self._rules.clear()

    # One lock around matching and counting: of two requests at the same time, `times=1` must hit exactly one.
    def take(self, request: Request) -> Fault | None:
        """Return the rule that hits this request and count the hit; None if no rule matches."""
        with self._lock:
            return next((rule for rule in self._rules if _try_hit(rule, request)), None)


def _try_hit(rule: Fault, request: Request) -> bool:
    """Return True if the rule hits this request; counts the hit, or one request less to skip."""
    if rule.times is not None and rule.hits >= rule.times:
        return False
    full_path = request.target.partition("?")[0]
    names = [name for path in (request.path, full_path) for name in (path, f"{request.method} {path}")]
    if not any(fnmatchcase(name, rule.pattern) for name in names):
        return False
    # A rule that is still skipping lets the next rule have the request.
    if rule.skip:
        rule.skip -= 1
        return False
    rule.hits += 1
    return True


# Every field is checked by hand: a fault that is silently ignored makes a test pass that tests nothing.
def parse_fault(json_fields: JsonObject) -> Fault:
    """Return the rule in the body of `POST /__sandbox/fault`.

    Raises:
        RefusedError: The pattern is missing, a field is unknown, or a value has the wrong type.
    """
    pattern = get_text(json_fields, "pattern")
    if not pattern or not json_fields.keys() <= set(_FIELD_NAMES):
        raise malformed(f"a fault needs a 'pattern' and takes {', '.join(_FIELD_NAMES)}")
    return Fault(
        pattern,
        status=get_integer(json_fields, "status"),
        body=_parse_body(json_fields),
        headers=_parse_headers(json_fields),
        times=get_integer(json_fields, "times") if "times" in json_fields else 1,
        skip=get_integer(json_fields, "skip") or 0,
        after_handler=_parse_flag(json_fields, "after_handler"),
        drop=_parse_flag(json_fields, "drop"),
        close=_parse_flag(json_fields, "close"),
        delay=_parse_seconds(json_fields, "delay"),
        drip=_parse_seconds(json_fields, "drip"),
        interim=_parse_statuses(json_fields, "interim"),
        cut=get_integer(json_fields, "cut"),
    )


def _parse_body(json_fields: JsonObject) -> Body | None:
    body = json_fields.get("body")
    if body is None or isinstance(body, str | dict | list):
        return body
    raise malformed("'body' must be a string, an object or an array")


def _parse_headers(json_fields: JsonObject) -> Mapping[str, str]:
    headers = json_fields.get("headers") or {}
    if isinstance(headers, dict) and all(isinstance(value, str) for value in headers.values()):
        return headers
    raise malformed("'headers' must be an object of strings")


def _parse_flag(json_fields: JsonObject, name: str) -> bool:
    value = json_fields.get(name) or False
    if isinstance(value, bool):
        return value
    raise malformed(f"'{name}' must be true or false")


def _parse_statuses(json_fields: JsonObject, name: str) -> tuple[int, ...]:
    value = json_fields.get(name) or []
    if isinstance(value, list) and all(type(code) is int and 100 <= code < 200 for code in value):
        return tuple(value)
    raise malformed(f"'{name}' must be an array of statuses from 100 to 199")


def _parse_seconds(json_fields: JsonObject, name: str) -> float:
    value = json_fields.get(name) or 0
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 3600:
        return float(value)
    raise malformed(f"'{name}' must be a number of seconds, at most 3600")
