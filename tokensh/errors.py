"""Define every error that tokensh raises: the PEP 249 tree, with leaves that carry data instead of only text.

    Error                       message, hint, span
    ├── InterfaceError          wrong use of tokensh: options, configuration, credentials, placeholders (exit status 2)
    └── DatabaseError           a statement failed (exit status 1)
        ├── ProgrammingError    the statement is wrong: syntax, names, parameters, values
        ├── OperationalError    the outside world failed: network, API, disk
        ├── DataError           a value does not fit its type
        ├── NotSupportedError   understood, but not offered
        └── InternalError       a provider document, or tokensh itself, is broken

An error has a message (one line: what is wrong), a hint (one line: what to do) and, where it concerns the text of a
statement, the span of that text. `render.errors` turns it into the lines that a user reads; `cli` turns it into an exit
status.

Errors are values. Their fields cannot be assigned: code on the way up that knows more raises a copy,
`raise error.with_context(hint=...) from error.__cause__`. So `str`, `repr`, `args` and the notes of a traceback, which
Python and its tools take from different places, cannot disagree, and an error that is kept (for several workspaces, for
a second caller) does not change under its keeper. Code decides by class and fields, never by the text of a message.

Errors are copied and pickled by their fields, not by `args` as Python's own are: a constructor may require any
parameters, and an error still reaches the parent of a process pool, which otherwise breaks for good.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal, NamedTuple, NoReturn, TypeVar

    from typing_extensions import Self

    E = TypeVar("E", bound="Error")
    InterruptReason = Literal["stopped", "declined", "finished", "unwritten", "unanswered"]
    OrphanedToken = tuple[str, str]
    """The id of a token whose value is lost, and the statement that revokes it."""
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
    Span = namedtuple("Span", ("start", "end"))  # the same without `typing`, whose import `--help` does not need


def assert_never(value: NoReturn) -> NoReturn:
    """Close a `match` that covers a whole union (`typing.assert_never` needs Python 3.11)."""
    raise AssertionError(f"not covered: {value!r}")


class Warning(Exception):  # noqa: A001 (the name PEP 249 prescribes)
    """A notice important enough to be an exception (PEP 249)."""


class IncompleteResultWarning(Warning, UserWarning):
    """Rows are missing from a result: the category of the warning that users of the library get; `-W error` raises it."""


# What Python, contextlib and the tracebacks of libraries assign to a raised exception; attrs allows its frozen
# exceptions the same five.
_ASSIGNABLE = frozenset(("__cause__", "__context__", "__notes__", "__suppress_context__", "__traceback__"))

# The default of with_context's parameters: None is a value there, which removes a hint or a span.
_UNCHANGED: Any = object()


class Error(Exception):
    """The root of the tree: `message`, an optional `hint`, an optional `span` of the statement."""

    exit_status = EXIT_FAILED

    message: str
    hint: str | None
    span: Span | None

    def __init__(self, message: str, *, hint: str | None = None, span: Span | None = None) -> None:
        super().__init__(message)
        self._set_fields(message=message, hint=hint, span=span)
        if hint:
            # Without it, a traceback outside of the shell would end without saying what to do.
            self.__notes__ = [_hint_note(hint)]

    def _set_fields(self, **fields: object) -> None:
        """Set what a constructor was called with; only constructors call this."""
        vars(self).update(fields)

    def with_context(
        self,
        *,
        message: str = _UNCHANGED,
        hint: str | None = _UNCHANGED,
        span: Span | None = _UNCHANGED,
        **fields: object,
    ) -> Self:
        """Return a copy with some fields changed; cause, traceback and notes are the same but for the hint's note.

        Args:
            message: the new message; without it, the old one stays, as with the others.
            hint: the new hint, None for no hint.
            span: the new span, None for no span.
            fields: fields that the error's class adds.

        Raises TypeError for a field that the class does not have.
        """
        every = {"message": message, "hint": hint, "span": span, **fields}
        changes = {name: value for name, value in every.items() if value is not _UNCHANGED}
        if unknown := changes.keys() - vars(self).keys():
            raise TypeError(f"{type(self).__name__} has no field {min(unknown)!r}")
        copied = _from_fields(type(self), {**vars(self), **changes}, self.__cause__)
        notes = [note for note in getattr(self, "__notes__", ()) if not self.hint or note != _hint_note(self.hint)]
        if copied.hint:
            notes.insert(0, _hint_note(copied.hint))
        if notes or hasattr(self, "__notes__"):
            copied.__notes__ = notes
        # In this order: assigning __cause__ sets __suppress_context__.
        copied.__context__ = self.__context__
        copied.__suppress_context__ = self.__suppress_context__
        return copied.with_traceback(self.__traceback__)

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _ASSIGNABLE:
            raise AttributeError(
                f"{type(self).__name__}.{name} cannot be assigned: with_context() makes a changed copy"
            )
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        if name not in _ASSIGNABLE:
            raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted")
        super().__delattr__(name)

    def __str__(self) -> str:
        return self.message

    def __copy__(self) -> Self:
        return self.with_context()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # Fields are immutable values, so that a deep copy may share them.
        return self.with_context()

    def __reduce__(self) -> tuple[Any, ...]:
        # IPython's hook in an error (`_render_traceback_`) is a closure, which cannot be pickled.
        fields = {name: value for name, value in vars(self).items() if name == "__notes__" or not name.startswith("_")}
        return _from_fields, (type(self), fields, _picklable_cause(self.__cause__))


def _hint_note(hint: str) -> str:
    """Return the note by which a traceback (Python 3.11 or newer) ends with the hint."""
    return f"hint: {hint}"


def _from_fields(kind: type[E], fields: Mapping[str, Any], cause: BaseException | None) -> E:
    """Make an error from its fields, whatever its constructor requires."""
    error = kind.__new__(kind, fields["message"])  # BaseException.__new__ sets args
    vars(error).update(fields)
    if cause is not None:
        error.__cause__ = cause
    return error


def _picklable_cause(cause: BaseException | None) -> BaseException | None:
    """Return a cause that can surely be pickled, else None: an error without its cause is better than a broken process pool.

    Whether another library's exception can be pickled shows only by doing it, and this program unpickles nothing.
    """
    if cause is None or isinstance(cause, Error):
        return cause
    plain_values = all(isinstance(value, str | bytes | int | float | None) for value in cause.args)
    is_plain = type(cause).__module__ == "builtins" and plain_values and vars(cause).keys() <= {"__notes__"}
    return cause if is_plain else None


class InterfaceError(Error):
    """tokensh was used wrongly: options, configuration, a closed connection."""

    exit_status = EXIT_USAGE


class ConnectionClosed(InterfaceError):
    """The connection was used after it was closed."""


class CredentialError(InterfaceError):
    """A credential is missing or unusable for the host; `looked_at` names the sources that were tried."""

    looked_at: tuple[str, ...]

    def __init__(self, message: str, *, looked_at: tuple[str, ...] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self._set_fields(looked_at=looked_at)


class PlaceholderError(InterfaceError):
    """Placeholders have no usable value; `missing` pairs each name with the offset of its first use."""

    missing: tuple[tuple[str, int], ...]

    def __init__(
        self,
        message: str,
        *,
        missing: tuple[tuple[str, int], ...] = (),
        hint: str | None = None,
        span: Span | None = None,
    ) -> None:
        super().__init__(message, hint=hint, span=span)
        self._set_fields(missing=missing)


class DatabaseError(Error):
    """A statement failed."""


class ProgrammingError(DatabaseError):
    """The statement is wrong; nothing was sent."""


class SqlSyntaxError(ProgrammingError):
    """The text is not a statement; `expected` holds the words that could have come at `span`."""

    expected: tuple[str, ...]

    def __init__(
        self, message: str, *, span: Span | None = None, expected: tuple[str, ...] = (), hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint, span=span)
        self._set_fields(expected=expected)


class UnknownName(ProgrammingError):
    """A `name` of a `kind` that does not exist; `near` is the most similar one that does."""

    kind: str
    name: str
    near: str | None

    def __init__(
        self, kind: str, name: str, *, near: str | None = None, span: Span | None = None, hint: str | None = None
    ) -> None:
        super().__init__(
            f"unknown {kind} {name!r}", hint=hint or (f"did you mean {near!r}?" if near else None), span=span
        )
        self._set_fields(kind=kind, name=name, near=near)


class MissingParameter(ProgrammingError):
    """Required parameters (`names`) have values that cannot be worked out from the statement."""

    names: tuple[str, ...]

    def __init__(
        self, message: str, *, names: tuple[str, ...], hint: str | None = None, span: Span | None = None
    ) -> None:
        super().__init__(message, hint=hint, span=span)
        self._set_fields(names=names)


class QueryRefused(ProgrammingError):
    """SQLite refused a query; `culprit` is the kind of node that it is about, and a name if it has one ("call substr")."""

    culprit: str

    def __init__(self, message: str, *, culprit: str, hint: str | None = None, span: Span | None = None) -> None:
        super().__init__(message, hint=hint, span=span)
        self._set_fields(culprit=culprit)


class HostError(ProgrammingError):
    """A deployment_name does not name a host that a credential may be sent to (design: the host rule)."""


class DataError(DatabaseError):
    """A value does not fit its type; `path` is the JSON path of a value that came from the API."""

    path: str | None

    def __init__(
        self, message: str, *, path: str | None = None, hint: str | None = None, span: Span | None = None
    ) -> None:
        super().__init__(message, hint=hint, span=span)
        self._set_fields(path=path)


class EvaluationError(DataError):
    """A value stopped a query while it ran; `culprit` is what QueryRefused has.

    `arguments` are the hashes of a call's values, which tell it from other calls of its function: an error keeps no secrets.
    """

    culprit: str
    arguments: tuple[int, ...]

    def __init__(
        self,
        message: str,
        *,
        culprit: str,
        arguments: tuple[int, ...] = (),
        hint: str | None = None,
        span: Span | None = None,
    ) -> None:
        super().__init__(message, hint=hint, span=span)
        self._set_fields(culprit=culprit, arguments=arguments)


class IntegrityError(DatabaseError):
    """The local store refused a row (PEP 249)."""


class OperationalError(DatabaseError):
    """Something outside of tokensh failed."""


class NetworkError(OperationalError):
    """No complete answer came back; `sent` is True if the request may have reached the server."""

    sent: bool

    def __init__(self, message: str, *, sent: bool = False, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self._set_fields(sent=sent)


class ApiError(OperationalError):
    """The API answered with an error: HTTP `status`, its `code` (always text), the request's id if it gave one.

    `retry_after` is the text of that header; `credential` is the source of the credential that was refused; `details` are lines that the API adds to its message.
    """

    status: int
    code: str
    request_id: str
    details: tuple[str, ...]
    credential: str
    retry_after: str

    def __init__(  # noqa: PLR0913 (what an answer says of itself)
        self,
        message: str,
        *,
        status: int,
        code: str = "",
        request_id: str = "",
        details: tuple[str, ...] = (),
        credential: str = "",
        retry_after: str = "",
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self._set_fields(
            status=status,
            code=code,
            request_id=request_id,
            details=details,
            credential=credential,
            retry_after=retry_after,
        )


class ReplyError(OperationalError):
    """The API's answer is not what its document says (`path`: JSON path)."""

    path: str

    def __init__(self, message: str, *, path: str = "$", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self._set_fields(path=path)


class SeveralErrors(OperationalError):
    """Several workspaces failed; `failures` pairs each workspace with its error."""

    failures: tuple[tuple[str, Error], ...]

    def __init__(self, message: str, *, failures: tuple[tuple[str, Error], ...], hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self._set_fields(failures=failures)


class UnknownOutcome(OperationalError):
    """A write may have taken effect, or did and its result could not be delivered (exit status 4).

    `orphans` pairs the id of each token whose value is lost with the statement that revokes it.
    """

    exit_status = EXIT_UNKNOWN_OUTCOME

    orphans: tuple[OrphanedToken, ...]

    def __init__(self, message: str, *, orphans: tuple[OrphanedToken, ...] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self._set_fields(orphans=orphans)


class OutputError(OperationalError):
    """A result could not be written out (closed pipe, full disk)."""


class OutputClosed(OutputError):
    """The reader of the output has closed it; not reported, as long as nothing is lost."""


class Interrupted(OperationalError):
    """The user pressed Ctrl-C while a statement ran, or did not confirm it.

    `reason` is "stopped" (before anything happened), "declined" (not confirmed), "finished" (the statement was done before
    it could stop), "unwritten" (while its result was written) or "unanswered" (a write was sent and may take effect).
    """

    exit_status = EXIT_INTERRUPTED

    reason: InterruptReason

    def __init__(
        self, message: str = "interrupted", *, reason: InterruptReason = "stopped", hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self._set_fields(reason=reason)


class NotSupportedError(DatabaseError):
    """Understood, but not offered; the hint says what to do instead."""


class InternalError(DatabaseError):
    """tokensh or something it ships is broken."""


def describe_mistake(error: BaseException) -> InternalError:
    """Return the error for a bug of tokensh: it names the place in the program, never the values, which may be secret."""
    # Neither the message nor a traceback: both may quote what was being worked on, a token's value for example.
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f" at {trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""
    return InternalError(
        f"tokensh made a mistake: {type(error).__name__}{place}",
        hint="please report it, with the statement; look with SELECT before you repeat a write",
    )


class ProviderDocumentError(InternalError):
    """A provider document cannot be read; the message names the file and the place in it."""
