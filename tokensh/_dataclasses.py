"""Dataclasses that are cheap to define: a class's constructor is compiled when several of its objects were made.

Type checkers see the standard library's own `dataclass`, and its `fields`, `replace` and `asdict` take objects of these
classes too. All classes have slots.
"""

# Why not the standard library: it compiles half a dozen functions for each class when the class is defined, and imports
# `inspect` to do so. tokensh has a class for every node of a statement and of a plan, about 230, and a short run pays for all
# of them. Measured, in ms of CPU time, for the definition of 230 classes:
#
#     dataclasses 128 | attrs 115 to 130, and 38 for its import | NamedTuple 25 | msgspec 3, and 21 (compiled) | this module 5
#
# With the standard library SHOW METHODS takes 292 ms instead of 207, a SELECT 425 instead of 349. NamedTuples are not an
# option: they are tuples, so that nodes of two classes with equal fields would compare equal, and they cannot inherit.
#
# All of tokensh uses this module; tests may use either.

from __future__ import annotations

from operator import attrgetter

__all__ = ["dataclass", "field", "fields", "is_dataclass", "replace"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

_MISSING: Any = object()
_Function: Any = type(lambda: None)
_templates: dict[int, Any] = {}
_CALLS_BEFORE_COMPILATION = 20
"""To compile a constructor takes as long as a hundred calls that bind the arguments in Python."""


class _Field:
    """An attribute of a class, with the arguments of `field()`."""

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


class _Computed:
    """An attribute of a class that is computed, and then kept, when it is first asked for: a short run asks few classes."""

    __slots__ = ("_compute", "_name")

    def __init__(self, name: str, compute: Callable[[type], Any]) -> None:
        self._name = name
        self._compute = compute

    def __get__(self, _: object, cls: type) -> Any:
        value = self._compute(cls)
        setattr(cls, self._name, value)
        return value


def _dataclass(*, slots: bool, frozen: bool = False, eq: bool = True, kw_only: bool = False) -> Callable[[type], type]:
    """Decorate a class as the standard library does; `slots` must be true, and is stated for the reader."""
    assert slots  # noqa: S101 (a mistake in a class's first line)
    return lambda cls: _build_class(cls, frozen, eq, kw_only)


def _build_class(cls: type, frozen: bool, eq: bool, kw_only: bool) -> type:
    """Return a new class with slots, which cannot be added to the decorated one."""
    space = dict(vars(cls))
    space.pop("__dict__", None)
    space.pop("__weakref__", None)
    kinds = space.get("__annotations__", {})
    # Slots take the names.
    defaults = {name: space.pop(name) for name in kinds if name in space}
    taken = {name for base in cls.__mro__[1:-1] for name in getattr(base, "__slots__", ())}
    space["__slots__"] = tuple(name for name in kinds if name not in taken)
    space["__declared__"] = kinds, defaults
    space["__records__"] = _RECORDS
    space["__dataclass_fields__"] = _STANDARD_FIELDS
    space["__match_args__"] = _MATCH_ARGS
    space["__reduce__"] = _reduce
    space.setdefault("__repr__", _repr)
    if eq:
        space["__compared__"] = _COMPARED
        space.setdefault("__eq__", _eq)
        space["__hash__"] = _hash if frozen else None
    if frozen:
        space["__setattr__"] = space["__delattr__"] = _refuse_change
    # In the namespace and not set afterwards: to set a special method of a class costs as much as half of its definition.
    itself: list[Any] = []
    space["__init__"] = _lazy_constructor(itself, kw_only)
    space["__qualname__"] = cls.__qualname__
    built = type(cls)(cls.__name__, cls.__bases__, space)
    itself.append(built)
    return built


def _collect_records(cls: type) -> tuple[_Field, ...]:
    """Return the attributes of a class and its bases."""
    records: dict[str, _Field] = {}
    for base in reversed(cls.__mro__):
        kinds, defaults = vars(base).get("__declared__", ({}, {}))
        for name, kind in kinds.items():
            default = defaults.get(name, _MISSING)
            records[name] = attribute = default if type(default) is _Field else _Field(default=default)
            attribute.name, attribute.type = name, kind
    return tuple(records.values())


def _standard_fields(cls: type) -> Any:
    """Return the attributes in the standard library's form."""
    import dataclasses  # noqa: PLC0415 (what this module is there to do without)

    attributes: list[tuple[str, Any, Any]] = []
    for own in fields(cls):
        defaults = {key: getattr(own, key) for key in ("default", "default_factory")}
        defaults = {key: value for key, value in defaults.items() if value is not _MISSING}
        standard: Any = dataclasses.field(init=own.init, repr=own.repr, compare=own.compare, **defaults)
        attributes.append((own.name, own.type, standard))
    return vars(dataclasses.make_dataclass(cls.__name__, attributes, eq=False))["__dataclass_fields__"]


def _match_args(cls: type) -> tuple[str, ...]:
    return tuple(attribute.name for attribute in fields(cls) if attribute.init)


def _compare_key(cls: type) -> Any:
    """Return a function from an object to the tuple of the values that it is compared and hashed by."""
    names = [attribute.name for attribute in fields(cls) if attribute.compare]
    # A tuple also of less than two values: as the standard library does, what is identical counts as equal (NaN).
    return attrgetter(*(names if len(names) > 1 else (names or ["__class__"]) * 2))


_RECORDS = _Computed("__records__", _collect_records)
_STANDARD_FIELDS = _Computed("__dataclass_fields__", _standard_fields)
_MATCH_ARGS = _Computed("__match_args__", _match_args)
_COMPARED = _Computed("__compared__", _compare_key)


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    get = self.__compared__
    return get(self) == get(other)


def _hash(self: Any) -> int:
    return hash(self.__compared__(self))


def _repr(self: Any) -> str:
    values = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{type(self).__qualname__}({values})"


def _reduce(self: Any) -> Any:
    return _rebuild, (type(self), [getattr(self, attribute.name) for attribute in fields(self)])


def _rebuild(cls: type, values: Iterable[Any]) -> Any:
    """Return a copied or unpickled object; attributes that `__init__` does not take are restored too."""
    self: Any = object.__new__(cls)
    for attribute, value in zip(fields(cls), values, strict=True):
        object.__setattr__(self, attribute.name, value)
    return self


def _refuse_change(_self: Any, name: str, _value: object = None) -> None:
    from dataclasses import FrozenInstanceError  # noqa: PLC0415 (only after a mistake)

    raise FrozenInstanceError(f"{name} of a frozen object cannot be changed")


def _lazy_constructor(itself: list[Any], kw_only: bool) -> Any:
    """Return a constructor that sets the attributes one by one and, when it was called often, replaces itself with a compiled one.

    `itself` will hold the class, which does not exist yet. Two threads may replace it at the same time: both compile the same function, and the class keeps one of them.
    """
    calls = 0

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 (it is that)
        nonlocal calls
        calls += 1
        (cls,) = itself
        records = _fields(cls)
        if calls <= _CALLS_BEFORE_COMPILATION and not (args and kw_only):
            values = _match_arguments(records, args, kwargs)
            if values is not None:
                for attribute, value in zip(records, values, strict=True):
                    # `__setattr__` of a frozen class refuses.
                    object.__setattr__(self, attribute.name, value)
                return
        compiled = _make_constructor(cls, records, kw_only)
        setattr(cls, "__init__", compiled)  # noqa: B010 (a method cannot be assigned to, says mypy)
        compiled(self, *args, **kwargs)

    return __init__


def _match_arguments(records: tuple[_Field, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any] | None:
    """Return the value of each attribute; None for arguments that the compiled constructor has to judge."""
    values: list[Any] = []
    position = given = 0
    for attribute in records:
        if not attribute.init:
            values.append(attribute.default if attribute.default_factory is _MISSING else attribute.default_factory())
        elif position < len(args):
            values.append(args[position])
            position += 1
        elif attribute.name in kwargs:
            values.append(kwargs[attribute.name])
            given += 1
        elif attribute.default_factory is not _MISSING:
            values.append(attribute.default_factory())
        elif attribute.default is not _MISSING:
            values.append(attribute.default)
        else:
            return None
    return values if position == len(args) and given == len(kwargs) else None


def _make_constructor(cls: type, records: tuple[_Field, ...], kw_only: bool) -> Any:
    if not all(attribute.init and attribute.default_factory is _MISSING for attribute in records):
        return _compile_constructor(cls, records, kw_only)
    names = tuple(attribute.name for attribute in records)
    # A slot's setter bypasses __setattr__, which a frozen class refuses, and is faster than object.__setattr__.
    setters = {f"_set{at}": getattr(cls, name).__set__ for at, name in enumerate(names)}
    defaults = {each.name: each.default for each in records if each.default is not _MISSING}
    code = _compile_template(len(names)).replace(
        co_varnames=("self", *names),
        co_argcount=1 if kw_only else 1 + len(names),
        co_kwonlyargcount=len(names) if kw_only else 0,
    )
    constructor = _Function(code, setters, "__init__")
    if kw_only:
        constructor.__kwdefaults__ = defaults
    else:
        constructor.__defaults__ = tuple(defaults.values())
    return _describe_constructor(constructor, cls, records)


def _compile_template(count: int) -> Any:
    """Return the code of a constructor of `count` attributes, which is the same for all classes but for the names."""
    # To compile it takes ten times as long as to copy it with other names.
    if count not in _templates:
        parameters = ", ".join(["self", *(f"a{at}" for at in range(count))])
        lines = "".join(f" _set{at}(self, a{at})\n" for at in range(count))
        space: dict[str, Any] = {}
        exec(f"def __init__({parameters}):\n{lines or ' pass'}", space)  # noqa: S102 (numbers alone vary)
        _templates[count] = space["__init__"].__code__
    return _templates[count]


def _describe_constructor(constructor: Any, cls: type, records: tuple[_Field, ...]) -> Any:
    constructor.__qualname__ = f"{cls.__qualname__}.__init__"
    constructor.__annotations__ = {attribute.name: attribute.type for attribute in records if attribute.init}
    return constructor


def _compile_constructor(cls: type, records: tuple[_Field, ...], kw_only: bool) -> Any:
    space: dict[str, Any] = {"_MISSING": _MISSING}
    parameters, lines = ["self", "*"] if kw_only else ["self"], []
    for attribute in records:
        name = attribute.name
        space[f"_set_{name}"] = getattr(cls, name).__set__
        space[f"_default_{name}"] = attribute.default
        space[f"_new_{name}"] = attribute.default_factory
        if attribute.init:
            has_default = attribute.default is not _MISSING or attribute.default_factory is not _MISSING
            parameters.append(f"{name}=_default_{name}" if has_default else name)
        lines.append(f" _set_{name}(self, {_value_expression(attribute)})\n")
    exec(f"def __init__({', '.join(parameters)}):\n{''.join(lines) or ' pass'}", space)  # noqa: S102 (names of attributes)
    return _describe_constructor(space["__init__"], cls, records)


def _value_expression(attribute: _Field) -> str:
    """Return the source of the expression that the constructor assigns to an attribute."""
    name = attribute.name
    if attribute.default_factory is _MISSING:
        return name if attribute.init else f"_default_{name}"
    new_value = f"_new_{name}()"
    return f"{new_value} if {name} is _MISSING else {name}" if attribute.init else new_value


def _fields(class_or_object: Any) -> tuple[_Field, ...]:
    """Return the attributes in their order; each has a `name`."""
    attributes: tuple[_Field, ...] = class_or_object.__records__
    return attributes


def _is_dataclass(class_or_object: object) -> bool:
    """Return True for a class that this module built and for its objects."""
    return hasattr(class_or_object, "__declared__")


def _replace(original: Any, /, **changes: Any) -> Any:
    """Return a copy with some attributes changed."""
    for attribute in fields(original):
        if attribute.init and attribute.name not in changes:
            changes[attribute.name] = getattr(original, attribute.name)
    return type(original)(**changes)


if TYPE_CHECKING:
    from dataclasses import dataclass, field, fields, is_dataclass, replace
else:
    dataclass, field, fields, is_dataclass, replace = _dataclass, _Field, _fields, _is_dataclass, _replace
