"""Values that are known: workspaces for deployment_name, listed tokens for token_id; and which column a value is for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokensh.complete.cursor_context import NAME_KINDS, unquote_name
from tokensh.complete.model import Candidate, Facts, format_note, is_inert, redact_secrets
from tokensh.complete.outline import Outline, split_select_list
from tokensh.complete.rank import MAX_SUGGESTIONS
from tokensh.sql.lexer import Token
from tokensh.text import elide_middle

# Operators after which a value of the column before them is likely; a range (`<`) of workspaces or tokens is not.
_COMPARISONS = frozenset(("=", "==", "<>", "!=", "<=>", "LIKE", "IS"))


# Cells of an id in a menu. Comments tell tokens apart: they get the room.
_ID_CELLS = 9


# Completion sends nothing: values are those that the session has seen already (`Facts`), so that a
# keystroke never waits for the network and never spends a workspace's rate limit.
def known_values(name: str, facts: Facts, tokens: Sequence[Token], typed: str) -> list[Candidate]:
    """Return the known values of a column or parameter; `tokens` are the statement's."""
    match name.lower().removeprefix("data__"):
        case "deployment_name":
            return list(_workspace_values(facts))
        case "token_id":
            texts = {token.text[1:-1] for token in tokens if token.kind == "STRING"}
            return list(_token_values(facts, texts, typed.lower()))
        case _:
            return []


def _workspace_values(facts: Facts) -> Iterator[Candidate]:
    for name in dict.fromkeys((*facts.workspaces, *((facts.workspace,) if facts.workspace else ()))):
        if is_inert(name):
            yield Candidate(name, "value", describe_workspace(name, facts))


def describe_workspace(name: str, facts: Facts) -> str:
    """Return the note of a workspace: whether it is the default, and its profile."""
    profile = facts.profiles.get(name)
    default = "the session's default" if name == facts.workspace else None
    return format_note(default, f"profile {profile}" if profile else None) or "workspace"


def _token_values(facts: Facts, texts: set[str], typed: str) -> Iterator[Candidate]:
    # A listing may be long: only what fits gets a note. Those of a workspace that the statement names come first.
    fitting = [token for token in facts.tokens if token[0].lower().startswith(typed) or typed in token[1].lower()]
    fitting.sort(key=lambda token: (token[3] not in texts, not token[0].lower().startswith(typed)))
    for token_id, comment, expires, workspace in fitting[:MAX_SUGGESTIONS]:
        # A suggestion is typed into the statement as it is: an id that is not inert is left out rather
        # than changed.
        if is_inert(token_id):
            named = workspace in texts
            place = None if named or workspace == facts.workspace else workspace
            note = format_note(redact_secrets(comment) or "no comment", redact_secrets(expires), place)
            shown = elide_middle(token_id, _ID_CELLS)
            yield Candidate(token_id, "value", note, looseness=0, also=comment, display=shown)


def find_value_target(before: Sequence[Token], outline: Outline) -> str | None:
    """Return the column or parameter that a value at the end of `before` is for, if any."""
    if not before:
        return None
    last = before[-1]
    if last.text.upper() in _COMPARISONS and last.kind in ("OPERATOR", "NAME"):
        return _name_before_operator(before[:-1])
    if last.text in ("(", ","):
        return _in_list_column(before) or _insert_column(before, outline)
    if last.text.upper() in ("SELECT", "DISTINCT", "VALUES"):
        return _insert_column(before, outline)
    return None


def _name_before_operator(before: Sequence[Token]) -> str | None:
    """Return the name at the end, of a column or of an `@parameter`; a NOT behind it is skipped."""
    while before and before[-1].text.upper() == "NOT":
        before = before[:-1]
    if not before:
        return None
    last = before[-1]
    if last.kind == "PARAMETER":
        return last.text[1:]
    return unquote_name(last) if last.kind in NAME_KINDS else None


def _in_list_column(before: Sequence[Token]) -> str | None:
    """Return the column before `IN (`, whatever values precede in the list."""
    at = len(before) - 1
    while at >= 0 and (before[at].text == "," or before[at].kind in ("STRING", "NUMBER", "PLACEHOLDER")):
        at -= 1
    if at < 1 or before[at].text != "(" or before[at - 1].text.upper() != "IN":
        return None
    return _name_before_operator(before[: at - 1])


def _insert_column(before: Sequence[Token], outline: Outline) -> str | None:
    """Return the column of INSERT's list at the position of the value."""
    if outline.verb not in ("INSERT", "REPLACE"):
        return None
    columns = read_insert_columns(outline.tokens)
    position = _count_preceding_values(before)
    return columns[position] if position is not None and position < len(columns) else None


def _count_preceding_values(before: Sequence[Token]) -> int | None:
    """Return how many values precede in the row of VALUES, or in the select list, that is open at the end."""
    commas = depth = 0
    for token in reversed(before):
        if token.text == ")":
            depth += 1
        elif token.text == "(":
            depth -= 1
            if depth < 0:
                return commas if _opens_values_row(before[: before.index(token)]) else None
        elif token.text == "," and not depth:
            commas += 1
        elif not depth and token.text.upper() == "SELECT":
            return commas
    return None


def _opens_values_row(before: Sequence[Token]) -> bool:
    """Return True if a parenthesis after `before` opens a row of VALUES."""
    if before and before[-1].text == ",":
        return (
            any(token.text.upper() == "VALUES" for token in before) and before[-2:-1] != () and before[-2].text == ")"
        )
    return bool(before) and before[-1].text.upper() == "VALUES"


def read_insert_columns(tokens: Sequence[Token]) -> list[str]:
    """Return the names of an INSERT's list of columns, as far as it is written; parts of `a.b` and `a-b` are joined."""
    at = next((i for i, token in enumerate(tokens) if token.text == "("), None)
    words = {token.text.upper() for token in tokens[:at]}
    if at is None or words & {"SELECT", "VALUES", "WITH"}:
        return []
    names: list[str] = []
    joins = False
    for token in tokens[at + 1 :]:
        if token.text == ")" or token.text.upper() in ("SELECT", "VALUES", "WITH"):
            break
        if token.kind in NAME_KINDS:
            name = unquote_name(token)
            names[-1:] = [names[-1] + name] if joins else [*names[-1:], name]
        joins = token.text in (".", "-")
        if joins and names:
            names[-1] += token.text
    return names


def select_aliases(outline: Outline) -> list[str]:
    """Return the aliases of the select list of the cursor's query."""
    names: list[str] = []
    for item in split_select_list(outline.query_items):
        last = item[-1] if item else None
        if len(item) > 1 and isinstance(last, Token) and last.kind in NAME_KINDS:
            previous = item[-2]
            if not isinstance(previous, Token) or previous.text != ".":
                names.append(unquote_name(last))
    return names
