"""The types and units of expressions, as functions over the bound tree: what SQLite gives for values of known types."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from tokensh.functions import find_function
from tokensh.functions.declaration import common_type
from tokensh.plan.bound import BoundQuery, BoundReference
from tokensh.rows import ColumnType, Unit
from tokensh.sql import nodes

# CURRENT_TIMESTAMP and the like, "current", are text in SQLite.
_LITERALS: dict[str, ColumnType] = {
    "string": "string",
    "time": "string",
    "current": "string",
    "true": "boolean",
    "false": "boolean",
}
_COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
_ARITHMETIC = frozenset({"+", "-", "*", "/"})
_BITS = frozenset({"|", "&", "<<", ">>", "%"})
_EPOCHS = frozenset({"epoch_ms", "expiry_ms"})
# Functions of a number in the same unit, and what others count as their first argument, a literal, says.
_KEEPS_UNIT = frozenset({"abs", "avg", "ceil", "ceiling", "floor", "round", "trunc"})
_PARTS: dict[str, dict[str, Unit]] = {
    "date_part": {"epoch": "seconds"},
    "strftime": {"%s": "seconds", "%J": "days"},
}
_DECLARED_TYPES: tuple[tuple[str, ColumnType], ...] = (
    # As in SQLite's rules of affinity (https://sqlite.org/datatype3.html#determination_of_column_affinity), the first part
    # that occurs in the name of the type decides.
    ("BOOL", "boolean"),
    ("JSON", "json"),
    ("INT", "integer"),
    ("CHAR", "string"),
    ("CLOB", "string"),
    ("TEXT", "string"),
    ("REAL", "number"),
    ("FLOA", "number"),
    ("DOUB", "number"),
    ("NUM", "number"),
    ("DEC", "number"),
)
# The names that `sql.unparse` writes as another one for SQLite.
_CAST_TYPES: dict[str, ColumnType] = {
    "SIGNED": "integer",
    "UNSIGNED": "integer",
    "STRING": "string",
    "UUID": "string",
    **dict.fromkeys(nodes.TIME_TYPES, "string"),
}

T = TypeVar("T")
# By the `id` of an expression, which is kept beside its type or unit so that no other can have the `id`.
_Types = dict[int, tuple[nodes.Expr, ColumnType]]
_Units = dict[int, tuple[nodes.Expr, Unit | None]]
_known: ContextVar[tuple[_Types, _Units] | None] = ContextVar("known types and units", default=None)


@contextmanager
def remember_types() -> Iterator[None]:
    """Work the type and the unit of each expression out once inside: what asks at each level would look at all below it."""
    token = _known.set(({}, {}))
    try:
        yield
    finally:
        _known.reset(token)


def _recall_or_compute(
    expr: nodes.Expr, known: dict[int, tuple[nodes.Expr, T]] | None, compute: Callable[[nodes.Expr], T]
) -> T:
    """Return what is computed of an expression, once where it is remembered."""
    if known is None or isinstance(expr, nodes.Literal | BoundReference):
        return compute(expr)
    found = known.get(id(expr))
    if found is None:
        found = known[id(expr)] = expr, compute(expr)
    return found[1]


def expression_type(expr: nodes.Expr) -> ColumnType:
    """Return the type of a bound expression's values, NULL aside; `any` if it is not known before the statement runs."""
    known = _known.get()
    return _recall_or_compute(expr, known and known[0], _compute_type)


def _compute_type(expr: nodes.Expr) -> ColumnType:
    match expr:
        case BoundReference():
            return expr.column.type
        case nodes.Literal():
            return _literal_type(expr)
        case nodes.Unary():
            return _sign_type(expr)
        case nodes.Binary():
            return _operator_type(expr)
        case nodes.Chain():
            return _chain_type(expr)
        case (
            nodes.Logical()
            | nodes.Between()
            | nodes.InList()
            | nodes.InQuery()
            | nodes.Match()
            | nodes.Is()
            | nodes.Exists()
        ):
            return "boolean"
        case nodes.Subquery(query=BoundQuery() as query):
            return query.columns[0].type if len(query.columns) == 1 else "any"
        case nodes.Case():
            return common_expression_type(results_of(expr))
        case nodes.Cast():
            return cast_type(expr.type)
        case nodes.Collate():
            return expression_type(expr.operand)
        case nodes.Call():
            function = find_function(expr.name[-1].text)
            return "any" if function is None else function.result_type([_type_or_null(a) for a in expr.arguments])
        case _:
            return "any"


def common_expression_type(exprs: Iterable[nodes.Expr]) -> ColumnType:
    """Return the type that values of several expressions have in common; NULL has every type."""
    return common_type(map(_type_or_null, exprs))


def expression_unit(expr: nodes.Expr) -> Unit | None:
    """Return what a number counts, if it is known: of a column, and of what is computed without changing its unit."""
    known = _known.get()
    return _recall_or_compute(expr, known and known[1], _compute_unit)


def _compute_unit(expr: nodes.Expr) -> Unit | None:
    match expr:
        case BoundReference():
            return expr.column.column.unit
        case nodes.Collate():
            return expression_unit(expr.operand)
        case nodes.Unary(operator="+"):
            return expression_unit(expr.operand)
        case nodes.Cast():
            return None if expression_type(expr) == "string" else expression_unit(expr.operand)
        # A time plus or minus a number is a time; the distance of two times is not.
        case nodes.Binary(operator="+" | "-"):
            left, right = expression_unit(expr.left), expression_unit(expr.right)
            return left if right is None else right if left is None and expr.operator == "+" else None
        case nodes.Binary(operator="/", right=nodes.Literal(kind="number", text="1000" | "1000.0")):
            return "seconds" if is_epoch(expr.left) else None
        case nodes.Subquery(query=BoundQuery(columns=(only,))):
            return only.column.unit
        case nodes.Case():
            return _common_unit(results_of(expr))
        case nodes.Call():
            return _call_unit(expr)
        case _:
            return None


