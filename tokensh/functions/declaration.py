"""How a function is declared: one line of text, from which everything that the rest of tokensh asks about it is read.

    substr(text: string, start: integer [, length: integer]) -> string | a part of a text, from 1

Optional parameters are in brackets, `...` says that the last ones may be repeated, and the text behind `|` is what SHOW
FUNCTIONS says. A type is one of a column's (`tokensh.rows.ColumnType`), `time` (a text that SQLite reads as a time, or a number
of days or seconds), or `T`: all parameters of type `T` and the result have one type in common, as in `coalesce(x: T, y: T, ...)
-> T`. `N` is a `T` that takes numbers only, as in `sum(x: N) -> N`. Arguments are checked against these types (`tokensh.plan.
type_checks`); where a function takes text, SQLite converts a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Literal, cast

from tokensh._dataclasses import dataclass
from tokensh.rows import ColumnType, Row, Unit, Value

FunctionKind = Literal["scalar", "aggregate", "window"]
Implementation = Callable[..., Value]
AggregateImplementation = Callable[[Sequence[Row]], Value]
ParameterType = ColumnType | Literal["T", "N", "time"]

_PARAMETER = r"\b(\w+): (\w+)"
_NUMERIC = {"integer", "number", "boolean"}
_AGGREGATES = {"group_concat", "json_group_array", "min"}
"""The aggregates of SQLite that have other names."""


@dataclass(frozen=True, slots=True)
class FunctionParameter:
    """A parameter of a function."""

    name: str
    type: ParameterType
    optional: bool


@dataclass(frozen=True, slots=True)
class Function:
    """One function that statements may call.

    Attributes:
        call: the call as it is declared, with the types of its parameters.
        result: the type of the result; `T` is the type that the arguments for `T` have in common.
        implementation: what computes it in Python; None for SQLite's own.
        aggregate: what computes an aggregate in Python, from the arguments of all rows.
        sqlite_name: the function of SQLite that it is another name of; empty otherwise.
        is_fallback: whether the implementation is for builds of SQLite that lack the function.
        unit: what its result counts, if that is a number.
        deterministic: whether equal arguments give equal results; SQLite may compute such a call ahead of time, once.
    """

    name: str
    call: str
    kind: FunctionKind
    result: ParameterType
    description: str
    implementation: Implementation | None = None
    aggregate: AggregateImplementation | None = None
    sqlite_name: str = ""
    is_fallback: bool = False
    deterministic: bool = True
    unit: Unit | None = None

    # Parsed when asked for: a short run needs few of more than a hundred declarations.

    @property
    def signature(self) -> str:
        """The call as people read it, without types."""
        return re.sub(_PARAMETER, r"\1", self.call)

    @property
    def parameters(self) -> tuple[FunctionParameter, ...]:
        """The parameters in their order."""
        return _parse_parameters(self.call)

    @property
    def variadic(self) -> bool:
        """Whether the last parameters may be repeated."""
        return "..." in self.call

    @property
    def argument_counts(self) -> tuple[int, ...]:
        """The numbers of arguments that it takes, as `sqlite3.create_function` has them: -1 for any."""
        if self.variadic:
            return (-1,)
        required = sum(not parameter.optional for parameter in self.parameters)
        return tuple(range(required, len(self.parameters) + 1))

    @property
    def fewest_arguments(self) -> int:
        """The number of arguments that it needs; of SQLite's own functions, a repeated one may be missing."""
        required = sum(not parameter.optional for parameter in self.parameters)
        return required - 1 if self.variadic and self.implementation is None and required else required

    def is_aggregate(self, arguments: int) -> bool:
        """Return whether a call with this number of arguments makes one value of many rows."""
        return self.kind == "aggregate" or (self.name in ("min", "max") and arguments == 1)

    def parameter_types(self, arguments: int) -> list[ParameterType]:
        """Return the type of each of a call's arguments; a repeated parameter has the type of the last one."""
        types = [parameter.type for parameter in self.parameters]
        # The optional parameter of `log([base,] x)` comes first; both are numbers.
        types += types[-1:] * (arguments - len(types))
        return types[:arguments]

    def result_type(self, arguments: Sequence[ColumnType | None]) -> ColumnType:
        """Return the type of a call's result, given the types of its arguments; None is that of a NULL."""
        if self.result not in ("T", "N"):
            return cast("ColumnType", self.result)
        parameters = self.parameter_types(len(arguments))
        common = common_type(
            argument for argument, parameter in zip(arguments, parameters, strict=False) if parameter == self.result
        )
        if self.result == "N" and common != "integer":
            return "integer" if common == "boolean" else "number"
        return common


def common_type(types: Iterable[ColumnType | None]) -> ColumnType:
    """Return the type of values of several types: `number` of different kinds of numbers, else `any`; None is that of a NULL."""
    distinct = {kind for kind in types if kind is not None}
    if len(distinct) == 1:
        return distinct.pop()
    return "number" if distinct and distinct <= _NUMERIC else "any"


def declare(declaration: str, kind: FunctionKind = "scalar", **attributes: Any) -> Function:
    """Return the function of a declaration. `attributes` are those of `Function` that the text does not say."""
    call, _, rest = declaration.partition(" -> ")
    result, _, description = rest.partition(" | ")
    name = call.partition("(")[0]
    return Function(name, call, kind, cast("ParameterType", result), description, **attributes)


@cache
def _parse_parameters(text: str) -> tuple[FunctionParameter, ...]:
    parameters = []
    for match in re.finditer(_PARAMETER, text):
        before = text[: match.start()]
        optional = before.count("[") > before.count("]")
        parameters.append(FunctionParameter(match[1], cast("ParameterType", match[2]), optional))
    return tuple(parameters)


class FunctionTable(dict[str, Function]):
    """Functions by name, in lower case."""

    def rename(self, declarations: str) -> None:
        """Add other names of functions of SQLite: declarations, each with ` = ` and SQLite's name at its end."""
        for line in declarations.strip().splitlines():
            declaration, _, name = line.rpartition(" = ")
            kind: FunctionKind = "aggregate" if name in _AGGREGATES else "scalar"
            function = declare(declaration, kind, sqlite_name=name)
            self[function.name] = function

    def implement_aggregate(self, declaration: str) -> Callable[[AggregateImplementation], AggregateImplementation]:
        """Decorate the implementation of a declared aggregate."""

        def add(aggregate: AggregateImplementation) -> AggregateImplementation:
            function = declare(declaration, "aggregate", aggregate=aggregate)
            self[function.name] = function
            return aggregate

        return add

    def implement(
        self, declaration: str, *, deterministic: bool = True, unit: Unit | None = None
    ) -> Callable[[Implementation], Implementation]:
        """Decorate the implementation of a declared function."""

        def add(implementation: Implementation) -> Implementation:
            function = declare(declaration, implementation=implementation, deterministic=deterministic, unit=unit)
            self[function.name] = function
            return implementation

        return add
