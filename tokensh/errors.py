"""Every error tokensh raises: the PEP 249 tree, with leaves that carry data instead of only text.

    Error                       message, hint, span
    ├── InterfaceError          the way tokensh was called: options, configuration, credentials, placeholders (exit status 2)
    └── DatabaseError           a statement failed (exit status 1)
        ├── ProgrammingError    the statement is wrong: syntax, names, parameters, values
        ├── OperationalError    the world said no: network, API, disk
        ├── DataError           a value does not fit its type
        ├── NotSupportedError   understood, but not offered
        └── InternalError       a provider document, or tokensh itself, is broken

An error knows its message (one line: what), its hint (one line: what to do), and, where it concerns statement text, the
span of that text. `render.errors` turns it into the lines a person reads; `cli` turns it into an exit status.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple, NoReturn
else:
    from collections import namedtuple

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNKNOWN_OUTCOME = 4
EXIT_INTERRUPTED = 130


if TYPE_CHECKING:

    class Span(NamedTuple):
        """Characters `start` to `end` (exclusive, offsets) of one statement's text."""

        start: int
        end: int
else:
    Span = namedtuple("Span", ("start", "end"))  # the same, without typing: `--help` does without it


def assert_never(value: NoReturn) -> NoReturn:
    """Close a `match` that covers a whole union (`typing.assert_never` needs Python 3.11)."""
    raise AssertionError(f"not covered: {value!r}")


class Warning(Exception):  # noqa: A001 (the name PEP 249 prescribes)
    """A notice important enough to be an exception (PEP 249); tokensh raises none."""


class Error(Exception):
    """The root of the tree: `message`, an optional `hint`, an optional `span` of the statement."""

    exit_status = EXIT_FAILED

    def __init__(self, message: str, *, hint: str | None = None, span: Span | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.span = span
        if hint:
            self.__notes__ = [f"hint: {hint}"]  # which a traceback of Python 3.11 or newer ends with

    def __str__(self) -> str:
        return self.message


class InterfaceError(Error):
    """tokensh was called wrongly: options, configuration, a connection that is closed."""

    exit_status = EXIT_USAGE


class CredentialError(InterfaceError):
    """No credential may be used for the host; `looked_at` names the sources that were tried."""

    def __init__(self, message: str, *, looked_at: tuple[str, ...] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.looked_at = looked_at


class PlaceholderError(InterfaceError):
    """Placeholders without a usable value; `missing` pairs each name with the offset of its first use."""

    def __init__(
        self,
        message: str,
        *,
        missing: tuple[tuple[str, int], ...] = (),
        hint: str | None = None,
        span: Span | None = None,
    ) -> None:
        super().__init__(message, hint=hint, span=span)
        self.missing = missing


class DatabaseError(Error):
    """A statement failed."""


class ProgrammingError(DatabaseError):
    """The statement is wrong; nothing was sent."""


class SqlSyntaxError(ProgrammingError):
    """The text is no statement; `expected` holds the words that could have stood at `span`."""

    def __init__(
        self, message: str, *, span: Span | None = None, expected: tuple[str, ...] = (), hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint, span=span)
        self.expected = expected


class UnknownName(ProgrammingError):
    """A name that resolves to nothing; `near` is the nearest one that would."""

    def __init__(
        self, kind: str, name: str, *, near: str | None = None, span: Span | None = None, hint: str | None = None
    ) -> None:
        super().__init__(
            f"unknown {kind} {name!r}", hint=hint or (f"did you mean {near!r}?" if near else None), span=span
        )
        self.kind = kind
        self.name = name
        self.near = near


class MissingParameter(ProgrammingError):
    """Required parameters whose values cannot be worked out from the statement."""

    def __init__(
        self, message: str, *, names: tuple[str, ...], hint: str | None = None, span: Span | None = None
    ) -> None:
        super().__init__(message, hint=hint, span=span)
        self.names = names


class HostError(ProgrammingError):
    """A deployment_name that is no place a credential may be sent to (design: the host rule)."""


class DataError(DatabaseError):
    """A value does not fit its type; `path` is the JSON path of a value that came from the API."""

    def __init__(
        self, message: str, *, path: str | None = None, hint: str | None = None, span: Span | None = None
    ) -> None:
        super().__init__(message, hint=hint, span=span)
        self.path = path


class IntegrityError(DatabaseError):
    """PEP 249 asks for it; raised where the local store refuses a row."""


class OperationalError(DatabaseError):
    """The world outside said no."""


class NetworkError(OperationalError):
    """No complete answer came back; `sent` tells whether the request may have reached the server."""

    def __init__(self, message: str, *, sent: bool = False, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.sent = sent


class ApiError(OperationalError):
    """The API answered with an error: HTTP `status`, its `code` (always text), the request's id if it gave one.

    `credential` is where the credential came from that was refused; `details` are lines that the API adds to its message.
    """

    def __init__(  # noqa: PLR0913 (what an answer says of itself)
        self,
        message: str,
        *,
        status: int,
        code: str = "",
        request_id: str = "",
        details: tuple[str, ...] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.details = details
        self.credential = ""


class ReplyError(OperationalError):
    """The API answered with something that is not what its document says (`path`: JSON path)."""

    def __init__(self, message: str, *, path: str = "$", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = path


class SeveralErrors(OperationalError):
    """Several workspaces failed; `failures` pairs each workspace with its error."""

    def __init__(self, message: str, *, failures: tuple[tuple[str, Error], ...], hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.failures = failures


class UnknownOutcome(OperationalError):
    """A write that may have taken effect, or did and could not be delivered (exit status 4).

    `orphans` pairs the token ids that nobody holds the value of with the statements that revoke them.
    """

    exit_status = EXIT_UNKNOWN_OUTCOME

    def __init__(self, message: str, *, orphans: tuple[tuple[str, str], ...] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.orphans = orphans


class OutputError(OperationalError):
    """A result could not be written out (closed pipe, full disk)."""


class ReaderGone(OutputError):
    """Whoever read the output has gone away: nothing to tell anybody, as long as nothing is lost."""


class Interrupted(OperationalError):
    """The person pressed Ctrl-C while a statement ran."""

    exit_status = EXIT_INTERRUPTED


class NotSupportedError(DatabaseError):
    """Understood, but not offered; the hint says what to do instead."""


class InternalError(DatabaseError):
    """tokensh or something it ships is broken."""


class ProviderDocumentError(InternalError):
    """A provider document cannot be read; the message names the file and the place in it."""