def _call_unit(call: nodes.Call) -> Unit | None:
    function = find_function(call.name[-1].text)
    if function is None:
        return None
    first = call.arguments[0] if call.arguments else None
    if isinstance(first, nodes.Literal) and function.name in _PARTS:
        return _PARTS[function.name].get(first.text.lower() if function.name == "date_part" else first.text)
    if first is not None and function.name in _KEEPS_UNIT:
        return expression_unit(first)
    if function.result != "T":
        return function.unit
    pairs = zip(call.arguments, function.parameter_types(len(call.arguments)), strict=False)
    return _common_unit(argument for argument, parameter in pairs if parameter == "T")


def common_unit(units: Collection[Unit | None]) -> Unit | None:
    """Return the unit of values of several units; None if they differ."""
    distinct = set(units)
    return distinct.pop() if len(distinct) == 1 else "epoch_ms" if distinct and distinct <= _EPOCHS else None


def is_epoch(expr: nodes.Expr) -> bool:
    """Return whether an expression is a time in milliseconds since 1970."""
    return expression_unit(expr) in _EPOCHS


def is_null(expr: nodes.Expr) -> bool:
    """Return whether an expression is the literal NULL."""
    return isinstance(expr, nodes.Literal) and expr.kind == "null"


def cast_type(name: str) -> ColumnType:
    """Return the type of what CAST gives, by the name of the type."""
    words = name.upper().partition("(")[0].split()
    return _CAST_TYPES.get(words[0] if words else "", declared_type(name))


def declared_type(name: str) -> ColumnType:
    """Return the column type for the name of a type in CREATE TABLE."""
    upper = name.upper()
    return next((kind for part, kind in _DECLARED_TYPES if part in upper), "any")


def _literal_type(literal: nodes.Literal) -> ColumnType:
    if literal.kind == "number":
        is_integer = literal.text[:2] in ("0x", "0X") or literal.text.isdecimal()
        return "integer" if is_integer else "number"
    return _LITERALS.get(literal.kind, "any")


def _operator_type(expr: nodes.Binary) -> ColumnType:
    # What goes into an addition of an interval comes out: a text, or milliseconds.
    for side, other in ((expr.left, expr.right), (expr.right, expr.left)):
        if isinstance(other, nodes.Interval):
            kind = expression_type(side)
            return kind if kind in ("string", "integer") else "any"
    if expr.operator in _COMPARISONS:
        return "boolean"
    if expr.operator in _BITS:
        return "integer"
    match expr.operator:
        case "||":
            return "string"
        case "->":
            return "json"
        # Text, a number or NULL, by what the JSON has at the path.
        case "->>":
            return "any"
        case _:
            return _arithmetic_type(expr)


def _chain_type(expr: nodes.Chain) -> ColumnType:
    # A chain is applied from the left, so that the last operator has the result.
    operator, last = expr.parts[-1]
    if any(isinstance(operand, nodes.Interval) for operand in expr.operands):
        return "any"
    if operator not in _ARITHMETIC:
        return _operator_type(nodes.Binary(operator, expr.first, last))
    return _arithmetic_type(expr)


def _sign_type(expr: nodes.Unary) -> ColumnType:
    match expr.operator:
        case "NOT":
            return "boolean"
        case "+":
            return expression_type(expr.operand)  # in SQLite it does nothing, not even to text
        case "~":
            return "integer"
        case _:
            return _arithmetic_type(expr)


def _arithmetic_type(expr: nodes.Expr) -> ColumnType:
    """Return `integer` if all operands are known to be whole; else `number`, which text becomes too."""
    # SQLite divides integers without a remainder, so that `/` gives integers too; only an overflow gives a float. With a list
    # of what is left to look at: by recursion, a sum of 200 terms would exceed Python's limit. If all operands are whole, so is
    # each calculation on the way.
    known = _known.get()
    types: _Types = {} if known is None else known[0]
    passed: list[nodes.Expr] = []
    waiting = [expr]
    while waiting:
        operand = waiting.pop()
        passed.append(operand)
        match operand:
            case _ if (found := types.get(id(operand))) is not None and found[1] == "integer":
                pass
            case nodes.Unary(operator="-"):
                waiting.append(operand.operand)
            case nodes.Binary() if operand.operator in _ARITHMETIC:
                waiting += (operand.left, operand.right)
            case nodes.Chain() if operand.parts[0][0] in (*_ARITHMETIC, "%"):
                waiting += operand.operands
            case _ if expression_type(operand) not in ("integer", "boolean"):
                return "number"
            case _:
                pass
    types.update((id(operand), (operand, "integer")) for operand in passed if isinstance(operand, nodes.Unary))
    return "integer"


def results_of(case: nodes.Case) -> list[nodes.Expr]:
    """Return the expressions of which a CASE gives one."""
    results = [arm.result for arm in case.arms]
    return [*results, case.otherwise] if case.otherwise is not None else results


def _type_or_null(expr: nodes.Expr) -> ColumnType | None:
    return None if is_null(expr) else expression_type(expr)


def _common_unit(exprs: Iterable[nodes.Expr]) -> Unit | None:
    # A number that is written out has the unit of the others.
    units = {expression_unit(expr) for expr in exprs if not isinstance(expr, nodes.Literal | nodes.Unary)}
    return common_unit(units)
