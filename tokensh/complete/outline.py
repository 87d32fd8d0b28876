"""A statement's outline from its tokens alone: queries in parentheses, their tables, what is bound; whatever is missing.

The parser cannot serve here: a statement is mostly unfinished while it is typed, and what stands to the right of the cursor
counts as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokensh._dataclasses import dataclass, field
from tokensh.complete.cursor_context import name_of
from tokensh.sql.lexer import Token

_QUERIES = frozenset(("SELECT", "WITH", "VALUES"))
_SET_OPERATORS = frozenset(("UNION", "INTERSECT", "EXCEPT"))
_TABLES = frozenset(("FROM", "JOIN", "INTO", "UPDATE"))
_NO_TABLES = frozenset(
    ("WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "WINDOW", "SET", "VALUES", "RETURNING", "SELECT", "ON", "USING")
)
_NO_ALIAS = (
    _SET_OPERATORS
    | _TABLES
    | _NO_TABLES
    | frozenset(("LEFT", "RIGHT", "INNER", "CROSS", "FULL", "NATURAL", "OUTER", "STRAIGHT_JOIN", "AND", "OR", "FOR"))
)
_CLAUSES = _NO_TABLES | _TABLES
_NAMES = ("NAME", "QUOTED_NAME")


@dataclass(slots=True, eq=False)
class Group:
    """What stands in parentheses; the statement itself is one without."""

    parent: Group | None
    opening: Token | None
    items: list[Token | Group] = field(default_factory=list)
    closing: Token | None = None

    @property
    def is_query(self) -> bool:
        """Whether a query of its own stands in it."""
        if self.parent is None:
            return True
        first = self.items[0] if self.items else None
        return isinstance(first, Token) and first.text.upper() in _QUERIES


Item = Token | Group


@dataclass(frozen=True, slots=True)
class Relation:
    """A table of a FROM clause: a named one, a query, or a table function."""

    path: tuple[str, ...]
    alias: str = ""
    query: Group | None = None
    is_function: bool = False

    def is_called(self, qualifier: tuple[str, ...]) -> bool:
        """Whether these names, in lower case, may stand before its columns."""
        if self.alias:
            return qualifier == (self.alias.lower(),)
        path = tuple(part.lower() for part in self.path)
        return bool(qualifier) and path[-len(qualifier) :] == qualifier


@dataclass(frozen=True, slots=True)
class Cte:
    """A query of WITH, and the names given to its columns."""

    columns: tuple[str, ...]
    query: Group


@dataclass(frozen=True, slots=True)
class Mention:
    """A column that is compared: its qualifier and name in lower case, and the column it is set equal to, if it is one."""

    qualifier: tuple[str, ...]
    name: str
    other: tuple[tuple[str, ...], str] | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    """The outline as the cursor sees it: its own query, the queries around it, and the names of WITH."""

    verb: str
    clause: str
    here: tuple[Item, ...]
    relations: tuple[Relation, ...]
    outer: tuple[Relation, ...]
    ctes: dict[str, Cte]
    target: tuple[str, ...]
    tokens: tuple[Token, ...]


def build_outline(before: Sequence[Token], after: Sequence[Token]) -> Outline:
    """The outline of a statement."""
    root, here = _grouped(before, after)
    cursor = before[-1].end if before else 0
    queries = list(_queries_around(here))
    arms = [_arm(query, cursor) for query in queries]
    relations = [tuple(_relations(arm)) for arm in arms]
    ctes: dict[str, Cte] = {}
    for query in reversed(queries):
        ctes |= _ctes(query)
    everything = (*before, *after)
    return Outline(
        verb=_verb(root),
        clause=_clause(before),
        here=arms[0],
        relations=relations[0],
        outer=tuple(one for each in relations[1:] for one in each),
        ctes=ctes,
        target=_target(everything),
        tokens=everything,
    )


def _grouped(before: Sequence[Token], after: Sequence[Token]) -> tuple[Group, Group]:
    """The groups, and the one that holds the cursor."""
    root = Group(None, None)
    here = _fill(root, before)
    _fill(here, after)
    return root, here


def _fill(group: Group, found: Sequence[Token]) -> Group:
    for token in found:
        if token.text == "(" and token.kind == "OPERATOR":
            inner = Group(group, token)
            group.items.append(inner)
            group = inner
        elif token.text == ")" and token.kind == "OPERATOR":
            group.closing = token
            group = group.parent or group
        else:
            group.items.append(token)
    return group


def _queries_around(group: Group | None) -> Iterator[Group]:
    while group is not None:
        if group.is_query:
            yield group
        group = group.parent


def _arm(query: Group, cursor: int) -> tuple[Item, ...]:
    """The part of a query between set operators that holds the cursor, groups without a query of their own laid open."""
    arm: list[Item] = []
    for item in query.items:
        if isinstance(item, Token) and item.text.upper() in _SET_OPERATORS and item.kind == "NAME":
            if item.start >= cursor:
                break
            arm = []
            continue
        arm.append(item)
    return tuple(_laid_open(arm))


def _laid_open(items: Sequence[Item]) -> Iterator[Item]:
    waiting: list[Item] = list(reversed(items))
    while waiting:
        item = waiting.pop()
        if isinstance(item, Token) or item.is_query:
            yield item
            continue
        if item.closing:
            waiting.append(item.closing)
        waiting.extend(reversed(item.items))
        if item.opening:
            yield item.opening


def _word(item: Item | None) -> str:
    return item.text.upper() if isinstance(item, Token) and item.kind == "NAME" else ""


def _verb(root: Group) -> str:
    words = [_word(item) for item in root.items[:3]]
    if words[:1] == ["WITH"]:
        return "SELECT"
    if words[:1] == ["SHOW"]:
        return "INSERT" if "INSERT" in words else "SHOW"
    return next((word for word in words if word and word != "EXPLAIN"), "")


def _clause(before: Sequence[Token]) -> str:
    """The word that opened the clause at the end, looking out of parentheses that have none."""
    stack = [""]
    for token in before:
        if token.text == "(":
            stack.append("")
        elif token.text == ")":
            del stack[1 if len(stack) == 1 else -1 :]
        elif token.kind == "NAME" and token.text.upper() in _CLAUSES:
            stack[-1] = token.text.upper()
    return next((clause for clause in reversed(stack) if clause), "")


def _path_at(items: Sequence[Item], at: int) -> tuple[tuple[str, ...], int]:
    """The dotted name that begins at a place, and where it ends."""
    parts: list[str] = []
    while at < len(items):
        item = items[at]
        if not isinstance(item, Token) or item.kind not in _NAMES:
            break
        parts.append(name_of(item))
        at += 1
        dot = items[at] if at < len(items) else None
        if not isinstance(dot, Token) or dot.text != ".":
            break
        at += 1
    return tuple(parts), at


def _target(found: Sequence[Token]) -> tuple[str, ...]:
    """What a write writes to, or what an EXEC calls."""
    words = [t.text.upper() if t.kind == "NAME" else "" for t in found[:5]]
    for at, word in enumerate(words):
        if word in ("INTO", "UPDATE", "EXEC") or (word == "FROM" and words[at - 1] == "DELETE"):
            return _path_at(found, at + 1)[0]
        if word in ("INSERT", "REPLACE") and words[at + 1 : at + 2] not in (["INTO"], ["IGNORE"]):
            return _path_at(found, at + 1)[0]
    return ()


def _relations(items: Sequence[Item]) -> Iterator[Relation]:
    """The tables of a query's FROM clause, and of UPDATE."""
    at, depth, table_depth = 0, 0, 0
    wanted = listed = False
    while at < len(items):
        item = items[at]
        if isinstance(item, Token):
            depth += (item.text == "(") - (item.text == ")")
        word = _word(item)
        if word in _TABLES or (word == "REPLACE" and at < 2):
            wanted = word != "INTO" and not _is_distinct_from(items, at)
            listed = True
            table_depth = depth
        elif word in _NO_TABLES:
            wanted, listed = False, listed and word in ("ON", "USING")
        elif isinstance(item, Token) and item.text == "," and listed and depth == table_depth:
            wanted = True
        elif wanted and (isinstance(item, Group) or item.kind in _NAMES):
            relation, at = _relation(items, at)
            yield relation
            wanted, table_depth = False, depth
            continue
        at += 1


