"""The question before tokens are revoked or rows are changed, which names what would be hit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tokensh._dataclasses import dataclass
from tokensh.dbapi.connection import Connection
from tokensh.errors import Error, Interrupted
from tokensh.plan.nodes import ChangePlan, ExecPlan
from tokensh.rows import Value
from tokensh.shell import dialogs
from tokensh.shell.console import Console
from tokensh.shell.progress import Spinner
from tokensh.shell.result_cache import ResultCache
from tokensh.shell.settings import Settings
from tokensh.text import elide_middle, escape_unsafe, quote_text

# Rows that a question lists; the rest are counted.
_LISTED = 10
_LONGEST_CELL = 70
_PLAIN = re.compile(r"[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class ChangeConfirmation:
    """Asks the user before a change, as the connection's callback `approve`."""

    connection: Connection
    settings: Settings
    console: Console
    results: ResultCache
    spinner: Spinner

    def approve(self, plan: ChangePlan | ExecPlan, rows: Sequence[Mapping[str, Value]]) -> None:
        """Ask before tokens are revoked, or rows changed that had to be listed. Raises Interrupted if the answer is no."""
        # `\set confirm off` is about revokes by id. Rows that a condition found are seen here first, so they always ask.
        listed = isinstance(plan, ChangePlan) and plan.filtered
        if not self.settings.confirm and not listed:
            return
        self.spinner.stop()  # the question takes its line
        verb = plan.verb.lower() if isinstance(plan, ChangePlan) else "revoke"
        verb = "revoke" if verb == "delete" and "token_id" in rows[0] else verb
        never = plan.count_never_expiring(rows) if isinstance(plan, ChangePlan) else 0
        if len(rows) == 1:
            question = f"{verb} {self._describe_row(plan, rows[0])}{', which never expires' if never else ''}?"
        else:
            for row in rows[:_LISTED]:
                self.console.note(f"  {self._describe_row(plan, row)}")
            if len(rows) > _LISTED:
                self.console.note(f"  and {len(rows) - _LISTED} more")
            if never:
                self.console.note(f"  {never} of them never {'expires' if never == 1 else 'expire'}")
            noun = "tokens" if verb == "revoke" else f"rows of {plan.resource.name}"
            question = f"{verb} these {len(rows)} {noun}?"
        asked = self.connection.environment.monotonic()
        confirmed = dialogs.confirm(question)
        self.console.user_seconds += self.connection.environment.monotonic() - asked
        if not confirmed:
            raise Interrupted("not confirmed, nothing was sent", reason="declined")
        self.spinner.resume()

    def _describe_row(self, plan: ChangePlan | ExecPlan, row: Mapping[str, Value]) -> str:
        token_id, workspace = row.get("token_id"), row.get("deployment_name")
        # What the server says is quoted, and the comment, which anybody can write, comes last: it cannot look like the rest.
        if not isinstance(token_id, str):
            return " ".join(
                f"{escape_unsafe(name)}={quote_text(str(value), _LONGEST_CELL)}" for name, value in row.items()
            )
        comment = row["comment"] if "comment" in row else self._find_comment(plan, token_id, workspace)
        label = f", comment {quote_text(str(comment), 42)}" if comment is not None else " (not in the list)"
        token = elide_middle(escape_unsafe(token_id), 15)
        token = token if _PLAIN.fullmatch(token_id) else quote_text(token, 20)
        place = str(workspace)
        place = place if _PLAIN.fullmatch(place) else quote_text(place, _LONGEST_CELL)
        return f"token {token} on {place}{label}"

    def _find_comment(self, plan: ChangePlan | ExecPlan, token_id: str, workspace: Value) -> str | None:
        """Return a token's comment, from the last listing or from the server; None if neither knows the token."""
        listed = self.results.tokens.get(token_id)
        if listed is not None and listed.workspace == workspace:
            return listed.comment
        sql = f"SELECT comment FROM {plan.resource.id} WHERE deployment_name = ? AND token_id = ?"  # noqa: S608 (names of the catalog)
        try:
            rows = list(self.connection.run(sql, (workspace, token_id)).rows)
        except Interrupted:
            raise
        except Error:  # the user can still decide by the id
            return None
        return str(rows[0][0] or "") if rows else None
