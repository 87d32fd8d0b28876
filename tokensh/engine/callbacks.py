"""The callbacks through which a statement reports what it does while it runs.

One object of them travels unchanged from the command line, the shell or a library user through the connection and the engine
to the code that sends requests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tokensh._dataclasses import dataclass
from tokensh.errors import Error, IncompleteResultWarning
from tokensh.plan.nodes import ChangePlan, ExecPlan
from tokensh.rows import Column, Row, Value

if TYPE_CHECKING:
    from tokensh.engine.destinations import NewSecret

Approve = Callable[[ChangePlan | ExecPlan, Sequence[Mapping[str, Value]]], None]
KeepValue = Callable[[tuple[Column, ...], Row], None]
DeliverValue = Callable[["NewSecret"], str]


_PACKAGE = str(Path(__file__).parents[1])


def _ignore(*_: object) -> None:
    pass


def warn_of_failure(error: Error) -> None:
    """Warn a user of the library of rows that are missing. Raises IncompleteResultWarning if warnings are errors."""
    import sys  # noqa: PLC0415 (only where rows are missing)
    import warnings  # noqa: PLC0415 (the same)

    # The line of the user's program that runs the statement, as with Python's own warnings.
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    # With a registry of its own: a loop that reads every hour is told every hour, not only the first time.
    warnings.warn_explicit(
        IncompleteResultWarning(error.message), None, frame.f_code.co_filename, frame.f_lineno, registry={}
    )


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Callbacks for the events of a connection; all optional.

    Attributes:
        approve: called with the rows that a statement deletes, or has listed in order to change them, before any is touched;
            raises an Error to refuse. Without it, changes of listed rows need `yes`.
        keep_value: called with the reply of a write whose RETURNING does not show a new secret, which it keeps for the user;
            without it, such a write is refused before it is sent.
        deliver_value: called with each new secret, which it puts where it belongs; it returns where that is, or raises an Error.
            The result shows NULL then. Without it, the value is in RETURNING.
        verifies: whether a request is signed with each new secret, once it is delivered, to see that it works.
        on_new_secret: called with each new secret before it is delivered.
        on_failure: called with the error of the workspaces that a partial result does without, or whose rows are only the
            first page; by default it becomes a Python warning. A statement that changes or keeps anything fails instead.
        on_missing: called with the same, by workspace.
        on_tolerated: called with each workspace's error; no failure of a workspace fails a query then.
        on_progress: called with the number of responses received, and of those expected.
        on_rows_done: called with the number of rows that a change has done, the number of all, and the word for it, such as
            `revoked`; a change with RETURNING gives its rows instead.
        on_activity: called with a description of the requests that are about to be sent.
        note: called with one line of text for the user.
    """

    # Those that change what a statement does are None by default; the others, which only report, ignore what they get.
    approve: Approve | None = None
    keep_value: KeepValue | None = None
    deliver_value: DeliverValue | None = None
    verifies: bool = False
    on_new_secret: Callable[[NewSecret], None] = _ignore
    on_failure: Callable[[Error], None] = warn_of_failure
    on_missing: Callable[[Mapping[str, Error]], None] = _ignore
    on_tolerated: Callable[[Mapping[str, Error]], None] | None = None
    on_progress: Callable[[int, int], None] = _ignore
    on_rows_done: Callable[[int, int, str], None] = _ignore
    on_activity: Callable[[str], None] = _ignore
    note: Callable[[str], None] = _ignore
