"""The approval of changes: a statement that has to list rows before it changes them is not sent without the user's word."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tokensh.engine.callbacks import Approve
from tokensh.errors import ProgrammingError
from tokensh.plan.nodes import ChangePlan, ExecPlan
from tokensh.rows import Value
from tokensh.text import escape_unsafe, plural, quote_text, truncate

_MAX_ROWS = 10
"""Rows that an error lists."""
_MAX_CELL = 70
"""Columns of the terminal for one value of them."""
_PLAIN = r"(?a)[\w.-]{1,70}"
"""An identifier, which needs no quotes."""


def approve_change(
    plan: ChangePlan | ExecPlan, rows: Sequence[Mapping[str, Value]], *, yes: bool, ask: Approve | None
) -> None:
    """Ask whether `rows` may be changed; return if so.

    Args:
        plan: the change.
        rows: what it is going to change.
        yes: the user has approved all changes.
        ask: asks the user, and raises an Error for a no.

    Raises ProgrammingError, which lists the rows, where the user can neither be asked nor has named the rows by their keys.
    """
    if yes or not rows:
        return
    # Rows that the statement names by their keys (WHERE token_id = '...') need no approval in a batch: the author has seen
    # them. Rows that a predicate selects are known only now.
    if ask is not None:
        ask(plan, rows)
    elif isinstance(plan, ChangePlan) and (plan.filtered or plan.verb == "REPLACE"):
        keys = [parameter.name for parameter in plan.parameters]
        listed = "; ".join(_format_row(row, keys) for row in rows[:_MAX_ROWS])
        more = f"; and {len(rows) - _MAX_ROWS} more" if len(rows) > _MAX_ROWS else ""
        raise ProgrammingError(
            f"this {plan.verb} would hit {plural(len(rows), 'row')}{_describe_never(plan, rows)}: {listed}{more}",
            hint="say --yes if that is right; nothing was changed",
            span=plan.span,
        )


def _describe_never(plan: ChangePlan, rows: Sequence[Mapping[str, Value]]) -> str:
    count = plan.count_never_expiring(rows)
    if not count or len(rows) == 1:
        return ", which never expires" if count else ""
    return f", {count} of which never {'expires' if count == 1 else 'expire'}"


def _format_row(row: Mapping[str, Value], own_keys: Sequence[str] = ()) -> str:
    # Enough to recognise a token; other resources have other columns, of which three tell them apart, after the keys.
    keys = [name for name in ("deployment_name", "token_id", "comment") if name in row]
    others = [*own_keys, *(name for name in row if name not in own_keys)][: max(3, len(own_keys))]
    names = keys if "token_id" in row else others
    # The server's texts are quoted, and a comment, which anybody can write, comes last: neither can look like another row.
    return " ".join(f"{name}={_format_value(row[name])}" for name in names)


def _format_value(value: Value) -> str:
    if not isinstance(value, str) or re.fullmatch(_PLAIN, value):
        return truncate(escape_unsafe(str(value)), _MAX_CELL)
    return quote_text(value, _MAX_CELL)
