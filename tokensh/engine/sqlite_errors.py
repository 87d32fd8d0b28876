"""Find the place in a statement that an error of SQLite is about: SQLite names a function at most, and gives no position."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from tokensh.errors import Span
from tokensh.functions import ADD_INTERVAL, SORTED_CONCAT, TO_DATE, TO_TIMESTAMP
from tokensh.plan.values import literal_value
from tokensh.sql import nodes
from tokensh.sql.visit import walk


class _Node(Protocol):
    @property
    def span(self) -> Span: ...


def _calls(node: object, name: str) -> bool:
    """Return whether a function is called here, as a call or in the other forms that become one."""
    match node:
        case nodes.Call():
            return node.name[-1].text.lower() == name or (name == SORTED_CONCAT and bool(node.order))
        case nodes.Match():
            return name == "regexp" and node.operator in ("REGEXP", "RLIKE")
        case nodes.Interval():
            return name == ADD_INTERVAL
        case nodes.Cast():
            return name in (TO_DATE, TO_TIMESTAMP) and node.type.upper() in nodes.TIME_TYPES
        case _:
            return False


# What a culprit of `sqlite_messages` is among the nodes; `name` is the rest of it, in lower case.
_MATCHERS: dict[str, Callable[[object, str], bool]] = {
    "call": _calls,
    "distinct": lambda node, _: isinstance(node, nodes.Call) and node.distinct,
    "filter": lambda node, _: isinstance(node, nodes.Call) and node.filter is not None,
    "order": lambda node, _: isinstance(node, nodes.Call) and bool(node.order),
    "window": lambda node, _: isinstance(node, nodes.Call) and node.over is not None,
    "json": lambda node, _: _handles_json(node),
    "sum": lambda node, _: isinstance(node, nodes.Call) and node.name[-1].text.lower() in ("sum", "abs"),
    "match": lambda node, _: isinstance(node, nodes.Match),
    "row": lambda node, _: isinstance(node, nodes.RowExpr),
    "subquery": lambda node, _: isinstance(node, nodes.Subquery | nodes.InQuery),
    "values": lambda node, _: isinstance(node, nodes.Values),
    "compound": lambda node, _: isinstance(node, nodes.Compound),
    "collate": lambda node, name: isinstance(node, nodes.Collate) and node.collation.text.lower() == name,
    "column": lambda node, name: (
        isinstance(node, nodes.ColumnRef) and node.name.text.lower() == name.rpartition(".")[2]
    ),
    "table": lambda node, name: isinstance(node, nodes.TableRef | nodes.TableFunction) and bool(name),
    "number": lambda node, _: isinstance(node, nodes.Literal) and node.text[:2] in ("0x", "0X"),
}


def find_culprit(statement: nodes.Statement, culprit: str, arguments: Sequence[int] = ()) -> Span | None:
    """Return the span of what an error is about: of all nodes that it can be about, if there are several; None if of none.

    `arguments` are the hashes of the values of a call: a call with other constants is not meant.
    """
    kind, _, name = culprit.partition(" ")
    candidates = list(_candidates(statement, kind, name.lower()))
    meant = [node for node in candidates if not isinstance(node, nodes.Call) or _has_values(node, arguments)]
    # A constant may have been converted before the function got it.
    spans = [node.span for node in meant or candidates if node.span != nodes.NO_SPAN]
    if not spans:
        # At least the SELECT, or the statement.
        return next((node.span for node in walk(statement, deep=True) if isinstance(node, nodes.Select)), None)
    return Span(min(span.start for span in spans), max(span.end for span in spans))


def _has_values(call: nodes.Call, arguments: Sequence[int]) -> bool:
    """Return whether a call can have been given values with these hashes: its constants are among them."""
    if len(arguments) != len(call.arguments):
        return True
    given = zip(map(literal_value, call.arguments), arguments, strict=True)
    return all(value is None or hash(value) == argument for value, argument in given)


def _candidates(statement: nodes.Statement, kind: str, name: str) -> Iterator[_Node]:
    matches = _MATCHERS.get(kind)
    for node in walk(statement, deep=True):
        match kind, node:
            case "limit", nodes.Query() | nodes.Update() | nodes.Delete():
                yield from (expr for expr in (node.limit, node.offset) if expr is not None)
            case "having", nodes.Select(having=having) if having is not None:
                yield having
            case "group", nodes.Select(group=group):
                yield from group
            case "on", nodes.Join(on=on) if on is not None:
                yield on
            case "recursion", nodes.Query(recursive=True, ctes=ctes):
                yield from (cte.name for cte in ctes)
            case _:
                if matches is not None and matches(node, name):
                    yield node  # type: ignore[misc] # every class that a matcher knows has one


def _handles_json(node: object) -> bool:
    match node:
        case nodes.Call() | nodes.TableFunction():
            return node.name[-1].text.lower().startswith("json")
        case nodes.Binary():
            return node.operator in ("->", "->>")
        case _:
            return False
