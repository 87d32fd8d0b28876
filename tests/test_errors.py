"""Check that errors are values: no field changes after construction, and every way to read or move an error agrees."""

from __future__ import annotations

import copy
import inspect
import multiprocessing
import pickle
import pkgutil
import typing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokensh
from tests.tries import tries
from tokensh import errors
from tokensh.errors import ApiError, Error, NetworkError, ProgrammingError, SeveralErrors, Span, UnknownName

_EXTRAS = ("tokensh.integrations", "tokensh.spark", "tokensh.__main__", "tokensh.dbapi.arrow")


def subclasses(kind: type[Error]) -> Iterator[type[Error]]:
    yield kind
    for child in kind.__subclasses__():
        yield from subclasses(child)


for _module in pkgutil.walk_packages(tokensh.__path__, "tokensh.", onerror=lambda _: None):
    if not _module.name.startswith(_EXTRAS):
        import_module(_module.name)
CLASSES = tuple(dict.fromkeys(kind for kind in subclasses(Error) if kind.__module__.startswith("tokensh.")))

SPANS = st.builds(Span, st.integers(0, 99), st.integers(100, 199))
PLAIN = st.builds(NetworkError, st.text(), sent=st.booleans(), hint=st.none() | st.text())
st.register_type_strategy(Error, PLAIN)
st.register_type_strategy(Span, SPANS)


