"""Dataclasses that cost next to nothing to define: a class's constructor is compiled when its first object is made.

The standard library compiles half a dozen functions for each class when it is defined, and loads `inspect` to do so: with a
class for every node of a statement and of a plan, that was half of the time of a short run. Type checkers see the standard
library's own `dataclass`, and its `fields`, `replace` and `asdict` take objects of these classes too. All classes have slots.
"""

from __future__ import annotations

from operator import attrgetter

__all__ = ["dataclass", "field", "fields", "is_dataclass", "replace"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

_MISSING: Any = object()


class _Field:
    """One attribute, and what `field()` was told of it."""

    __slots__ = ("compare", "default", "default_factory", "init", "name", "repr", "type")

    def __init__(
        self,
        *,
        default: Any = _MISSING,
        default_factory: Any = _MISSING,
        init: bool = True,
        repr: bool = True,  # noqa: A002 (the standard library's name)
        compare: bool = True,
    ) -> None:
        self.name = self.type = ""
        self.default = default
        self.default_factory = default_factory
        self.init = init
        self.repr = repr
        self.compare = compare


class _StandardFields:
    """The fields as the standard library has them, for its own functions: made when one of those asks."""

    def __get__(self, _: object, cls: type) -> Any:
        import dataclasses  # noqa: PLC0415 (what this module is there to do without)

        made: list[tuple[str, Any, Any]] = []
        for one in fields(cls):
            given = {k: getattr(one, k) for k in ("default", "default_factory") if getattr(one, k) is not _MISSING}
            standard: Any = dataclasses.field(init=one.init, repr=one.repr, compare=one.compare, **given)
            made.append((one.name, one.type, standard))
        return vars(dataclasses.make_dataclass(cls.__name__, made, eq=False))["__dataclass_fields__"]


def _dataclass(*, slots: bool, frozen: bool = False, eq: bool = True, kw_only: bool = False) -> Callable[[type], type]:
    """As the standard library's; `slots` must be true, and is there to be read."""
    assert slots  # noqa: S101 (a mistake in a class's first line)
    return lambda cls: _build_class(cls, frozen, eq, kw_only)


def _build_class(cls: type, frozen: bool, eq: bool, kw_only: bool) -> type:
    """The class anew, since slots cannot be added to one that exists."""
    space = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    inherited = {one.name: one for base in reversed(cls.__mro__) for one in getattr(base, "__records__", ())}
    own = {name: _take_field(name, kind, space) for name, kind in space.get("__annotations__", {}).items()}
    records = tuple((inherited | own).values())
    space["__slots__"] = tuple(name for name in own if name not in inherited)
    space["__records__"] = records
    space["__dataclass_fields__"] = _StandardFields()
    space["__match_args__"] = tuple(one.name for one in records if one.init)
    space["__reduce__"] = _reduce
    space.setdefault("__repr__", _repr)
    if eq:
        space["__compared__"] = _compare_key([one.name for one in records if one.compare])
        space.setdefault("__eq__", _eq)
        space["__hash__"] = _hash if frozen else None
    if frozen:
        space["__setattr__"] = space["__delattr__"] = _refuse_change
    made = type(cls)(cls.__name__, cls.__bases__, space)
    made.__qualname__ = cls.__qualname__
    setattr(made, "__init__", _lazy_constructor(made, records, kw_only))  # noqa: B010 (a method cannot be assigned to, says mypy)
    return made


def _take_field(name: str, kind: Any, space: dict[str, Any]) -> _Field:
    """An attribute, whose default is taken out of the class: a slot stands there."""
    given = space.pop(name, _MISSING)
    one = given if type(given) is _Field else _Field(default=given)
    one.name, one.type = name, kind
    return one


def _compare_key(names: list[str]) -> Any:
    """What an object is compared by, as a tuple."""
    if len(names) > 1:
        return staticmethod(attrgetter(*names))
    (name,) = names or [""]
    return staticmethod(lambda self: (getattr(self, name),) if name else ())


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    get = self.__compared__
    return get(self) == get(other)


def _hash(self: Any) -> int:
    return hash(self.__compared__(self))


def _repr(self: Any) -> str:
    shown = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({shown})"


def _reduce(self: Any) -> Any:
    return _rebuild, (type(self), [getattr(self, one.name) for one in fields(self)])


def _rebuild(cls: type, values: Iterable[Any]) -> Any:
    """A copied or unpickled object."""
    self: Any = object.__new__(cls)
    for one, value in zip(fields(cls), values, strict=True):
        object.__setattr__(self, one.name, value)
    return self


def _refuse_change(_self: Any, name: str, _value: object = None) -> None:
    from dataclasses import FrozenInstanceError  # noqa: PLC0415 (only after a mistake)

    raise FrozenInstanceError(f"{name} of a frozen object cannot be changed")


def _lazy_constructor(cls: type, records: tuple[_Field, ...], kw_only: bool) -> Any:
    """A constructor that compiles the real one, puts that in its own place, and calls it; two threads may do so at once."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 (it is that)
        made = _compile_constructor(cls, records, kw_only)
        setattr(cls, "__init__", made)  # noqa: B010 (a method cannot be assigned to, says mypy)
        made(self, *args, **kwargs)

    return __init__


def _compile_constructor(cls: type, records: tuple[_Field, ...], kw_only: bool) -> Any:
    space: dict[str, Any] = {"_MISSING": _MISSING}
    parameters, lines = ["self", "*"] if kw_only else ["self"], []
    for one in records:
        name = one.name
        # A slot's own setter passes by __setattr__, which a frozen class refuses, and is quicker.
        space[f"_set_{name}"] = getattr(cls, name).__set__
        space[f"_default_{name}"] = one.default
        space[f"_new_{name}"] = one.default_factory
        if one.init:
            has_default = one.default is not _MISSING or one.default_factory is not _MISSING
            parameters.append(f"{name}=_default_{name}" if has_default else name)
        lines.append(f" _set_{name}(self, {_value_expression(one)})\n")
    exec(f"def __init__({', '.join(parameters)}):\n{''.join(lines) or ' pass'}", space)  # noqa: S102 (names of attributes)
    made = space["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__annotations__ = {one.name: one.type for one in records if one.init}
    return made


def _value_expression(one: _Field) -> str:
    """The expression for an attribute in its class's constructor."""
    if one.default_factory is _MISSING:
        return one.name if one.init else f"_default_{one.name}"
    made = f"_new_{one.name}()"
    return f"{made} if {one.name} is _MISSING else {one.name}" if one.init else made


def _fields(one: Any) -> tuple[_Field, ...]:
    """The attributes of a class or an object, in their order; each has a `name`."""
    found: tuple[_Field, ...] = one.__records__
    return found


def _is_dataclass(one: object) -> bool:
    """Whether it is a class that was made here, or an object of one."""
    return hasattr(one, "__records__")


def _replace(one: Any, /, **changes: Any) -> Any:
    """A copy with some attributes changed."""
    for each in fields(one):
        if each.init and each.name not in changes:
            changes[each.name] = getattr(one, each.name)
    return type(one)(**changes)


if TYPE_CHECKING:
    from dataclasses import dataclass, field, fields, is_dataclass, replace
else:
    dataclass, field, fields, is_dataclass, replace = _dataclass, _Field, _fields, _is_dataclass, _replace