def _is_distinct_from(items: Sequence[Item], at: int) -> bool:
    """Whether the FROM at a place belongs to `IS [NOT] DISTINCT FROM`."""
    return at > 1 and _word(items[at - 1]) == "DISTINCT" and _word(items[at - 2]) in ("IS", "NOT")


def _relation(items: Sequence[Item], at: int) -> tuple[Relation, int]:
    item = items[at]
    if isinstance(item, Group):
        alias, at = _alias(items, at + 1)
        return Relation((), alias, item), at
    path, at = _path_at(items, at)
    is_function = at < len(items) and isinstance(items[at], Token) and items[at].text == "("  # type: ignore[union-attr]
    if is_function:
        at = _behind(items, at)
    alias, at = _alias(items, at)
    return Relation(path, alias, is_function=is_function), at


def _behind(items: Sequence[Item], at: int) -> int:
    """The place behind the parenthesis that opens at `at`."""
    depth = 0
    while at < len(items):
        item = items[at]
        at += 1
        if isinstance(item, Token):
            depth += (item.text == "(") - (item.text == ")")
            if not depth:
                break
    return at


def _alias(items: Sequence[Item], at: int) -> tuple[str, int]:
    if at < len(items) and _word(items[at]) == "AS":
        at += 1
    item = items[at] if at < len(items) else None
    if not isinstance(item, Token) or item.kind not in _NAMES or _word(item) in _NO_ALIAS:
        return "", at
    return name_of(item), at + 1


