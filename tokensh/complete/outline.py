"""A statement's outline from its tokens alone: queries in parentheses, their tables, what is compared; it may be unfinished.

The parser cannot be used query_items: a statement is mostly unfinished while it is typed, and what is to the right of the cursor
counts as well. Everything is a single pass over the tokens, without recursion: 5,000 open parentheses are not an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokensh._dataclasses import dataclass, field
from tokensh.complete.cursor_context import NAME_KINDS, unquote_name
from tokensh.sql.lexer import Token

_QUERY_OPENERS = frozenset(("SELECT", "WITH", "VALUES"))
_SET_OPERATORS = frozenset(("UNION", "INTERSECT", "EXCEPT"))
_TABLE_CLAUSES = frozenset(("FROM", "JOIN", "INTO", "UPDATE"))
_OTHER_CLAUSES = frozenset(
    ("WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "WINDOW", "SET", "VALUES", "RETURNING", "SELECT", "ON", "USING")
)
# Words that end a table although the grammar accepts some of them as names: a table that is being typed has no alias yet.
_NEVER_ALIASES = (
    _SET_OPERATORS
    | _TABLE_CLAUSES
    | _OTHER_CLAUSES
    | frozenset(("LEFT", "RIGHT", "INNER", "CROSS", "FULL", "NATURAL", "OUTER", "STRAIGHT_JOIN", "AND", "OR", "FOR"))
)
# Words that open a clause. The lexer does not know keywords; the outline needs only these few.
_CLAUSES = _OTHER_CLAUSES | _TABLE_CLAUSES


@dataclass(slots=True, eq=False)
class Group:
    """The tokens between parentheses; the statement itself is a group without parentheses."""

    parent: Group | None
    opening: Token | None
    items: list[Token | Group] = field(default_factory=list)
    closing: Token | None = None

    @property
    def is_query(self) -> bool:
        """Whether it contains a query of its own."""
        if self.parent is None:
            return True
        first = self.items[0] if self.items else None
        return isinstance(first, Token) and first.text.upper() in _QUERY_OPENERS


Item = Token | Group


@dataclass(frozen=True, slots=True)
class Relation:
    """A table of a FROM clause: a named one, a query, or a table function."""

    path: tuple[str, ...]
    alias: str = ""
    query: Group | None = None
    is_function: bool = False

    def is_called(self, qualifier: tuple[str, ...]) -> bool:
        """Return True if these names, in lower case, can qualify its columns."""
        if self.alias:
            return qualifier == (self.alias.lower(),)
        path = tuple(part.lower() for part in self.path)
        return bool(qualifier) and path[-len(qualifier) :] == qualifier


@dataclass(frozen=True, slots=True)
class Cte:
    """A query of WITH, and the names of its columns, if they are listed."""

    columns: tuple[str, ...]
    query: Group


@dataclass(frozen=True, slots=True)
class Comparison:
    """A column that is compared: its qualifier and name in lower case, and the column that it is equal to, if any."""

    qualifier: tuple[str, ...]
    name: str
    other: tuple[tuple[str, ...], str] | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    """The outline as the cursor sees it: its own query, the queries around it, and the names of WITH.

    `query_items` are the items of the cursor's query, `relations` its tables, `outer` the tables of the queries around it.
    `target` is what a write changes or an EXEC calls.
    """

    verb: str
    clause: str
    query_items: tuple[Item, ...]
    relations: tuple[Relation, ...]
    outer: tuple[Relation, ...]
    ctes: dict[str, Cte]
    target: tuple[str, ...]
    tokens: tuple[Token, ...]


def build_outline(before: Sequence[Token], after: Sequence[Token]) -> Outline:
    """Return the outline of a statement."""
    root, cursor_group = _group_tokens(before, after)
    cursor = before[-1].end if before else 0
    queries = list(_enclosing_queries(cursor_group))
    operands = [_cursor_operand(query, cursor) for query in queries]
    relations = [tuple(_find_relations(operand)) for operand in operands]
    ctes: dict[str, Cte] = {}
    for query in reversed(queries):
        ctes |= _find_ctes(query)
    everything = (*before, *after)
    return Outline(
        verb=_find_verb(root),
        clause=_find_clause(before),
        query_items=operands[0],
        relations=relations[0],
        outer=tuple(relation for query_relations in relations[1:] for relation in query_relations),
        ctes=ctes,
        target=_find_target(everything),
        tokens=everything,
    )


def _group_tokens(before: Sequence[Token], after: Sequence[Token]) -> tuple[Group, Group]:
    """Return the outermost group, and the one that holds the cursor."""
    root = Group(None, None)
    cursor_group = _append_tokens(root, before)
    _append_tokens(cursor_group, after)
    return root, cursor_group


def _append_tokens(group: Group, more: Sequence[Token]) -> Group:
    """Append tokens to a group and the groups in it; return the one that is open at the end."""
    for token in more:
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


def _enclosing_queries(group: Group | None) -> Iterator[Group]:
    while group is not None:
        if group.is_query:
            yield group
        group = group.parent


def _cursor_operand(query: Group, cursor: int) -> tuple[Item, ...]:
    """Return the part of a query between set operators that holds the cursor, groups without a query flattened."""
    operand: list[Item] = []
    for item in query.items:
        if isinstance(item, Token) and item.text.upper() in _SET_OPERATORS and item.kind == "NAME":
            if item.start >= cursor:
                break
            operand = []
            continue
        operand.append(item)
    return tuple(_flatten(operand))


def _flatten(items: Sequence[Item], *, queries: bool = False) -> Iterator[Item]:
    """Yield the items with the contents of groups in their place; groups that are queries are kept, unless `queries`."""
    waiting: list[Item] = list(reversed(items))
    while waiting:
        item = waiting.pop()
        if isinstance(item, Token) or (item.is_query and not queries):
            yield item
            continue
        if item.closing:
            waiting.append(item.closing)
        waiting.extend(reversed(item.items))
        if item.opening:
            yield item.opening


def walk_tokens(group: Group) -> Iterator[Token]:
    """Yield the tokens inside a group, those of the groups in it included."""
    return (item for item in _flatten(group.items, queries=True) if isinstance(item, Token))


def _keyword(item: Item | None) -> str:
    return item.text.upper() if isinstance(item, Token) and item.kind == "NAME" else ""


def _find_verb(root: Group) -> str:
    words = [_keyword(item) for item in root.items[:3]]
    if words[:1] == ["WITH"]:
        return "SELECT"
    if words[:1] == ["SHOW"]:
        return "INSERT" if "INSERT" in words else "SHOW"
    return next((word for word in words if word and word != "EXPLAIN"), "")


def _find_clause(before: Sequence[Token]) -> str:
    """Return the word that opened the clause at the end; parentheses without a clause belong to the one around them."""
    stack = [""]
    for token in before:
        if token.text == "(":
            stack.append("")
        elif token.text == ")":
            del stack[1 if len(stack) == 1 else -1 :]
        elif token.kind == "NAME" and token.text.upper() in _CLAUSES:
            stack[-1] = token.text.upper()
    return next((clause for clause in reversed(stack) if clause), "")


def _read_path(items: Sequence[Item], at: int) -> tuple[tuple[str, ...], int]:
    """Return the dotted name that begins at a position, and where it ends."""
    parts: list[str] = []
    while at < len(items):
        item = items[at]
        if not isinstance(item, Token) or item.kind not in NAME_KINDS:
            break
        parts.append(unquote_name(item))
        at += 1
        dot = items[at] if at < len(items) else None
        if not isinstance(dot, Token) or dot.text != ".":
            break
        at += 1
    return tuple(parts), at


def _find_target(everything: Sequence[Token]) -> tuple[str, ...]:
    """Return the name of what a write changes, or what an EXEC calls."""
    words = [_keyword(token) for token in everything[:5]]
    for at, word in enumerate(words):
        if word in ("INTO", "UPDATE", "EXEC") or (word == "FROM" and words[at - 1] == "DELETE"):
            return _read_path(everything, at + 1)[0]
        if word in ("INSERT", "REPLACE") and words[at + 1 : at + 2] not in (["INTO"], ["IGNORE"]):
            return _read_path(everything, at + 1)[0]
    return ()


def _find_relations(items: Sequence[Item]) -> Iterator[Relation]:
    """Yield the tables of a query's FROM clause, and of UPDATE."""
    at, depth, table_depth = 0, 0, 0
    wanted = listed = False
    while at < len(items):
        item = items[at]
        if isinstance(item, Token):
            depth += (item.text == "(") - (item.text == ")")
        word = _keyword(item)
        if word in _TABLE_CLAUSES or (word == "REPLACE" and at < 2):
            wanted = word != "INTO" and not _is_distinct_from(items, at)
            listed = True
            table_depth = depth
        elif word in _OTHER_CLAUSES:
            wanted, listed = False, listed and word in ("ON", "USING")
        elif isinstance(item, Token) and item.text == "," and listed and depth == table_depth:
            wanted = True
        elif wanted and (isinstance(item, Group) or item.kind in NAME_KINDS):
            relation, at = _read_relation(items, at)
            yield relation
            wanted, table_depth = False, depth
            continue
        at += 1


