"""The types of expressions, as functions over the bound tree: what SQLite gives for columns and values of known types."""

from __future__ import annotations

from collections.abc import Sequence

from tokensh.functions import functions
from tokensh.plan.bound import BoundQuery, BoundReference
from tokensh.rows import ColumnType
from tokensh.sql import nodes

# CURRENT_TIMESTAMP and the like, "current", are text in SQLite.
_LITERALS: dict[str, ColumnType] = {"string": "string", "current": "string", "true": "boolean", "false": "boolean"}
_COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
_ARITHMETIC = frozenset({"+", "-", "*", "/"})
_BITS = frozenset({"|", "&", "<<", ">>", "%"})
_NUMERIC = frozenset({"integer", "number", "boolean"})
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
    "DATE": "string",
    "DATETIME": "string",
    "TIME": "string",
    "STRING": "string",
}


def expression_type(expr: nodes.Expr) -> ColumnType:
    """Return the type of a bound expression's values, NULL aside; `any` if it is not known before the statement runs."""
    match expr:
        case BoundReference():
            return expr.column.type
        case nodes.Literal():
            return _literal_type(expr)
        case nodes.Unary():
            return "boolean" if expr.operator == "NOT" else _arithmetic_type(expr)
        case nodes.Binary():
            return _operator_type(expr)
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
            results = [arm.result for arm in expr.arms]
            return _common_type([*results, expr.otherwise] if expr.otherwise is not None else results)
        case nodes.Cast():
            return _CAST_TYPES.get(expr.type.partition("(")[0].strip().upper(), declared_type(expr.type))
        case nodes.Collate():
            return expression_type(expr.operand)
        case nodes.Call():
            function = functions().get(expr.name[-1].text.lower())
            return "any" if function is None else function.result_type([expression_type(a) for a in expr.arguments])
        case _:
            return "any"


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


def _arithmetic_type(expr: nodes.Expr) -> ColumnType:
    """Return `integer` if all operands are known to be whole; else `number`, which text becomes too."""
    # SQLite divides integers without a remainder, so that `/` gives integers too; only an overflow gives a float. With a list
    # of what is left to look at: by recursion, a sum of 200 terms would exceed Python's limit.
    waiting = [expr]
    while waiting:
        operand = waiting.pop()
        match operand:
            case nodes.Unary() if operand.operator != "NOT":
                waiting.append(operand.operand)
            case nodes.Binary() if operand.operator in _ARITHMETIC:
                waiting += (operand.left, operand.right)
            case _ if expression_type(operand) not in ("integer", "boolean"):
                return "number"
            case _:
                pass
    return "integer"


def _common_type(exprs: Sequence[nodes.Expr]) -> ColumnType:
    types = {expression_type(expr) for expr in exprs if not _is_null(expr)}
    if len(types) == 1:
        return types.pop()
    return "number" if types and types <= _NUMERIC else "any"


def _is_null(expr: nodes.Expr) -> bool:
    return isinstance(expr, nodes.Literal) and expr.kind == "null"
