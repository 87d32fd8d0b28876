"""How a function is declared: one line of text, from which everything that the rest of tokensh asks about it is read.

    substr(text: string, start: integer [, length: integer]) -> string | a part of a text, from 1

Optional parameters are in brackets, `...` says that the last ones may be repeated, and the text behind `|` is what SHOW
FUNCTIONS says. A type is one of a column's (`tokensh.rows.ColumnType`) or `T`: all parameters of type `T` and the result have
one type in common, as in `coalesce(x: T, y: T, ...) -> T`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, cast

from tokensh._dataclasses import dataclass
from tokensh.rows import ColumnType, Value

FunctionKind = Literal["scalar", "aggregate", "window"]
Implementation = Callable[..., Value]
ParameterType = ColumnType | Literal["T"]

_PARAMETER = re.compile(r"\b(\w+): (\w+)")
_NUMERIC = {"integer", "number"}


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
        is_fallback: whether the implementation is for builds of SQLite that lack the function.
        deterministic: whether equal arguments give equal results; SQLite may compute such a call ahead of time, once.
    """

    name: str
    call: str
    kind: FunctionKind
    result: ParameterType
    description: str
    implementation: Implementation | None = None
    is_fallback: bool = False
    deterministic: bool = True

    # Parsed when asked for: a short run needs few of more than a hundred declarations.

    @property
    def signature(self) -> str:
        """The call as people read it, without types."""
        return _PARAMETER.sub(r"\1", self.call)

    @property
    def parameters(self) -> tuple[FunctionParameter, ...]:
        """The parameters in their order."""
        return tuple(_parse_parameters(self.call))

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

    def result_type(self, arguments: Sequence[ColumnType]) -> ColumnType:
        """Return the type of a call's result, given the types of its arguments."""
        if self.result != "T":
            return self.result
        parameters = [parameter.type for parameter in self.parameters]
        # A repeated parameter has the type of the last one.
        parameters += parameters[-1:] * (len(arguments) - len(parameters))
        return _common_type(
            argument for argument, parameter in zip(arguments, parameters, strict=False) if parameter == "T"
        )


def _common_type(types: Iterable[ColumnType]) -> ColumnType:
    # NULL literals and parameters have the type `any`, and make the result `any`.
    distinct = set(types)
    if len(distinct) == 1:
        return distinct.pop()
    return "number" if distinct and distinct <= _NUMERIC else "any"


def declare(declaration: str, kind: FunctionKind = "scalar", **attributes: Any) -> Function:
    """Return the function of a declaration. `attributes` are those of `Function` that the text does not say."""
    call, _, rest = declaration.partition(" -> ")
    result, _, description = rest.partition(" | ")
    name = call.partition("(")[0]
    return Function(name, call, kind, cast("ParameterType", result), description, **attributes)


def _parse_parameters(text: str) -> Iterator[FunctionParameter]:
    for match in _PARAMETER.finditer(text):
        before = text[: match.start()]
        optional = before.count("[") > before.count("]")
        yield FunctionParameter(match[1], cast("ParameterType", match[2]), optional)


class FunctionTable(dict[str, Function]):
    """Functions by name, in lower case."""

    def implement(self, declaration: str, *, deterministic: bool = True) -> Callable[[Implementation], Implementation]:
        """Decorate the implementation of a declared function."""

        def add(implementation: Implementation) -> Implementation:
            function = declare(declaration, implementation=implementation, deterministic=deterministic)
            self[function.name] = function
            return implementation

        return add