def instances(kind: type[Error]) -> st.SearchStrategy[Error]:
    """Build errors of a class from the annotations of its constructor, with every field drawn."""
    names = {**vars(typing), **vars(errors), "Span": Span, "InterruptReason": str, "OrphanedToken": tuple[str, str]}
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    hints = {each.name: eval(each.annotation, names) for each in parameters}
    positional = [st.from_type(hints[each.name]) for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
    keywords = {each.name: st.from_type(hints[each.name]) for each in parameters if each.kind is each.KEYWORD_ONLY}
    return st.builds(kind, *positional, **keywords)


ERRORS = st.sampled_from(CLASSES).flatmap(instances)


def appearance(error: BaseException | None) -> Any:
    """Collect all that a reader of an error can see, nested errors too."""
    if not isinstance(error, Error):
        return repr(error)
    fields = {name: value for name, value in vars(error).items() if name != "failures"}
    failures = getattr(error, "failures", ())
    return (
        type(error),
        error.args,
        str(error),
        repr(error),
        fields,
        [(place, appearance(failure)) for place, failure in failures],
        appearance(error.__cause__) if error.__cause__ else None,
    )


def moved(error: Error) -> list[Error]:
    """Return an error as every way to copy it gives it."""
    return [
        copy.copy(error),
        copy.deepcopy(error),
        error.with_context(),
        *(pickle.loads(pickle.dumps(error, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
    ]


def is_consistent(error: Error) -> bool:
    """Return True if what Python, a log and a traceback show of an error is the same text."""
    hint_notes = [note for note in getattr(error, "__notes__", ()) if note.startswith("hint: ")]
    return (
        error.args == (error.message,)
        and str(error) == error.message
        and repr(error) == f"{type(error).__name__}({error.message!r})"
        and hint_notes == ([f"hint: {error.hint}"] if error.hint else [])
    )


def test_the_tree_has_leaves_of_other_modules_too() -> None:
    assert {UnknownName, ApiError, SeveralErrors} < set(CLASSES)
    assert any(kind.__module__ != "tokensh.errors" for kind in CLASSES)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@tries(9, derandomize=False)
@given(data=st.data())
def test_every_error_can_be_copied_and_pickled(kind: type[Error], data: st.DataObject) -> None:
    error = data.draw(instances(kind))
    assert is_consistent(error)
    cause = data.draw(st.none() | ERRORS | st.builds(ValueError, st.text()))
    if cause is not None:
        error.__cause__ = cause
    for each in moved(error):
        assert each is not error
        assert appearance(each) == appearance(error)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@tries(9, derandomize=False)
@given(data=st.data())
def test_no_field_of_an_error_can_be_assigned(kind: type[Error], data: st.DataObject) -> None:
    error = data.draw(instances(kind))
    before = appearance(error)
    for name in (*vars(error), "args", "anything"):
        if name != "__notes__":
            with pytest.raises(AttributeError, match="cannot be assigned"):
                setattr(error, name, "other")
            with pytest.raises(AttributeError, match="cannot be deleted"):
                delattr(error, name)
    assert appearance(error) == before


@given(ERRORS, st.text(), st.none() | st.text(), st.none() | SPANS)
def test_a_copy_with_context_agrees_with_itself(
    error: Error, message: str, hint: str | None, span: Span | None
) -> None:
    before = appearance(error)
    changed = error.with_context(message=message, hint=hint, span=span)
    assert appearance(error) == before
    assert (type(changed), changed.message, changed.hint, changed.span) == (type(error), message, hint, span)
    rest = vars(error).keys() - {"message", "hint", "span", "__notes__"}
    assert {name: vars(changed)[name] for name in rest} == {name: vars(error)[name] for name in rest}
    assert is_consistent(changed)
    assert all(is_consistent(each) for each in moved(changed))


def test_context_keeps_notes_cause_and_traceback() -> None:
    with pytest.raises(ProgrammingError) as caught:
        raise ProgrammingError("wrong", hint="do this") from KeyError("x")
    error = caught.value
    error.__notes__.append("seen by a caller")
    changed = error.with_context(hint="do that")
    assert changed.__notes__ == ["hint: do that", "seen by a caller"]
    assert error.__notes__ == ["hint: do this", "seen by a caller"]
    assert changed.with_context(hint=None).__notes__ == ["seen by a caller"]
    assert repr(changed.__cause__) == "KeyError('x')"
    assert changed.__suppress_context__
    assert changed.__traceback__ is error.__traceback__


def test_context_can_change_the_fields_of_a_class_and_no_others() -> None:
    error = ApiError("no", status=403).with_context(credential="DATABRICKS_TOKEN")
    assert (error.status, error.credential) == (403, "DATABRICKS_TOKEN")
    with pytest.raises(TypeError, match="UnknownName has no field 'status'"):
        UnknownName("column", "x").with_context(status=403)


def test_what_python_sets_on_an_exception_can_be_set() -> None:
    error = Error("x")
    error.__notes__ = ["a note"]
    error.__cause__ = error.__context__ = KeyError("y")
    error.__suppress_context__ = False
    error.__traceback__ = None
    del error.__notes__


class _Unpicklable(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(first + second)


def test_a_cause_that_cannot_be_pickled_is_left_behind() -> None:
    error = Error("x")
    error.__cause__ = _Unpicklable("a", "b")
    assert pickle.loads(pickle.dumps(error)).__cause__ is None


def _run_statement(sql: str) -> list[tuple[Any, ...]]:
    with tokensh.connect(sandbox=True) as connection:
        return connection.cursor().execute(sql).fetchall()


def test_errors_cross_the_border_of_a_process() -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(_run_statement, "SELECT 1").result() == [(1,)]
        with pytest.raises(UnknownName, match="unknown column 'nope'") as caught:
            pool.submit(_run_statement, "SELECT nope FROM user_tokens").result()
        assert caught.value.name == "nope"
        assert pool.submit(_run_statement, "SELECT 2").result() == [(2,)]


def test_the_news_that_a_token_was_made_is_in_every_text_of_an_error() -> None:
    insert = """INSERT INTO user_tokens (deployment_name, data__comment, data__lifetime_seconds)
        VALUES ('dbc-abcd0123-a1bc', 'ok', 3600), ('dbc-abcd0123-a1bc', 'bad', -5) RETURNING token_value"""
    with tokensh.connect(sandbox=True) as connection, pytest.raises(Error) as caught:
        connection.cursor().execute(insert).fetchall()
    error = caught.value
    assert is_consistent(error)
    assert "1 of 2 rows done" in repr(error)
    assert error.hint is not None
    assert "for the rest" in error.hint
    assert error.hint in error.__notes__[0]