def _ctes(query: Group) -> dict[str, Cte]:
    items = query.items
    if not items or _word(items[0]) != "WITH":
        return {}
    found: dict[str, Cte] = {}
    for at, item in enumerate(items):
        if not isinstance(item, Group) or not item.is_query or _word(items[at - 1]) != "AS":
            continue
        named, columns = items[at - 2], ()
        if isinstance(named, Group):
            columns, named = tuple(name_of(t) for t in named.items if _is_name(t)), items[at - 3]  # type: ignore[arg-type,assignment]
        if isinstance(named, Token) and named.kind in _NAMES:
            found[name_of(named).lower()] = Cte(columns, item)
    return found


def _is_name(item: Item) -> bool:
    return isinstance(item, Token) and item.kind in _NAMES


# ---- select lists


def items_of(query: Group) -> list[list[Item]]:
    """The items of a query's first select list."""
    return selected(list(_laid_open(query.items)))


def selected(items: Sequence[Item]) -> list[list[Item]]:
    """The items between SELECT and what ends the list."""
    words = [_word(item) for item in items]
    if "SELECT" not in words:
        return []
    found: list[list[Item]] = [[]]
    depth = 0
    for item in items[words.index("SELECT") + 1 :]:
        if isinstance(item, Token):
            depth += (item.text == "(") - (item.text == ")")
            if not depth and _word(item) in ("FROM", *_NO_TABLES, *_SET_OPERATORS):
                break
            if not depth and item.text == ",":
                found.append([])
                continue
        found[-1].append(item)
    return found


def alias_of(item: Sequence[Item]) -> str:
    """The name of a select list's item: its alias, or the last part of its path; empty if it has none."""
    last = item[-1] if item else None
    return name_of(last) if isinstance(last, Token) and last.kind in _NAMES else ""


# ---- what is bound

_EQUAL = frozenset(("=", "==", "IN", "IS"))


def mentions(items: Sequence[Item]) -> list[Mention]:
    """The columns that a query's predicates set to something."""
    found: list[Mention] = []
    active = False
    at = 0
    while at < len(items):
        active = active or _word(items[at]) in ("WHERE", "ON")
        path, end = _path_at(items, at)
        if not path:
            at += 1
            continue
        if active:
            found.extend(_mention(items, path, at, end))
        at = end
    return found


def _mention(items: Sequence[Item], path: tuple[str, ...], at: int, end: int) -> Iterator[Mention]:
    *qualifier, name = (part.lower() for part in path)
    following = items[end] if end < len(items) else None
    if isinstance(following, Token) and following.text.upper() in _EQUAL:
        other, _ = _path_at(items, end + 1)
        is_column = following.text in ("=", "==") and bool(other) and other[0].upper() not in ("NULL", "TRUE", "FALSE")
        lower = tuple(part.lower() for part in other)
        yield Mention(tuple(qualifier), name, (lower[:-1], lower[-1]) if is_column else None)
        if is_column:
            yield Mention(lower[:-1], lower[-1], (tuple(qualifier), name))
    previous = items[at - 1] if at else None
    before = items[at - 2] if at > 1 else None
    if isinstance(previous, Token) and previous.text in ("=", "==") and not (before and _is_name(before)):
        yield Mention(tuple(qualifier), name)
