"""An error as the lines that a person reads, or as one line of JSON.

    FILE:LINE:COL: error: what went wrong
    the source line
        ^^^^ the place in it
    hint: what to do

Every text may have come from an API or a file: secrets are taken out of it and it is made inert before it is shown.
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
from tokensh.render.json import to_json_line
from tokensh.text import escape_unsafe, truncate, width

_LONGEST_MESSAGE = 2000
"""Cells: a server's message may have any length."""
_LIST_LIMIT = 10
_SOURCE_CELLS = 150
_BEFORE_CARET = 60
_TAB = " " * 4

Redact = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a statement came from: `name` is `-c`, `<stdin>` or a file, empty in the shell.

    `line` and `column` count from 1 and are those of the statement's first character in its file.
    """

    name: str
    text: str
    line: int = 1
    column: int = 1

    def position(self, offset: int) -> tuple[int, int]:
        """The line and the column in the file, both from 1, of a character of the statement."""
        before = self.text[:offset]
        lines = before.count("\n")
        inside = offset - (before.rfind("\n") + 1)
        return self.line + lines, inside + (self.column if not lines else 1)

    def place(self, offset: int) -> str:
        """`FILE:LINE:COL`, or nothing in the shell, where the statement is still to be seen."""
        line, column = self.position(offset)
        return f"{self.name}:{line}:{column}" if self.name else ""


def _to_line(text: str, redact: Redact) -> str:
    return truncate(escape_unsafe(redact(text)), _LONGEST_MESSAGE)


def _escape_source(line: str) -> str:
    """A source line with blanks for its tabs, so that the caret below it stands where it does on any terminal."""
    return escape_unsafe(line.replace("\t", _TAB))


def _error_offset(error: Error, source: Source) -> int:
    """The offset of what is wrong; where the text ended too early, that is after its last word."""
    return min(error.span.start, len(source.text.rstrip())) if error.span else 0


def _window_around(line: str, start: int, end: int) -> tuple[str, int, int]:
    """The part of a long line around the caret, and the caret in it."""
    if len(line) <= _SOURCE_CELLS:
        return line, start, end
    first = max(0, start - _BEFORE_CARET)
    last = first + _SOURCE_CELLS
    before, after = "…" if first else "", "…" if last < len(line) else ""
    shift = len(before) - first
    return before + line[first:last] + after, start + shift, min(end, last) + shift


def _redact_line(line: str, start: int, end: int, redact: Redact) -> tuple[str, int, int]:
    """A source line without secrets, and where its characters `start` to `end` are then; -1 if a secret hides that."""
    cleaned, before, marked = redact(line), redact(line[:start]), redact(line[start:end])
    if cleaned.startswith(before + marked):
        return cleaned, len(before), len(before) + len(marked)
    return cleaned, -1, -1


def _source_excerpt(source: Source, span: Span, start: int, redact: Redact) -> list[str]:
    """The source line, and below it the caret line."""
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
    """`403 PERMISSION_DENIED, request id ..`."""
    # The authentication layer's code is the status, as a number or as text.
    status = f"{error.status} {error.code if error.code != str(error.status) else ''}".strip()
    return f"{status}, request id {error.request_id}" if error.request_id else status


def _failure_lines(error: SeveralErrors) -> Iterator[str]:
    for workspace, failure in error.failures[:_LIST_LIMIT]:
        facts = ""
        if isinstance(failure, ApiError):
            facts = f" ({_response_facts(failure)}{f', {failure.credential}' if failure.credential else ''})"
        yield f"  {workspace}: {failure.message}{facts}"
    if (more := len(error.failures) - _LIST_LIMIT) > 0:
        yield f"  … and {more} more"


def _placeholder_lines(error: PlaceholderError, source: Source | None) -> Iterator[str]:
    """Where each placeholder stands, unless the one there is has its caret already."""
    if source is None or (len(error.missing) == 1 and error.span):
        return
    for name, offset in error.missing[:_LIST_LIMIT]:
        yield f"  {{{{ {name} }}}} on line {source.position(offset)[0]}"
    if (more := len(error.missing) - _LIST_LIMIT) > 0:
        yield f"  … and {more} more"


def _detail_lines(error: Error, source: Source | None) -> Iterator[str]:
    """What an error knows beyond its message, a line each."""
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
    """Each token that nobody holds, and its revoke statement: never shortened, for it is to be run."""
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


def _combined_hint(error: Error) -> str | None:
    """What to do: the first advice that one of several failures has, and the error's own."""
    failures = [failure for _, failure in error.failures] if isinstance(error, SeveralErrors) else []
    first = next((one.hint for one in failures if one.hint), None)
    return "; ".join(one for one in (first, error.hint) if one) or None


def format_error(error: Error, source: Source | None = None, *, redact: Redact) -> list[str]:
    """The lines that tell a person of an error, without line ends; the last one says what to do.

    Args:
        error: What was raised.
        source: The statement it concerns, if there is one. An error without a span is placed at the statement's start.
        redact: Takes secrets out of a text.
    """
    start = _error_offset(error, source) if source else 0
    place = source.place(start) if source else ""
    lines = [_to_line(f"{place}: error: {error.message}" if place else f"error: {error.message}", redact)]
    if source and error.span:
        lines += _source_excerpt(source, error.span, start, redact)
    lines += (_to_line(line, redact) for line in _detail_lines(error, source))
    lines += _orphan_lines(error, redact)
    if hint := _combined_hint(error):
        lines.append(_to_line(f"hint: {hint}", redact))
    return lines


def _error_fields(error: Error) -> dict[str, Any]:
    found: dict[str, Any] = {"error": error.message, "type": type(error).__name__}
    match error:
        case ApiError():
            found |= {"status": error.status, "code": error.code, "request_id": error.request_id}
            found |= {"details": list(error.details)} if error.details else {}
            found |= {"credential": error.credential} if error.credential else {}
        case SeveralErrors():
            found["failures"] = [{"workspace": workspace, **_error_fields(one)} for workspace, one in error.failures]
        case UnknownOutcome():
            found["orphans"] = [{"token_id": token_id, "revoke": statement} for token_id, statement in error.orphans]
        case _:
            pass
    return found | ({"hint": hint} if (hint := _combined_hint(error)) else {})


def format_error_json(error: Error, source: Source | None = None, *, redact: Redact) -> str:
    """An error as one line of JSON, for programs: error, type, hint, file, line, column and what its class knows."""
    found = _error_fields(error)
    if source:
        line, column = source.position(_error_offset(error, source))
        found |= {"file": source.name, "line": line, "column": column}
    return to_json_line(_redact_values(found, redact))


def _redact_values(value: Any, redact: Redact) -> Any:
    match value:
        case str():
            return redact(value)
        case dict():
            return {key: _redact_values(one, redact) for key, one in value.items()}
        case list():
            return [_redact_values(one, redact) for one in value]
        case _:
            return value
