"""Refuse numbers that are compared with text, and text that is calculated with: SQLite would answer, always true or always false.

In SQLite every number is smaller than every text: `expiry_time < date('now')` is true of each token. So a number and a text
that meet in a comparison are an error, unless the text is a numeral that is written out, which becomes a number. A value whose
type is not known before the statement runs (of json_extract, of a column without a type) is given to a guard, which
looks at it then (`tokensh.functions.guards`). Text columns against numbers that are written out stay: SQLite compares them as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar

from tokensh._dataclasses import dataclass, field, replace
from tokensh.errors import DataError, Error, ProgrammingError, Span
from tokensh.functions import ALIKE, MODIFIER, NUMBER, TEXT, find_function
from tokensh.functions.declaration import Function, ParameterType
from tokensh.plan import condition_checks, type_hints
from tokensh.plan.bound import BoundColumn, BoundQuery, BoundReference
from tokensh.plan.expression_types import cast_type, expression_type, is_epoch, is_null, remember_types, results_of
from tokensh.rows import ColumnType, Value
from tokensh.sql import nodes
from tokensh.sql.quoting import text_literal
from tokensh.sql.visit import rewrite_nodes, walk

T = TypeVar("T")
Kind = Literal["number", "text", "bytes", "unknown", "nothing"]
Change = Callable[[Any], object]

_COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
_CALCULATIONS = frozenset({"+", "-", "*", "/", "%", "|", "&", "<<", ">>"})
_COMPARING_FUNCTIONS = frozenset({"min", "max", "least", "greatest", "nullif"})
_KINDS: dict[ColumnType, Kind] = {
    "integer": "number",
    "number": "number",
    "boolean": "number",
    "string": "text",
    "object": "text",
    "array": "text",
}
_NUMERAL = r"(?a)\s*([+-]?)(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)\s*"


def check_types(tree: T, view_span: Span | None = None) -> T:
    """Return a bound expression, or a tuple or window of some, with numerals converted and guards put in.

    `view_span` is the place of errors in a view. Raises ProgrammingError.
    """
    checks = _Checks(view_span)
    with remember_types():
        for node in walk(tree):
            checks.check_node(node)
    return rewrite_nodes(tree, checks.changes) if checks.changes else tree


def check_conditions(conditions: Iterable[nodes.Expr | None], view_span: Span | None = None) -> None:
    """Check the conditions of WHERE, HAVING, ON and QUALIFY. Raises ProgrammingError."""
    refuse = _Checks(view_span).make_error
    for condition in conditions:
        if condition is not None:
            condition_checks.check_condition(condition, refuse)


def check_equal_columns(
    left: BoundColumn, right: BoundColumn, span: Span, view_span: Span | None
) -> tuple[nodes.Expr, nodes.Expr]:
    """Return two columns that USING or NATURAL makes equal, or a set operation compares, with guards. Raises ProgrammingError."""
    checks = _Checks(view_span)
    pair = BoundReference(left, 0, span), BoundReference(right, 0, span)
    checks.compare(*pair, span)
    return rewrite_nodes(pair, checks.changes) if checks.changes else pair


def without_guard(expr: nodes.Expr) -> nodes.Expr:
    """Return what a guard looks at; another expression as it is."""
    match expr:
        case nodes.Case(operand=None, arms=(nodes.When(result=nodes.Call() as call),)) if _is_guard(call):
            return call.arguments[0]
        case nodes.Call() if _is_guard(expr):
            return expr.arguments[0]
        case _:
            return expr


def _is_guard(call: nodes.Call) -> bool:
    return call.name[-1].text in (NUMBER, TEXT, ALIKE)


# ---- what is compared


def kind_of(expr: nodes.Expr) -> Kind:
    """Return what the values of an expression are; `nothing` of NULL, which can be compared with everything."""
    if is_null(expr):
        return "nothing"
    if isinstance(expr, nodes.Literal) and expr.kind == "blob":
        return "bytes"
    return _KINDS.get(expression_type(expr), "unknown")


def is_numeral(text: str) -> bool:
    """Return whether SQLite makes a number of a text for a column of numbers."""
    return re.fullmatch(_NUMERAL, text) is not None


def check_numbers(values: Iterable[Value], name: str, kind: str, span: Span | None) -> None:
    """Raise DataError for a text in a column of numbers, which comparisons with the column rely on; numerals are converted."""
    if kind not in ("integer", "number", "boolean"):
        return
    if any(isinstance(value, str) and not is_numeral(value) for value in values):
        hint = "TRUE and FALSE have no quotes" if kind == "boolean" else "declare the column as TEXT"
        raise DataError(f"{name} is of type {kind} and is given a text", hint=hint, span=span)


def check_written_values(exprs: Sequence[nodes.Expr], names: Sequence[str], types: Mapping[str, ColumnType]) -> None:
    """Raise DataError for a written text that is assigned to a column of numbers, before anything runs."""
    for expr, name in zip(exprs, names, strict=False):
        if isinstance(expr, nodes.Literal) and expr.kind in ("string", "current"):
            check_numbers((expr.text,), name, types[name], expr.span)


def as_number(expr: nodes.Expr) -> nodes.Expr | None:
    """Return the number that a numeral in quotes means; None for every other expression."""
    match = re.fullmatch(_NUMERAL, expr.text) if isinstance(expr, nodes.Literal) and expr.kind == "string" else None
    if match is None:
        return None
    number = nodes.Literal("number", match[2], expr.span)
    return nodes.Unary("-", number, expr.span) if match[1] == "-" else number


def _as_milliseconds(expr: nodes.Expr) -> nodes.Expr | None:
    """Return a time that was given as a parameter as a number; None for every other expression, and a time without a date."""
    if not isinstance(expr, nodes.Literal) or expr.kind != "time":
        return None
    from tokensh.units import parse_time  # noqa: PLC0415 (a parameter of such a type is rare)

    try:
        milliseconds = parse_time(expr.text)
    except ValueError:
        return None
    number = nodes.Literal("number", str(abs(milliseconds)), expr.span)
    return nodes.Unary("-", number, expr.span) if milliseconds < 0 else number


def _is_written_number(expr: nodes.Expr) -> bool:
    operand = expr.operand if isinstance(expr, nodes.Unary) and expr.operator in ("-", "+") else expr
    return isinstance(operand, nodes.Literal) and operand.kind == "number"


def _is_text_column(expr: nodes.Expr) -> bool:
    """Return whether SQLite converts a number to text to compare it with an expression: its column has the affinity."""
    match expr:
        case nodes.Collate():
            return _is_text_column(expr.operand)
        case nodes.Cast():
            return expression_type(expr) == "string"
        case _:
            return isinstance(expr, BoundReference) and expr.column.computed_type is None


Place = Literal["condition", "list", "join"]
"""Where two values are compared: for a list SQLite converts less, and the columns of a join cannot be changed."""


@dataclass(frozen=True, slots=True)
class _Checks:
    """The checks of one tree, and the changes that they ask for, by the `id` of the node."""

    view_span: Span | None
    changes: dict[int, Change] = field(default_factory=dict)

    def check_node(self, node: object) -> None:
        """Check what a node compares or calculates. Raises ProgrammingError."""
        condition_checks.check_conditions_inside(node, self.make_error)
        match node:
            case nodes.Binary() if node.operator in _COMPARISONS:
                condition_checks.check_chain(node, self.make_error)
                self.compare(node.left, node.right, node.span)
            case nodes.Binary() if node.operator in _CALCULATIONS:
                self._calculate(node.left, node.right, node)
                self._calculate(node.right, node.left, node)
                self._check_move(node)
            case nodes.Chain():
                self._check_chain(node)
            case nodes.Unary(operator="-" | "~"):
                self._calculate(node.operand, None, node)
            case nodes.Between():
                self.compare(node.operand, node.low, node.span)
                self.compare(node.operand, node.high, node.span)
            case nodes.Is():
                self.compare(node.operand, node.other, node.span)
            case nodes.InList():
                self._compare_list(node.operand, node.items, node.span, "list")
            case nodes.Case():
                if node.operand is not None:
                    self._compare_list(node.operand, [arm.condition for arm in node.arms], node.span, "condition")
                self._check_common_unit(results_of(node), node.span)
            case nodes.InQuery(query=BoundQuery() as query):
                self._compare_query(node.operand, query, node.span)
            case nodes.Match():
                condition_checks.check_pattern(node, self.make_error)
            case nodes.Call():
                self._check_call(node)
            case nodes.Cast():
                self._check_cast(node)
            case _:
                pass

    # ---- comparisons

    def compare(self, left: nodes.Expr, right: nodes.Expr, span: Span, place: Place = "condition") -> None:
        """Check two expressions that are compared."""
        pairs = _pair_rows(left, right)
        if pairs is not None:
            for a, b in pairs:
                self.compare(a, b, span, "join" if isinstance(right, nodes.Subquery) else place)
            return
        condition_checks.check_clocks(left, right, span, self.make_error)
        match kind_of(left), kind_of(right):
            case "text", "text":
                self._compare_texts(left, right)
            case "number" | "text", "bytes":
                raise self.make_error(*type_hints.bytes_comparison(left), span)
            case "bytes", "number" | "text":
                raise self.make_error(*type_hints.bytes_comparison(right), span)
            case "number", "text":
                self._compare_number(left, right, span, place)
            case "text", "number":
                # `text IN (1)`: the affinity of the operand counts, as it does in a condition.
                self._compare_number(right, left, span, "condition" if place == "list" else place)
            case _ if place == "join":
                pass  # a guard has no expression to stand in
            case "number", "unknown":
                self._guard(NUMBER, right, span)
            case "unknown", "number":
                self._guard(NUMBER, left, span)
            case "text", "unknown":
                self._compare_unknown(right, left, span)
            case "unknown", "text":
                self._compare_unknown(left, right, span)
            case "unknown", "unknown":
                self._guard_pair(left, right, span)
            case _:
                pass

    def _compare_texts(self, left: nodes.Expr, right: nodes.Expr) -> None:
        for time, literal in ((left, right), (right, left)):
            written = condition_checks.check_written_time(time, literal, self.make_error)
            if written is not None:
                self._replace(literal, written)

    def _compare_number(self, number: nodes.Expr, text: nodes.Expr, span: Span, place: Place) -> None:
        numeral = as_number(text)
        if numeral is None and is_epoch(number):
            numeral = _as_milliseconds(text)
        if numeral is not None:
            condition_checks.check_clocks(number, numeral, span, self.make_error)
            self._replace(text, numeral)
        elif place == "list" or not (_is_written_number(number) and _is_text_column(text)):
            raise self.make_error(*type_hints.comparison(number, text), span)

    def _compare_unknown(self, unknown: nodes.Expr, text: nodes.Expr, span: Span) -> None:
        """Compare a value of unknown type with text."""
        if _is_text_column(text):
            return
        numeral = as_number(text)
        if numeral is None:
            self._guard(TEXT, unknown, span)
        else:
            is_text = nodes.Binary("=", _call("typeof", unknown), nodes.Literal("string", "text"))
            self._replace(text, nodes.Case(None, (nodes.When(is_text, text),), numeral))

    def _compare_list(self, operand: nodes.Expr, items: Sequence[nodes.Expr], span: Span, place: Place) -> None:
        """Check an operand that is compared with each of several items."""
        kinds = {kind_of(item) for item in items if as_number(item) is None}
        if kinds >= {"number", "text"}:
            # What is known of the operand decides; of a list for values of every type nothing is wrong.
            if kind_of(operand) == "unknown":
                return
            if as_number(operand) is not None:
                number = next(item for item in items if kind_of(item) == "number")
                text = next(item for item in items if kind_of(item) == "text" and as_number(item) is None)
                raise self.make_error(*type_hints.comparison(number, text), span)
        for item in items:
            self.compare(operand, item, span, place)

    def _compare_query(self, operand: nodes.Expr, query: BoundQuery, span: Span) -> None:
        operands = operand.items if isinstance(operand, nodes.RowExpr) else (operand,)
        guards: list[str | None] = [None] * len(query.columns)
        for index, (expr, column) in enumerate(zip(operands, query.columns, strict=False)):
            shown = BoundReference(column, 0, span)
            match kind_of(expr), kind_of(shown):
                case "number", "unknown":
                    guards[index] = NUMBER
                case "text", "unknown" if not _is_text_column(expr):
                    guards[index] = TEXT
                case _, "unknown":
                    pass
                case _:
                    self.compare(expr, shown, span)
        if any(guards):
            place = self.view_span or span
            self.changes[id(query)] = lambda bound: _guard_query(bound, guards, place)

    # ---- calculations and calls

    def _check_chain(self, chain: nodes.Chain) -> None:
        """Check the operands of a long calculation as those of each of its operators."""
        before = chain.first
        for operator, operand in chain.parts:
            if operator in _CALCULATIONS:
                pair = nodes.Binary(operator, before, operand, chain.span)
                if before is chain.first:
                    self._calculate(before, operand, pair)
                self._calculate(operand, None if before is not chain.first else before, pair)
            before = operand

    def _calculate(self, operand: nodes.Expr, other: nodes.Expr | None, node: nodes.Binary | nodes.Unary) -> None:
        """Check an operand of a calculation with another one."""
        # What an interval is added to may be a text or a number.
        if isinstance(operand, nodes.Interval) or isinstance(other, nodes.Interval):
            return
        match kind_of(operand):
            case "text" if as_number(operand) is None:
                moment = _as_milliseconds(operand)
                if moment is None or other is None or node.operator not in ("+", "-") or not is_epoch(other):
                    raise self.make_error(*type_hints.calculation(operand, node.operator), operand.span)
                self._replace(operand, moment)
            case "unknown":
                self._guard(NUMBER, operand, node.span)
            case _:
                pass

    def _check_move(self, node: nodes.Binary) -> None:
        if node.operator in ("+", "-"):
            condition_checks.check_moved_time(node.left, node.right, node.span, self.make_error)
            condition_checks.check_moved_time(node.right, node.left, node.span, self.make_error)

    def _check_common_unit(self, values: Sequence[nodes.Expr], span: Span) -> None:
        """Check that of expressions of which one is chosen, not some are epoch milliseconds and others seconds."""
        time = next(filter(is_epoch, values), None)
        if time is None:
            return
        for value in values:
            if value is not time:
                condition_checks.check_clocks(time, value, span, self.make_error)

    def _check_call(self, call: nodes.Call) -> None:
        function = find_function(call.name[-1].text)
        if function is None:
            return
        if function.name in _COMPARING_FUNCTIONS and len(call.arguments) > 1:
            self._compare_arguments(call)
        parameters = function.parameter_types(len(call.arguments))
        if function.result == "T":
            pairs = zip(call.arguments, parameters, strict=False)
            self._check_common_unit([argument for argument, parameter in pairs if parameter == "T"], call.span)
        for argument, parameter in zip(call.arguments, parameters, strict=False):
            self._check_argument(call, function, argument, parameter)
        if function.parameters and function.parameters[-1].name == "modifier":
            for modifier in call.arguments[len(function.parameters) - 1 :]:
                self._check_modifier(modifier)

    def _check_modifier(self, modifier: nodes.Expr) -> None:
        """Refuse a modifier of a time that SQLite does not know: it would make NULL of the time."""
        from tokensh.functions.guards import MODIFIER_HINT, is_modifier  # noqa: PLC0415 (few statements call a function)

        if not isinstance(modifier, nodes.Literal) or modifier.parameter:
            self._guard(MODIFIER, modifier, modifier.span)
        elif modifier.kind == "string" and not is_modifier(modifier.text):
            message = f"{text_literal(modifier.text)} does not modify a time"
            raise self.make_error(message, MODIFIER_HINT, modifier.span)

    def _compare_arguments(self, call: nodes.Call) -> None:
        """Check the arguments of a function that compares them all."""
        arguments = [argument for argument in call.arguments if kind_of(argument) != "nothing"]
        first = next((a for a in arguments if kind_of(a) == "number"), arguments[0] if arguments else None)
        for argument in arguments:
            if argument is not first and first is not None:
                self.compare(first, argument, call.span, "list")

    def _check_argument(
        self, call: nodes.Call, function: Function, argument: nodes.Expr, parameter: ParameterType
    ) -> None:
        match parameter, kind_of(argument):
            case (("integer" | "number" | "N"), "text"):
                takes_time = function.parameters[0].name == "ms"
                number = as_number(argument) or (_as_milliseconds(argument) if takes_time else None)
                if number is None:
                    raise self.make_error(*type_hints.argument(function, argument), argument.span)
                self._replace(argument, number)
            case (("integer" | "number" | "N"), "unknown"):
                self._guard(NUMBER, argument, call.span)
            case "time", "number" if is_epoch(argument):
                raise self.make_error(*type_hints.time_argument(function, argument), argument.span)
            case "time", "text" if isinstance(argument, nodes.Literal) and argument.kind == "string":
                from tokensh.functions.guards import is_time_value  # noqa: PLC0415 (as above)

                if function.implementation is None and not is_time_value(argument.text):
                    hint = "for example '2026-12-31', '2026-12-31 23:59:59' or 'now'"
                    message = f"{type_hints.describe(argument, 'this')} is not a time that {function.name}() reads"
                    raise self.make_error(message, hint, argument.span)
            case _:
                pass

    def _check_cast(self, cast: nodes.Cast) -> None:
        """Refuse to make a number of a text that is known to be none: of '2027-01-01' SQLite makes 2027."""
        if is_epoch(cast.operand) and cast.type.upper().partition("(")[0].strip() in nodes.TIME_TYPES:
            raise self.make_error(*type_hints.time_cast(cast), cast.span)
        if _KINDS.get(cast_type(cast.type)) != "number" or kind_of(cast.operand) != "text":
            return
        is_literal = isinstance(cast.operand, nodes.Literal) and as_number(cast.operand) is None
        # strftime('%s') and the like are numerals.
        is_format = isinstance(cast.operand, nodes.Call) and cast.operand.name[-1].text.lower() == "strftime"
        if is_literal or (type_hints.makes_time(cast.operand) and not is_format):
            raise self.make_error(*type_hints.cast(cast), cast.span)

    # ---- changes and errors

    def _replace(self, expr: nodes.Expr, value: nodes.Expr) -> None:
        self.changes[id(expr)] = lambda _: value

    def _guard(self, name: str, expr: nodes.Expr, span: Span) -> None:
        place = self.view_span or span
        # The first one stays: two guards for both types would refuse every value.
        self.changes.setdefault(id(expr), lambda operand: _put_guard(name, operand, place))

    def _guard_pair(self, left: nodes.Expr, right: nodes.Expr, span: Span) -> None:
        relations = {part.column.relations for part in (left, right) if isinstance(part, BoundReference)}
        # Columns of two tables are joined by an index, which a guard would make impossible.
        if len(relations) > 1:
            return
        place = self.view_span or span
        self.changes.setdefault(id(right), lambda operand: _call(ALIKE, operand, left, *_numbers(place)))

    def make_error(self, message: str, hint: str, span: Span) -> Error:
        """Return the error of a message, a hint and a place; in a view, the place is where the view is named."""
        return ProgrammingError(message, span=self.view_span or span, hint=hint)


def _pair_rows(left: nodes.Expr, right: nodes.Expr) -> Iterable[tuple[nodes.Expr, nodes.Expr]] | None:
    """Return the places of two rows that are compared, of which the second may be a query; None for other expressions."""
    if not isinstance(left, nodes.RowExpr):
        return [(b, a) for a, b in _pair_rows(right, left) or ()] if isinstance(right, nodes.RowExpr) else None
    match right:
        case nodes.RowExpr():
            return list(zip(left.items, right.items, strict=False))
        case nodes.Subquery(query=BoundQuery() as query):
            columns = (BoundReference(column, 0, right.span) for column in query.columns)
            return list(zip(left.items, columns, strict=False))
        case _:
            return ()


def _put_guard(name: str, expr: nodes.Expr, place: Span) -> nodes.Expr:
    call = _call(name, expr, *_numbers(place))
    if not isinstance(expr, BoundReference) or name == MODIFIER:
        return call
    # A call of Python costs ten times as much as typeof().
    wrong = ("text", "blob") if name == NUMBER else ("integer", "real", "blob")
    kinds = tuple(nodes.Literal("string", kind) for kind in wrong)
    return nodes.Case(None, (nodes.When(nodes.InList(_call("typeof", expr), kinds), call),), expr)


def _guard_query(query: BoundQuery, guards: Sequence[str | None], place: Span) -> BoundQuery:
    """Return a query whose result a guard looks at."""
    items = (
        column.sql if guard is None else f'"{guard}"({column.sql}, {place.start}, {place.end})'
        for guard, column in zip(guards, query.columns, strict=True)
    )
    return replace(query, sql=f"SELECT {', '.join(items)} FROM ({query.sql})")  # noqa: S608 (printed by us)


def _call(name: str, *arguments: nodes.Expr) -> nodes.Call:
    return nodes.Call((nodes.Name(name),), arguments)


def _numbers(place: Span) -> tuple[nodes.Literal, nodes.Literal]:
    return nodes.Literal("number", str(place.start)), nodes.Literal("number", str(place.end))
