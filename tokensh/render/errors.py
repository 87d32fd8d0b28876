"""Format an error as lines for the user, or as one line of JSON.

    FILE:LINE:COL: error: what went wrong
    the source line
        ^^^^ what is wrong
    hint: what to do

Any text may come from an API or a file, so secrets are removed and control characters escaped before it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tokensh._dataclasses import dataclass
from tokensh.errors import (
    ApiError,
    CredentialError,
    Error,
    PlaceholderError,
    SeveralErrors,
    Span,
    UnknownOutcome,
)
from tokensh.text import escape_unsafe, truncate, width

_LONGEST_MESSAGE = 2000
"""In cells: a server's message may have any length."""
_LIST_LIMIT = 10  # entries of a list, such as failed workspaces; the others are counted
# A line of SQL may be a megabyte (a generated INSERT): a window of it is shown around the caret.
_SOURCE_CELLS = 150
_BEFORE_CARET = 60
_TAB = " " * 4

Redact = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Source:
    """The origin of a statement: `name` is `-c`, `<stdin>` or a file, empty in the shell.

    `line` and `column` are the position of the statement's first character in its file, counted from 1.
    """

    name: str
    text: str
    line: int = 1
    column: int = 1

    def position(self, offset: int) -> tuple[int, int]:
        """Return the line and the column in the file, both from 1, of a character of the statement."""
        before = self.text[:offset]
        lines = before.count("\n")
        offset_in_line = offset - (before.rfind("\n") + 1)
        return self.line + lines, offset_in_line + (self.column if not lines else 1)

    def location(self, offset: int) -> str:
        """Return `FILE:LINE:COL`, or an empty text in the shell, where the statement is still visible."""
        line, column = self.position(offset)
        return f"{self.name}:{line}:{column}" if self.name else ""


def _to_line(text: str, redact: Redact) -> str:
    return truncate(escape_unsafe(redact(text)), _LONGEST_MESSAGE)


# Everything is redacted before it is escaped or shortened: a secret that is cut or escaped no longer has
# the shape that `redact` looks for.
def _escape_source(line: str) -> str:
    """Return a source line that is safe to show, with four blanks for each tab."""
    # The caret line could not follow a real tab: terminals place tab stops differently.
    return escape_unsafe(line.replace("\t", _TAB))


def _error_offset(error: Error, source: Source) -> int:
    """Return the offset of the error; if the text ended too early, the end of its last word."""
    return min(error.span.start, len(source.text.rstrip())) if error.span else 0


def _window_around(line: str, start: int, end: int) -> tuple[str, int, int]:
    """Return the part of a long line around the caret, and the caret's start and end in it."""
    if len(line) <= _SOURCE_CELLS:
        return line, start, end
    first = max(0, start - _BEFORE_CARET)
    last = first + _SOURCE_CELLS
    before, after = "…" if first else "", "…" if last < len(line) else ""
    shift = len(before) - first
    return before + line[first:last] + after, start + shift, min(end, last) + shift


def _redact_line(line: str, start: int, end: int, redact: Redact) -> tuple[str, int, int]:
    """Return a source line without secrets and the new offsets of its characters `start` to `end`; -1 if a secret hides them."""
    # The mask has another length than the secret, so the parts are redacted on their own to find where they went. A secret
    # across a boundary is not recognised in the parts, so the check below fails and no caret is shown.
    redacted, before, span_text = redact(line), redact(line[:start]), redact(line[start:end])
    if redacted.startswith(before + span_text):
        return redacted, len(before), len(before) + len(span_text)
    return redacted, -1, -1


def _source_excerpt(source: Source, span: Span, start: int, redact: Redact) -> list[str]:
    """Return the source line and the caret line below it; only the source line if a secret hides the place."""
    first = source.text.rfind("\n", 0, start) + 1
    line = source.text[first:].split("\n", 1)[0].rstrip("\r")
    end = min(start - first + span.end - span.start, len(line))
    line, start, end = _redact_line(line, start - first, end, redact)
    if start < 0:
        return [truncate(_escape_source(line), _SOURCE_CELLS)]
    line, start, end = _window_around(line, start, end)
    return [
        _escape_source(line),
        " " * width(_escape_source(line[:start])) + "^" * max(1, width(_escape_source(line[start:end]))),
    ]


def _response_facts(error: ApiError) -> str:
    """Return the status, code and request id: `403 PERMISSION_DENIED, request id 7c9e14f0`."""
    # The API's authentication layer sends the status as its code; it is not repeated.
    status = f"{error.status} {error.code if error.code != str(error.status) else ''}".strip()
    return f"{status}, request id {error.request_id}" if error.request_id else status


