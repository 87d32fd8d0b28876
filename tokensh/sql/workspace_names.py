"""Comparisons of workspaces' names: one workspace is one target, in whatever spelling a statement names it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tokensh._dataclasses import dataclass, replace
from tokensh.rows import CANONICAL_NAME
from tokensh.sql import nodes

_EQUALITY = frozenset({"=", "!="})
_ORDER = frozenset({"<", "<=", ">", ">="})
_NAME = (nodes.Name(CANONICAL_NAME),)
Comparison = nodes.Binary | nodes.Between | nodes.InList | nodes.InQuery | nodes.Is | nodes.Case | nodes.Call


# Rows have canonical names, so that columns of scans need no call: what they are compared with does.
def compare_canonical_names(node: Comparison) -> Comparison:
    """Return a comparison whose operands are spelled as rows have them, where one of them is a column of workspaces' names."""
    match node:
        case nodes.Binary() if node.operator in _EQUALITY | _ORDER:
            if operands := _spell([node.left, node.right], orders=node.operator in _ORDER):
                return replace(node, left=operands[0], right=operands[1])
        case nodes.Between():
            if operands := _spell([node.operand, node.low, node.high], orders=True):
                return replace(node, operand=operands[0], low=operands[1], high=operands[2])
        case nodes.Is():
            if operands := _spell([node.operand, node.other]):
                return replace(node, operand=operands[0], other=operands[1])
        case nodes.InList():
            if operands := _spell([node.operand, *node.items]):
                return replace(node, operand=operands[0], items=tuple(operands[1:]))
        case nodes.InQuery():
            match _spell([node.operand, nodes.Subquery(node.query)]):
                case [operand, nodes.Subquery(query)]:
                    return replace(node, operand=operand, query=query)
                case _:
                    pass
        case nodes.Case() if node.operand is not None:
            if operands := _spell([node.operand, *(arm.condition for arm in node.arms)]):
                pairs = zip(node.arms, operands[1:], strict=True)
                arms = tuple(replace(arm, condition=condition) for arm, condition in pairs)
                return replace(node, operand=operands[0], arms=arms)
        case nodes.Call() if node.name[-1].text.lower() == "nullif":
            if operands := _spell(node.arguments):
                return replace(node, arguments=tuple(operands))
        case _:
            pass
    return node


@dataclass(frozen=True, slots=True)
class _CanonicalQuery(nodes.ResolvedQuery):
    """A query whose columns at `positions` are in the spelling that rows have."""

    sql: str

    @property
    def workspace_columns(self) -> tuple[bool, ...]:
        """Nothing is left to do."""
        return ()


def _spell(operands: Sequence[nodes.Expr], *, orders: bool = False) -> list[nodes.Expr]:
    """Return the operands of one comparison with canonical names at the positions of their rows that need them; else nothing.

    With `orders`, only names that are written out or come from such a column are changed: whether another text comes before a
    name is a question about texts.
    """
    width = max((len(operand.items) for operand in operands if isinstance(operand, nodes.RowExpr)), default=1)
    positions = {position for position in range(width) if _is_comparison_of_names(operands, position)}
    return [_with_canonical_names(operand, positions, width, orders) for operand in operands] if positions else []


def _is_comparison_of_names(operands: Sequence[nodes.Expr], position: int) -> bool:
    parts = [_part(operand, position) for operand in operands]
    if all(isinstance(part, nodes.ResolvedColumn) and part.is_canonical for part in parts):
        return False
    return any(_names_workspace(part, position) for part in parts)


def _part(operand: nodes.Expr, position: int) -> nodes.Expr:
    if isinstance(operand, nodes.RowExpr) and position < len(operand.items):
        return operand.items[position]
    return operand


def _names_workspace(part: nodes.Expr, position: int) -> bool:
    match part:
        case nodes.ResolvedColumn():
            return part.names_workspace
        case nodes.Subquery(nodes.ResolvedQuery() as query):
            return position < len(query.workspace_columns) and query.workspace_columns[position]
        case _:
            return False


def _with_canonical_names(operand: nodes.Expr, positions: Collection[int], width: int, orders: bool) -> nodes.Expr:
    match operand:
        case nodes.RowExpr():
            items = (_canonical(item, orders) if i in positions else item for i, item in enumerate(operand.items))
            return replace(operand, items=tuple(items))
        case nodes.Subquery(nodes.ResolvedQuery() as query):
            if orders and not any(query.workspace_columns):
                return operand
            names = [f"c{position}" for position in range(width)]
            values = (f"{CANONICAL_NAME}({name})" if i in positions else name for i, name in enumerate(names))
            sql = f"WITH named({', '.join(names)}) AS ({query.sql}) SELECT {', '.join(values)} FROM named"  # noqa: S608 (ours)
            return replace(operand, query=_CanonicalQuery(sql))
        case _:
            return _canonical(operand, orders)


def _canonical(operand: nodes.Expr, orders: bool) -> nodes.Expr:
    if orders and not isinstance(operand, nodes.Literal) and not _names_workspace(operand, 0):
        return operand
    is_null = isinstance(operand, nodes.Literal) and operand.kind == "null"
    is_canonical = isinstance(operand, nodes.ResolvedColumn) and operand.is_canonical
    return operand if is_null or is_canonical else nodes.Call(_NAME, (operand,))