def _is_distinct_from(items: Sequence[Item], at: int) -> bool:
    """Return True if the FROM at a position belongs to `IS [NOT] DISTINCT FROM`."""
    return at > 1 and _keyword(items[at - 1]) == "DISTINCT" and _keyword(items[at - 2]) in ("IS", "NOT")


def _read_relation(items: Sequence[Item], at: int) -> tuple[Relation, int]:
    item = items[at]
    if isinstance(item, Group):
        alias, at = _read_alias(items, at + 1)
        return Relation((), alias, item), at
    path, at = _read_path(items, at)
    is_function = at < len(items) and isinstance(items[at], Token) and items[at].text == "("  # type: ignore[union-attr]
    if is_function:
        at = _skip_parentheses(items, at)
    alias, at = _read_alias(items, at)
    return Relation(path, alias, is_function=is_function), at


def _skip_parentheses(items: Sequence[Item], at: int) -> int:
    """Return the position after the parenthesis that opens at `at`."""
    depth = 0
    while at < len(items):
        item = items[at]
        at += 1
        if isinstance(item, Token):
            depth += (item.text == "(") - (item.text == ")")
            if not depth:
                break
    return at


def _read_alias(items: Sequence[Item], at: int) -> tuple[str, int]:
    if at < len(items) and _keyword(items[at]) == "AS":
        at += 1
    item = items[at] if at < len(items) else None
    if not isinstance(item, Token) or item.kind not in NAME_KINDS or _keyword(item) in _NEVER_ALIASES:
        return "", at
    return unquote_name(item), at + 1


