"""What passes over the wire: a request as it came, a reply as it goes, and a refusal on its way to becoming one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

JsonObject = dict[str, Any]
"""A JSON object; what its values are is the API's to say."""

INT64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `path` is what follows `/w/{workspace}`, or the whole path where no workspace is named."""

    method: str
    target: str
    workspace: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    request_id: str

    @classmethod
    def parse(cls, method: str, target: str, headers: Mapping[str, str], body: bytes, request_id: str) -> Request:
        """Take a request line's target apart; the keys of `headers` are in lower case."""
        full, _, query = target.partition("?")
        workspace, path = _split_workspace(full)
        found = dict(parse_qsl(query, keep_blank_values=True))
        return cls(method, target, workspace, path, found, headers, body, request_id)

    def parse_json(self) -> JsonObject:
        """The JSON object in the body; an empty body counts as `{}`.

        Raises:
            RefusedError: the body is something else.
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


def _split_workspace(path: str) -> tuple[str, str]:
    if not path.startswith("/w/"):
        return "", path
    # A host name has no case, and the workspace stands for one.
    name, _, rest = path.removeprefix("/w/").partition("/")
    return name.lower(), "/" + rest


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply; a header here replaces the server's own of that name, `drip` is seconds before each byte of the body."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    drip: float = 0.0


def json_reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A JSON reply."""
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    return Reply(status, body, {"Content-Type": "application/json; charset=utf-8", **(headers or {})})


class RefusedError(Exception):
    """The API says no: HTTP `status`, `error_code` (the authentication layer sends a number), message.

    The shapes are those of the Databricks REST API; `details` is sent by the services, never by the authentication layer.
    """

    def __init__(self, status: int, code: str | int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def to_reply(self, request_id: str) -> Reply:
        """What the client reads."""
        body: JsonObject = {"error_code": self.code, "message": self.message}
        if isinstance(self.code, int):
            body["message"] += f" [ReqId: {request_id}]"
        else:
            kind = "type.googleapis.com/google.rpc.RequestInfo"
            body["details"] = [{"@type": kind, "request_id": request_id, "serving_data": ""}]
        return json_reply(body, self.status)


def invalid(message: str) -> RefusedError:
    """A value the API doesn't take."""
    return RefusedError(400, "INVALID_PARAMETER_VALUE", message)


def malformed(message: str) -> RefusedError:
    """A body the API can't read."""
    return RefusedError(400, "MALFORMED_REQUEST", f"Could not parse request object: {message}")


def missing(message: str) -> RefusedError:
    """A key that names nothing."""
    return RefusedError(404, "RESOURCE_DOES_NOT_EXIST", message)


def no_endpoint(request: Request) -> RefusedError:
    """A method and path the API doesn't have."""
    return RefusedError(404, "ENDPOINT_NOT_FOUND", f"No API found for '{request.method} {request.path}'")


def get_text(fields: JsonObject, name: str) -> str | None:
    """A string of the body; null counts as absent, as in every JSON mapping of protocol buffers."""
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    raise malformed(f"'{name}' must be a string")


def get_integer(fields: JsonObject, name: str) -> int | None:
    """An int64 of the body; the JSON mapping of protocol buffers takes digits in quotes, too."""
    value = fields.get(name)
    if isinstance(value, str) and re.fullmatch("-?[0-9]{1,19}", value):
        value = int(value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > INT64_MAX:
        raise malformed(f"'{name}' must be an int64")
    return value


def get_strings(fields: JsonObject, name: str) -> tuple[str, ...]:
    """An array of strings of the body; absent is empty."""
    value = fields.get(name) or []
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise malformed(f"'{name}' must be an array of strings")
