"""HTTP requests, replies and refusals as plain values, and the checks of a request's JSON body."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote

from tokensh._dataclasses import dataclass, field, replace

JsonObject = dict[str, Any]
"""A JSON object; the API decides which values it holds."""

INT64_MAX = 2**63 - 1
# What may stand in a header as it is; a message quotes what it was sent.
_PHRASE = "".join(map(chr, range(32, 127))).replace("%", "")


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    The workspace stands in the path (`/w/NAME`), in the Host header (`NAME.localhost`), or is the one served at `/`.

    Attributes:
        workspace: its name; empty at the account's own host.
        path: the part after `/w/NAME`, or the whole path.
        base: what the client puts before `path`, without the server's origin if that is all: `/w/NAME`, a URL, or empty.
    """

    method: str
    target: str
    workspace: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    request_id: str
    base: str = ""

    @classmethod
    def parse(cls, method: str, target: str, headers: Mapping[str, str], body: bytes, request_id: str) -> Request:
        """Split a request line's target; the keys of `headers` are in lower case."""
        full, _, query = target.partition("?")
        workspace, path, base = _find_workspace(full, headers.get("host", ""))
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        return cls(method, target, workspace, path, parameters, headers, body, request_id, base)

    def with_root(self, root: str) -> Request:
        """Return the request to the workspace at `/`, if it names none and is not the account's."""
        # The account has a host of its own in reality; here it shares the root with a workspace, which has none of its paths.
        is_elsewhere = self.workspace or self.path.startswith(("/api/2.0/accounts/", "/oidc/accounts/"))
        return self if is_elsewhere else replace(self, workspace=root)

    def parse_json(self) -> JsonObject:
        """Return the JSON object in the body; an empty body counts as `{}`.

        Raises:
            RefusedError: The body is something else.
        """
        if not self.body.strip():
            return {}
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            raise malformed("the body is not valid JSON") from None
        if not isinstance(value, dict):
            raise malformed("the body is not a JSON object")
        return value


def _find_workspace(path: str, host: str) -> tuple[str, str, str]:
    """Return workspace, path and base of a request."""
    # The workspace is part of a host name in reality, and host names ignore case.
    if path.startswith("/w/"):
        name, _, rest = path.removeprefix("/w/").partition("/")
        return name.lower(), "/" + rest, f"/w/{name.lower()}"
    name, _, domain = host.lower().partition(".")
    if domain.partition(":")[0] == "localhost":
        return name, path, f"http://{host.lower()}"
    return "", path, ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply; its headers replace the server's own of the same name.

    `drip` is seconds to wait before each byte of the body, `interim` the statuses of answers before it (103), `cut` the bytes
    of the body after which the connection is closed.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    drip: float = 0.0
    interim: Sequence[int] = ()
    cut: int | None = None


def json_reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a reply whose body is the value as JSON."""
    # "replace": a comment may hold a lone surrogate (JSON can escape one), which UTF-8 cannot encode; it becomes `?`.
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    return Reply(status, body, {"Content-Type": "application/json; charset=utf-8", **(headers or {})})


class RefusedError(Exception):
    """The API refuses a request: HTTP `status`, `error_code`, message.

    The shapes are those of the Databricks REST API. Its authentication layer sends a number as the code and no `details`;
    its services send a word and `details`.
    """

    def __init__(self, status: int, code: str | int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    # Both shapes are kept apart because the client must read both: the authentication layer sends a
    # number as the code, services a word.
    def to_reply(self, request_id: str) -> Reply:
        """Return the reply that the client gets."""
        body: JsonObject = {"error_code": self.code, "message": self.message}
        if isinstance(self.code, int):
            body["message"] += f" [ReqId: {request_id}]"
        else:
            kind = "type.googleapis.com/google.rpc.RequestInfo"
            body["details"] = [{"@type": kind, "request_id": request_id, "serving_data": ""}]
        return json_reply(body, self.status, {"X-Databricks-Reason-Phrase": quote(self.message, safe=_PHRASE)})


def invalid(message: str) -> RefusedError:
    """Return a refusal of a value that the API does not accept."""
    return RefusedError(400, "INVALID_PARAMETER_VALUE", message)


def malformed(message: str) -> RefusedError:
    """Return a refusal of a body that the API cannot read."""
    return RefusedError(400, "MALFORMED_REQUEST", f"Could not parse request object: {message}")


def missing(message: str) -> RefusedError:
    """Return a refusal of an id that does not exist."""
    return RefusedError(404, "RESOURCE_DOES_NOT_EXIST", message)


def no_endpoint(request: Request) -> RefusedError:
    """Return a refusal of a method and path that the API does not have."""
    return RefusedError(404, "ENDPOINT_NOT_FOUND", f"No API found for '{request.method} {request.path}'")


def get_text(fields: JsonObject, name: str) -> str | None:
    """Return a string of the body; null counts as absent, as in the JSON mapping of protocol buffers."""
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    raise malformed(f"'{name}' must be a string")


def get_integer(fields: JsonObject, name: str) -> int | None:
    """Return an int64 of the body; quoted digits count too, as in the JSON mapping of protocol buffers."""
    value = fields.get(name)
    if isinstance(value, str) and re.fullmatch("-?[0-9]{1,19}", value):
        value = int(value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > INT64_MAX:
        raise malformed(f"'{name}' must be an int64")
    return value


def get_flag(fields: JsonObject, name: str) -> bool:
    """Return a boolean of the body; false if absent."""
    value = fields.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise malformed(f"'{name}' must be true or false")


def get_strings(fields: JsonObject, name: str) -> tuple[str, ...]:
    """Return an array of strings of the body; empty if absent."""
    value = fields.get(name) or []
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise malformed(f"'{name}' must be an array of strings")
