"""Find the place in a statement that an error of SQLite is about: SQLite names a function at most, and gives no position."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tokensh.errors import Span
from tokensh.sql import nodes
from tokensh.sql.visit import walk

# What a culprit of `sqlite_messages` is among the nodes; `name` is the rest of it, in lower case.
_MATCHERS: dict[str, Callable[[object, str], bool]] = {
    "call": lambda node, name: isinstance(node, nodes.Call) and node.name[-1].text.lower() == name,
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


def find_culprit(statement: nodes.Statement, culprit: str) -> Span | None:
    """Return the span of what an error is about: of all nodes that it can be about, if there are several; None if of none."""
    kind, _, name = culprit.partition(" ")
    spans = [span for span in _candidate_spans(statement, kind, name.lower()) if span != nodes.NO_SPAN]
    if not spans:
        # At least the SELECT, or the statement.
        return next((node.span for node in walk(statement, deep=True) if isinstance(node, nodes.Select)), None)
    return Span(min(span.start for span in spans), max(span.end for span in spans))


def _candidate_spans(statement: nodes.Statement, kind: str, name: str) -> Iterator[Span]:
    matches = _MATCHERS.get(kind)
    for node in walk(statement, deep=True):
        match kind, node:
            case "limit", nodes.Query() | nodes.Update() | nodes.Delete():
                yield from (expr.span for expr in (node.limit, node.offset) if expr is not None)
            case "having", nodes.Select(having=having) if having is not None:
                yield having.span
            case "group", nodes.Select(group=group):
                yield from (expr.span for expr in group)
            case "on", nodes.Join(on=on) if on is not None:
                yield on.span
            case "recursion", nodes.Query(recursive=True, ctes=ctes):
                yield from (cte.name.span for cte in ctes)
            case _:
                if matches is not None and matches(node, name):
                    yield node.span  # type: ignore[attr-defined] # every class that a matcher knows has one


def _handles_json(node: object) -> bool:
    match node:
        case nodes.Call() | nodes.TableFunction():
            return node.name[-1].text.lower().startswith("json")
        case nodes.Binary():
            return node.operator in ("->", "->>")
        case _:
            return False
