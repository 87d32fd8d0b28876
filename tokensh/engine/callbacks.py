"""The callbacks through which a statement reports what it does while it runs.

One object of them travels unchanged from the command line, the shell or a library user through the connection and the engine
to the code that sends requests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tokensh._dataclasses import dataclass
from tokensh.errors import Error
from tokensh.plan.nodes import ChangePlan, ExecPlan
from tokensh.rows import Value

Approve = Callable[[ChangePlan | ExecPlan, Sequence[Mapping[str, Value]]], None]


def _ignore(*_: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Callbacks for the events of a connection; all optional.

    Attributes:
        approve: called with the rows that a statement deletes, or has listed in order to change them, before any is touched;
            raises an Error to refuse. Without it, changes of listed rows need `yes`.
        on_failure: called with the error of the workspaces that a partial result does without.
        on_tolerated: called with each workspace's error; no failure of a workspace fails the statement then.
        on_progress: called with the number of responses received, and of those expected.
        on_activity: called with a description of the requests that are about to be sent.
        note: called with one line of text for the user.
    """

    # The two that change what a statement does are None by default; the others, which only report, ignore what they get.
    approve: Approve | None = None
    on_failure: Callable[[Error], None] = _ignore
    on_tolerated: Callable[[Mapping[str, Error]], None] | None = None
    on_progress: Callable[[int, int], None] = _ignore
    on_activity: Callable[[str], None] = _ignore
    note: Callable[[str], None] = _ignore