def _find_ctes(query: Group) -> dict[str, Cte]:
    items = query.items
    if not items or _keyword(items[0]) != "WITH":
        return {}
    ctes: dict[str, Cte] = {}
    for at, item in enumerate(items):
        if not isinstance(item, Group) or not item.is_query or _keyword(items[at - 1]) != "AS":
            continue
        name, columns = items[at - 2], ()
        if isinstance(name, Group):
            columns, name = tuple(unquote_name(t) for t in name.items if _is_name(t)), items[at - 3]  # type: ignore[arg-type,assignment]
        if isinstance(name, Token) and name.kind in NAME_KINDS:
            ctes[unquote_name(name).lower()] = Cte(columns, item)
    return ctes


def _is_name(item: Item) -> bool:
    return isinstance(item, Token) and item.kind in NAME_KINDS


# ---- select lists


def select_items(query: Group) -> list[list[Item]]:
    """Return the items of a query's first select list."""
    return split_select_list(list(_flatten(query.items)))


def split_select_list(items: Sequence[Item]) -> list[list[Item]]:
    """Return the items between SELECT and what ends the list."""
    words = [_keyword(item) for item in items]
    if "SELECT" not in words:
        return []
    select_list: list[list[Item]] = [[]]
    depth = 0
    for item in items[words.index("SELECT") + 1 :]:
        if isinstance(item, Token):
            depth += (item.text == "(") - (item.text == ")")
            if not depth and _keyword(item) in ("FROM", *_OTHER_CLAUSES, *_SET_OPERATORS):
                break
            if not depth and item.text == ",":
                select_list.append([])
                continue
        select_list[-1].append(item)
    return select_list


def item_name(item: Sequence[Item]) -> str:
    """Return the name of a select list's item: its alias, or the last part of its path; else empty."""
    last = item[-1] if item else None
    return unquote_name(last) if isinstance(last, Token) and last.kind in NAME_KINDS else ""


# ---- comparisons

_EQUAL = frozenset(("=", "==", "IN", "IS"))


def find_comparisons(items: Sequence[Item]) -> list[Comparison]:
    """Return the comparisons that give a query's columns a value: `=`, IN and IS after WHERE or ON."""
    comparisons: list[Comparison] = []
    active = False
    at = 0
    while at < len(items):
        active = active or _keyword(items[at]) in ("WHERE", "ON")
        path, end = _read_path(items, at)
        if not path:
            at += 1
            continue
        if active:
            comparisons.extend(_read_comparison(items, path, at, end))
        at = end
    return comparisons


def _read_comparison(items: Sequence[Item], path: tuple[str, ...], at: int, end: int) -> Iterator[Comparison]:
    *qualifier, name = (part.lower() for part in path)
    following = items[end] if end < len(items) else None
    if isinstance(following, Token) and following.text.upper() in _EQUAL:
        other, _ = _read_path(items, end + 1)
        is_column = following.text in ("=", "==") and bool(other) and other[0].upper() not in ("NULL", "TRUE", "FALSE")
        lower = tuple(part.lower() for part in other)
        yield Comparison(tuple(qualifier), name, (lower[:-1], lower[-1]) if is_column else None)
        if is_column:
            yield Comparison(lower[:-1], lower[-1], (tuple(qualifier), name))
    previous = items[at - 1] if at else None
    before = items[at - 2] if at > 1 else None
    if isinstance(previous, Token) and previous.text in ("=", "==") and not (before and _is_name(before)):
        yield Comparison(tuple(qualifier), name)
