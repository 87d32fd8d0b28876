"""Our dataclasses behave like the standard library's, but are cheap to define."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import pytest

from tests.cases import each_case
from tests.support import counts_modules
from tokensh import _dataclasses

T = TypeVar("T")


def define_ours() -> Any:
    """Return a new class of each kind of attribute."""

    @_dataclasses.dataclass(frozen=True, slots=True)
    class Ours:
        name: str
        size: int = 1
        items: list[int] = _dataclasses.field(default_factory=list)
        note: str = _dataclasses.field(default="-", compare=False, repr=False)
        seen: int = _dataclasses.field(default=0, init=False)

    Ours.__qualname__ = "Ours"
    return Ours


Ours = define_ours()


@dataclasses.dataclass(frozen=True, slots=True)
class Theirs:
    name: str
    size: int = 1
    items: list[int] = dataclasses.field(default_factory=list)
    note: str = dataclasses.field(default="-", compare=False, repr=False)
    seen: int = dataclasses.field(default=0, init=False)


@_dataclasses.dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    value: T


@_dataclasses.dataclass(frozen=True, slots=True)
class Larger(Part[int]):
    more: int = 0


@_dataclasses.dataclass(slots=True, eq=False)
class Open:
    count: int = 0


Calls = Callable[[Any], Any]
CALLS: dict[str, Calls] = {
    "by position": lambda cls: cls("a", 2, [3], "n"),
    "by name": lambda cls: cls(size=2, name="a"),
    "with defaults": lambda cls: cls("a"),
    "one too few": lambda cls: cls(),
    "one too many": lambda cls: cls("a", 2, [], "n", 0),
    "an unknown one": lambda cls: cls("a", other=1),
    "assigned": lambda cls: setattr(cls("a"), "size", 3),
    "deleted": lambda cls: delattr(cls("a"), "size"),
    "hashed": lambda cls: hash(cls("a", 1, ())),
    "hashed with a list": lambda cls: hash(cls("a")),
}


def outcome(call: Calls, cls: Any) -> object:
    try:
        made = call(cls)
    except Exception as error:  # noqa: BLE001 (which one it is, is compared)
        return type(error)
    return repr(made).replace("Theirs", "Ours") if isinstance(made, cls) else made


@pytest.mark.parametrize("before", [0, 100], ids=["new", "compiled"])
@each_case("call", CALLS.values(), ids=list(CALLS))
def test_it_does_what_the_standard_library_does(call: Calls, before: int) -> None:
    ours = define_ours()
    for number in range(before):
        ours("", number)
    assert outcome(call, ours) == outcome(call, Theirs)


def test_objects_are_equal_if_what_is_compared_is() -> None:
    assert Ours("a", 1, [1], "x") == Ours("a", 1, [1], "y")
    assert Ours("a") != Ours("b")
    assert Ours("a").__eq__(Theirs("a")) is NotImplemented
    assert Open() != Open()
    assert len({Part(1), Part(1), Part(2)}) == 2


def test_each_object_has_a_list_of_its_own() -> None:
    first, second = Ours("a"), Ours("a")
    first.items.append(1)
    assert second.items == []


def test_a_class_takes_over_the_attributes_of_its_base() -> None:
    assert (Larger(1, 2).value, Larger(1).more) == (1, 0)
    assert repr(Larger(1, 2)) == "Larger(value=1, more=2)"
    assert not hasattr(Larger(1), "__dict__")


def test_what_is_not_frozen_can_be_changed() -> None:
    counter = Open()
    counter.count += 1
    assert counter.count == 1


def test_the_standard_librarys_functions_take_them() -> None:
    ours = Ours("a", 2, [3])
    assert dataclasses.is_dataclass(Ours)
    assert [f.name for f in dataclasses.fields(ours)] == [f.name for f in dataclasses.fields(Theirs("a"))]
    assert dataclasses.asdict(ours) == {"name": "a", "size": 2, "items": [3], "note": "-", "seen": 0}
    assert dataclasses.replace(ours, size=5) == _dataclasses.replace(ours, size=5) == type(ours)("a", 5, [3])


def test_they_can_be_copied_pickled_and_matched() -> None:
    ours = Ours("a", 2, [3], "n")
    for other in (copy.copy(ours), copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert (other, other.note) == (ours, "n")
    match ours:
        case Ours(name, size, note=note):
            assert (name, size, note) == ("a", 2, "n")
        case _:
            pytest.fail("it is not matched")


def test_threads_may_make_the_first_objects_at_once() -> None:
    @_dataclasses.dataclass(frozen=True, slots=True)
    class Late:
        value: int

    first = Late.__init__
    late = object.__new__(Late)
    for number in range(100):
        Late(number)  # another thread, which was faster
    first(late, 2)
    assert late == Late(2)


@counts_modules
def test_defining_them_loads_little() -> None:
    program = "import sys, tokensh.sql.nodes, tokensh.plan.nodes; print(*({'dataclasses', 'inspect'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=30)
    assert done.stdout == b"\n"
