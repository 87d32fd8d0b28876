"""Values that are known: workspaces for deployment_name, listed tokens for token_id; and which column a value is for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokensh.complete.cursor_context import name_of
from tokensh.complete.model import Candidate, Facts, guarded, is_inert, note
from tokensh.complete.outline import Outline, selected
from tokensh.complete.rank import MOST
from tokensh.sql.lexer import Token

WORKSPACE = "deployment_name"
TOKEN = "token_id"  # noqa: S105 (a column's name)
_COMPARED = frozenset(("=", "==", "<>", "!=", "<=>", "LIKE", "IS"))
_NAMES = ("NAME", "QUOTED_NAME")


def candidates(name: str, facts: Facts, tokens: Sequence[Token], typed: str) -> list[Candidate]:
    """The values that a column or parameter of that name is known to have; `tokens` are the statement's."""
    match name.lower().removeprefix("data__"):
        case "deployment_name":
            return list(_workspaces(facts))
        case "token_id":
            return list(_tokens(facts, {t.text[1:-1] for t in tokens if t.kind == "STRING"}, typed.lower()))
        case _:
            return []


def _workspaces(facts: Facts) -> Iterator[Candidate]:
    for name in dict.fromkeys((*facts.workspaces, *((facts.workspace,) if facts.workspace else ()))):
        if is_inert(name):
            yield Candidate(name, "value", workspace_note(name, facts))


def workspace_note(name: str, facts: Facts) -> str:
    """What is known of a workspace."""
    profile = facts.profiles.get(name)
    default = "the session's default" if name == facts.workspace else None
    return note(default, f"profile {profile}" if profile else None) or "workspace"


def _tokens(facts: Facts, named: set[str], typed: str) -> Iterator[Candidate]:
    # A listing may be long: only what fits gets a note. Those of a workspace that the statement names come first.
    fitting = [one for one in facts.tokens if one[0].lower().startswith(typed) or typed in one[1].lower()]
    fitting.sort(key=lambda one: (one[3] not in named, not one[0].lower().startswith(typed)))
    for token_id, comment, expires, workspace in fitting[:MOST]:
        if is_inert(token_id):
            text = note(guarded(comment), guarded(expires), None if workspace in named else workspace)
            yield Candidate(token_id, "value", text, loose=0, also=comment)


def target(before: Sequence[Token], found: Outline) -> str | None:
    """The column or parameter that a value at the end of `before` is for, if it is for one."""
    if not before:
        return None
    last = before[-1]
    if last.text.upper() in _COMPARED and last.kind in ("OPERATOR", "NAME"):
        return _compared(before[:-1])
    if last.text in ("(", ","):
        return _of_list(before) or _of_position(before, found)
    if last.text.upper() in ("SELECT", "DISTINCT", "VALUES"):
        return _of_position(before, found)
    return None


def _compared(before: Sequence[Token]) -> str | None:
    """The name at the end: of a column, or of an `@parameter`."""
    while before and before[-1].text.upper() == "NOT":
        before = before[:-1]
    if not before:
        return None
    last = before[-1]
    if last.kind == "PARAMETER":
        return last.text[1:]
    return name_of(last) if last.kind in _NAMES else None


def _of_list(before: Sequence[Token]) -> str | None:
    """The column before `IN (`, whatever values precede in the list."""
    at = len(before) - 1
    while at >= 0 and (before[at].text == "," or before[at].kind in ("STRING", "NUMBER", "PLACEHOLDER")):
        at -= 1
    if at < 1 or before[at].text != "(" or before[at - 1].text.upper() != "IN":
        return None
    return _compared(before[: at - 1])


def _of_position(before: Sequence[Token], found: Outline) -> str | None:
    """The column of INSERT's list that stands where the value does."""
    if found.verb not in ("INSERT", "REPLACE"):
        return None
    listed = insert_columns(found.tokens)
    position = _position(before)
    return listed[position] if position is not None and position < len(listed) else None


def _position(before: Sequence[Token]) -> int | None:
    """How many values precede, in the row of VALUES or the select list that is open at the end."""
    commas = depth = 0
    for token in reversed(before):
        if token.text == ")":
            depth += 1
        elif token.text == "(":
            depth -= 1
            if depth < 0:
                opened = before.index(token)
                return commas if _is_row(before[:opened]) else None
        elif token.text == "," and not depth:
            commas += 1
        elif not depth and token.text.upper() == "SELECT":
            return commas
    return None


def _is_row(before: Sequence[Token]) -> bool:
    """Whether a parenthesis behind `before` opens a row of VALUES."""
    if before and before[-1].text == ",":
        return any(t.text.upper() == "VALUES" for t in before) and before[-2:-1] != () and before[-2].text == ")"
    return bool(before) and before[-1].text.upper() == "VALUES"


def insert_columns(tokens: Sequence[Token]) -> list[str]:
    """The names of an INSERT's list of columns, as far as it is written."""
    at = next((i for i, t in enumerate(tokens) if t.text == "("), None)
    words = {t.text.upper() for t in tokens[:at]}
    if at is None or words & {"SELECT", "VALUES", "WITH"}:
        return []
    found: list[str] = []
    joined = False
    for token in tokens[at + 1 :]:
        if token.text == ")" or token.text.upper() in ("SELECT", "VALUES", "WITH"):
            break
        if token.kind in _NAMES:
            name = name_of(token)
            found[-1:] = [found[-1] + name] if joined else [*found[-1:], name]
        joined = token.text in (".", "-")
        if joined and found:
            found[-1] += token.text
    return found


def selected_names(found: Outline) -> list[str]:
    """The aliases of the query's own select list."""
    names: list[str] = []
    for item in selected(found.here):
        last = item[-1] if item else None
        if len(item) > 1 and isinstance(last, Token) and last.kind in _NAMES:
            previous = item[-2]
            if not isinstance(previous, Token) or previous.text != ".":
                names.append(name_of(last))
    return names
