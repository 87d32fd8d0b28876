"""Build the HTTP request for a method and its values. Pure: nothing is sent and nothing is read.

A value that does not fit its parameter is an error before anything is sent, never a conversion that changes it: the API
would take `'[1'` for a string, and 9007199254740993 as a float for another number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias
from urllib.parse import quote, urlencode

from tokensh._dataclasses import dataclass
from tokensh.api.hosts import Hosts, Target
from tokensh.errors import DataError, MissingParameter
from tokensh.provider.model import Method, Parameter
from tokensh.redact import SECRET_FIELDS
from tokensh.rows import Value
from tokensh.text import escape_unsafe, truncate

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

# The path's variables may hold a pattern after a colon (`{name:pattern}`); only the name counts.
_VARIABLE = r"\{([^{}:]+)(?::[^{}]*)?\}"
# Two variables with at most a slash between them: with a slash in a value, it would not be clear where it ends.
_NEIGHBOURS = r"\}/?\{"
_HEADER_TEXT = r"[\x20-\x7e]*"
_INTEGER = r"[+-]?[0-9]{1,19}"
# SQLite has no booleans: its TRUE is 1, and texts come from placeholders and JSON.
_BOOLEANS: Mapping[object, bool] = {0: False, 1: True, "0": False, "1": True, "false": False, "true": True}
# An int64 has at most 19 digits: the pattern above keeps int() from long texts, the range refuses the
# rest.
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, not yet signed.

    `path` is percent-encoded; `query` is not. `body` None sends no body. `creates_secret`: the response holds a secret that
    is shown once, so that Ctrl-C waits for it.
    """

    method: str
    target: Target
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Json] | None = None
    creates_secret: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    """What the method's own parameters put into the head, besides what every request has."""
    text_field: str = ""
    """The key under which the text of the reply is its only value; empty where the reply is JSON."""
    text_encoding: str = "utf-8-sig"
    """The encoding of that text."""

    @property
    def url(self) -> str:
        """The whole URL."""
        question = f"?{urlencode(self.query)}" if self.query else ""
        return f"{self.target.origin}{self.target.prefix}{self.path}{question}"


def creates_secret(method: Method) -> bool:
    """Return True if a method's response holds a secret that is shown only once."""
    return method.http_method == "POST" and any(field.name.lower() in SECRET_FIELDS for field in method.fields)


def build_request(
    method: Method, hosts: Hosts, values: Mapping[str, Value], body: Mapping[str, Json] | None = None
) -> Request:
    """Build the request of one call.

    Args:
        method: the method to call.
        hosts: resolve the workspace's name.
        values: the server, path and query parameters by name; what is absent or None is not sent.
        body: the body's JSON object, None if the statement gives none.

    Raises:
        HostError: the workspace's name does not lead to a host that a credential may be sent to.
        MissingParameter: a required parameter has no value.
        DataError: a value does not fit its parameter.
    """
    missing = tuple(
        parameter.name for parameter in method.routing if parameter.required and values.get(parameter.name) is None
    )
    if missing:
        raise MissingParameter(f"{method.name} needs {' and '.join(missing)}, which is NULL", names=missing)
    target = hosts.resolve(
        method.server,
        {parameter.name: str(values[parameter.name]) for parameter in method.routing if parameter.location == "server"},
    )
    fixed = tuple((name, _fill_template(text, method, values, "")) for name, text in method.fixed_query)
    query = fixed + tuple(
        (parameter.key, to_text(parameter, values[parameter.name]))
        for parameter in method.parameters
        if parameter.location == "query" and values.get(parameter.name) is not None
    )
    # A method with a body and no attributes still sends {}: the API rejects an empty body.
    sends_body = method.has_body or body is not None
    return Request(
        method.http_method,
        target,
        _fill_template(method.path, method, values, "" if re.search(_NEIGHBOURS, method.path) else "/"),
        query,
        _name_attributes(method, body or {}) if sends_body else None,
        creates_secret(method),
        tuple(_build_headers(method, values)),
        method.text_field,
    )