def _failure_lines(error: SeveralErrors) -> Iterator[str]:
    for workspace, failure in error.failures[:_LIST_LIMIT]:
        facts = ""
        if isinstance(failure, ApiError):
            facts = f" ({_response_facts(failure)}{f', {failure.credential}' if failure.credential else ''})"
        # The API's own messages begin with the workspace, for those that are shown alone.
        yield f"  {workspace}: {failure.message.removeprefix(f'{workspace}: ')}{facts}"
    if (more := len(error.failures) - _LIST_LIMIT) > 0:
        yield f"  … and {more} more"


def _placeholder_lines(error: PlaceholderError, source: Source | None) -> Iterator[str]:
    """Yield the line of each missing placeholder, unless the only one is marked by a caret already."""
    if source is None or (len(error.missing) == 1 and error.span):
        return
    for name, offset in error.missing[:_LIST_LIMIT]:
        yield f"  {{{{ {name} }}}} on line {source.position(offset)[0]}"
    if (more := len(error.missing) - _LIST_LIMIT) > 0:
        yield f"  … and {more} more"


def _detail_lines(error: Error, source: Source | None) -> Iterator[str]:
    """Yield the facts of an error beyond its message, one per line."""
    match error:
        case ApiError():
            yield f"({_response_facts(error)})"
            yield from (f"  {detail}" for detail in error.details)
            if error.credential:
                yield f"  credential: {error.credential}"
        case SeveralErrors():
            yield from _failure_lines(error)
        case PlaceholderError():
            yield from _placeholder_lines(error, source)
        case CredentialError():
            yield from (f"  looked at: {place}" for place in error.looked_at[:_LIST_LIMIT])
        case _:
            pass


def _orphan_lines(error: Error, redact: Redact) -> Iterator[str]:
    """Yield each orphaned token and its revoke statement, which is never shortened because the user will run it."""
    match error:
        case UnknownOutcome():
            for token_id, statement in error.orphans:
                yield escape_unsafe(redact(f"token {token_id}"))
                yield escape_unsafe(redact(statement))
        case SeveralErrors():
            for _, failure in error.failures:
                yield from _orphan_lines(failure, redact)
        case _:
            pass


def _find_hint(error: Error) -> str | None:
    """Return the hint: the first one among several failures, and the error's own."""
    failures = [failure for _, failure in error.failures] if isinstance(error, SeveralErrors) else []
    first = next((failure.hint for failure in failures if failure.hint), None)
    return "; ".join(hint for hint in (first, error.hint) if hint) or None


def format_error(error: Error, source: Source | None = None, *, redact: Redact) -> list[str]:
    """Return the lines that describe an error to the user, without line ends; the last one says what to do.

    Args:
        error: the error.
        source: the statement, if there is one. An error without a span is reported at the statement's start.
        redact: removes secrets from a text.
    """
    start = _error_offset(error, source) if source else 0
    location = source.location(start) if source else ""
    lines = [_to_line(f"{location}: error: {error.message}" if location else f"error: {error.message}", redact)]
    if source and source.text and error.span:
        lines += _source_excerpt(source, error.span, start, redact)
    lines += (_to_line(line, redact) for line in _detail_lines(error, source))
    lines += _orphan_lines(error, redact)
    if hint := _find_hint(error):
        lines.append(_to_line(f"hint: {hint}", redact))
    return lines


def _error_fields(error: Error) -> dict[str, Any]:
    fields: dict[str, Any] = {"error": error.message, "type": type(error).__name__}
    match error:
        case ApiError():
            fields |= {"status": error.status, "code": error.code, "request_id": error.request_id}
            fields |= {"details": list(error.details)} if error.details else {}
            fields |= {"credential": error.credential} if error.credential else {}
        case SeveralErrors():
            fields["failures"] = [
                {"workspace": workspace, **_error_fields(failure)} for workspace, failure in error.failures
            ]
        case UnknownOutcome():
            fields["orphans"] = [{"token_id": token_id, "revoke": statement} for token_id, statement in error.orphans]
        case _:
            pass
    return fields | ({"hint": hint} if (hint := _find_hint(error)) else {})


def format_error_json(error: Error, source: Source | None = None, *, redact: Redact) -> str:
    """Return an error as one line of JSON: error, type, hint, file, line, column and the fields of its class."""
    from tokensh.render.json import to_json_line  # noqa: PLC0415 (people read text)

    fields = _error_fields(error)
    if source:
        line, column = source.position(_error_offset(error, source))
        fields |= {"file": source.name, "line": line, "column": column}
    return to_json_line(_redact_values(fields, redact))


# Only secrets are removed: nothing is shortened here, because programs read these fields.
def _redact_values(value: Any, redact: Redact) -> Any:
    match value:
        case str():
            return redact(value)
        case dict():
            return {key: _redact_values(item, redact) for key, item in value.items()}
        case list():
            return [_redact_values(item, redact) for item in value]
        case _:
            return value
