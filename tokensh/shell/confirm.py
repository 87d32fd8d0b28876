"""The question before tokens are revoked or rows are changed: what exactly would be hit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tokensh.errors import Error, Interrupted
from tokensh.plan.nodes import ChangePlan, ExecPlan
from tokensh.rows import Value
from tokensh.shell import dialogs
from tokensh.text import elide_middle, escape_unsafe, truncate

if TYPE_CHECKING:
    from tokensh.shell.session import Session

_ASKED = 10
"""Rows that a question before a change shows."""


def approve(session: Session, plan: ChangePlan | ExecPlan, rows: Sequence[Mapping[str, Value]]) -> None:
    """Ask before tokens are revoked, or rows changed that had to be listed. Raises Interrupted if the answer is no."""
    listed = isinstance(plan, ChangePlan) and plan.filtered
    if not session.settings.confirm and not listed:
        return
    session.runner.spinner.stop()
    verb = plan.verb.lower() if isinstance(plan, ChangePlan) else "revoke"
    verb = "revoke" if verb == "delete" and "token_id" in rows[0] else verb
    if len(rows) == 1:
        question = f"{verb} {_described(session, plan, rows[0])}?"
    else:
        for row in rows[:_ASKED]:
            session.note(f"  {_described(session, plan, row)}")
        if len(rows) > _ASKED:
            session.note(f"  and {len(rows) - _ASKED} more")
        question = f"{verb} these {len(rows)} rows of {plan.resource.name}?"
    if not dialogs.yes(question):
        raise Interrupted("not confirmed, nothing was sent")
    session.runner.spinner.go_on()


def _described(session: Session, plan: ChangePlan | ExecPlan, row: Mapping[str, Value]) -> str:
    token_id, where = row.get("token_id"), row.get("deployment_name")
    if not isinstance(token_id, str):
        return escape_unsafe(" ".join(f"{name}={value!s}" for name, value in row.items()))
    comment = row.get("comment", _comment(session, plan, token_id, where))
    named = f' "{truncate(escape_unsafe(str(comment)), 40)}"' if comment is not None else " (not in the list)"
    return f"token {elide_middle(escape_unsafe(token_id), 15)}{named} on {escape_unsafe(str(where))}"


def _comment(session: Session, plan: ChangePlan | ExecPlan, token_id: str, where: Value) -> str | None:
    """A token's comment: as the last listing had it, else asked for. None: there is no such token, or no answer."""
    known = session.seen.tokens.get(token_id)
    if known is not None and known.workspace == where:
        return known.comment
    sql = f"SELECT comment FROM {plan.resource.id} WHERE deployment_name = ? AND token_id = ?"  # noqa: S608 (names of the catalog)
    try:
        rows = list(session.connection.run(sql, (where, token_id)).rows)
    except Interrupted:
        raise
    except Error:
        return None
    return str(rows[0][0] or "") if rows else None