def _name_attributes(method: Method, body: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return a body with the API's names of its attributes."""
    keys = {parameter.name: parameter.key for parameter in method.body if parameter.wire_name}
    return {keys.get(name, name): value for name, value in body.items()} if keys else body


def _build_headers(method: Method, values: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    for parameter in method.parameters:
        if parameter.location == "header" and values.get(parameter.name) is not None:
            text = to_text(parameter, values[parameter.name])
            # A line end would begin a header of its own.
            if not re.fullmatch(_HEADER_TEXT, text):
                raise DataError(f"invalid {parameter.name}: a header takes printable ASCII alone")
            yield parameter.key, text


def _fill_template(template: str, method: Method, values: Mapping[str, Value], safe: str) -> str:
    """Return a path, or a value of its query, with its variables filled in; `safe` stays as it is in the values of a path."""
    by_name = {parameter.name: parameter for parameter in method.parameters if parameter.location == "path"}

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        text = to_text(by_name[name], values[name])
        if template is not method.path:
            return text
        # A template without a slash before the variable expects it from the value.
        has_slash = not match.start() or template[match.start() - 1] == "/"
        inner = text if has_slash else text.removeprefix("/")
        # Servers and proxies resolve a segment of dots as a step in the path, percent-encoded or not.
        if any(segment in ("", ".", "..") for segment in (inner.split("/") if safe else [inner])):
            raise DataError(f"invalid {name}: '{text}' cannot be part of a path", hint="is the value right?")
        return _percent_encode(name, text, safe)

    return re.sub(_VARIABLE, fill, template)


def _percent_encode(name: str, text: str, safe: str = "") -> str:
    try:
        return quote(text, safe=safe)
    except UnicodeEncodeError:
        raise DataError(f"{name} holds half a character (a lone surrogate), which cannot be sent") from None


def to_text(parameter: Parameter, value: Value) -> str:
    """Return the text of a server, path or query parameter. Raises DataError if the value does not fit its type."""
    converted = to_json(parameter, value)
    text = converted if isinstance(converted, str) else json.dumps(converted)
    _percent_encode(parameter.name, text)
    return text


def to_json(parameter: Parameter, value: Value) -> Json:
    """Convert a SQL value to the JSON value that a parameter's schema asks for. Raises DataError."""
    if value is None:
        return None
    if isinstance(value, bytes):
        raise _type_error(parameter, value)
    match parameter.type:
        case "string":
            return value if isinstance(value, str) or parameter.free else repr(value)
        case "integer":
            return _to_integer(parameter, value)
        case "number":
            return _to_number(parameter, value)
        case "boolean":
            return _to_boolean(parameter, value)
        case _:
            return _parse_structure(parameter, value)


def _to_integer(parameter: Parameter, value: str | int | float) -> int:
    # Beyond 2**53 a float is not exact: it may be the rounding of another integer.
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, int) or (isinstance(value, str) and re.fullmatch(_INTEGER, value.strip())):
        whole = int(value)
        if whole in _INT64:
            return whole
    raise _type_error(parameter, value)


def _to_number(parameter: Parameter, value: str | int | float) -> float | int:
    try:
        return value if isinstance(value, int | float) else float(value)
    except ValueError:
        raise _type_error(parameter, value) from None


def _to_boolean(parameter: Parameter, value: str | int | float) -> bool:
    key = value.strip().lower() if isinstance(value, str) else value
    if key not in _BOOLEANS:
        raise _type_error(parameter, value)
    return _BOOLEANS[key]


def _parse_structure(parameter: Parameter, value: str | int | float) -> Json:
    """Parse the text of an array or object as JSON."""
    expected = {"array": list, "object": dict}.get(parameter.type)
    try:
        parsed: Json = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        if parameter.free and isinstance(value, str) and not value.lstrip().startswith(("{", "[")):
            return value
        raise _type_error(parameter, value) from None
    if parameter.free and isinstance(value, str) and not isinstance(parsed, dict | list | None):
        return value
    if not parameter.free and expected is not None and parsed is not None and not isinstance(parsed, expected):
        raise _type_error(parameter, value)
    return parsed


def _type_error(parameter: Parameter, value: Value) -> DataError:
    quoted = "a blob" if isinstance(value, bytes) else f"'{truncate(escape_unsafe(str(value)), 60)}'"
    article = "an" if parameter.type[0] in "aeio" else "a"
    hint = f"for example {parameter.sql_name} = '[...]'" if parameter.type == "array" else None
    if parameter.type in ("integer", "number") and isinstance(value, str):
        from tokensh.sql.numbers import suggest_number  # noqa: PLC0415 (needed only after a mistake)

        hint = suggest_number(value)
    return DataError(f"{parameter.sql_name} takes {article} {parameter.type}, not {quoted}", hint=hint)
