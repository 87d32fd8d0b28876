"""The shell remembers the last result and listed tokens, and warns once before a secret that was never shown is lost."""

from __future__ import annotations

from tests.cases import each_case
from tokensh._dataclasses import replace
from tokensh.rows import Column, Row, RowSet, Value
from tokensh.shell.result_cache import ListedToken, ResultCache

FIELD = "databricks_workspace.workspace.user_tokens."
SECRET = (Column("token_value", "string", secret=True),)


def read(cache: ResultCache, columns: tuple[Column, ...], *rows: Row, masks: bool = True) -> None:
    """Record a result and read it to its end."""
    recorded = cache.record(
        RowSet(columns, iter(rows)), "dbc-1", masks=masks, on_row=lambda: None, on_wait=lambda: None
    )
    list(recorded.rows)


def take_hidden(cache: ResultCache) -> list[list[Row]]:
    """Show all hidden secrets, and return the rows that they are in."""
    shown = []
    while (result := cache.first_hidden()) is not None:
        shown.append(result.rows)
        cache.drop_hidden(result)
    return shown


def test_the_user_is_warned_once_of_each_secret_that_was_not_shown() -> None:
    cache = ResultCache()
    assert not cache.must_warn_of_hidden()
    read(cache, SECRET, ("s1",))
    assert cache.must_warn_of_hidden()
    assert not cache.must_warn_of_hidden()
    read(cache, SECRET, ("s2",))
    assert cache.must_warn_of_hidden()
    assert take_hidden(cache) == [[("s1",)], [("s2",)]]
    assert not cache.must_warn_of_hidden()


def test_a_secret_that_was_written_unmasked_is_not_hidden() -> None:
    cache = ResultCache()
    read(cache, SECRET, ("s1",))
    read(cache, SECRET, ("s2",), masks=False)
    assert take_hidden(cache) == [[("s1",)]]


@each_case("value", ["s1", b"s1", 2, 0.5])
def test_a_secret_is_hidden_whatever_its_type(value: Value) -> None:
    cache = ResultCache()
    read(cache, SECRET, (None,), (value,))
    assert cache.hidden_count == 1


def test_null_is_not_hidden() -> None:
    cache = ResultCache()
    read(cache, SECRET, (None,), (None,))
    assert cache.hidden_count == 0
    assert not cache.must_warn_of_hidden()


TOKEN_VALUE = Column("token_value", "string", f"{FIELD}token_value", secret=True)
HIDDEN: dict[str, tuple[str, Column]] = {
    "its name": ("token_value", TOKEN_VALUE),
    "its name in capitals": ("TOKEN_VALUE", TOKEN_VALUE),
    "its alias": ("tv", replace(TOKEN_VALUE, name="tv")),
    "its field under an alias": ("token_value", replace(TOKEN_VALUE, name="tv")),
    "its field of an expression": ("token_value", Column("export", "any", None, secret=True)),
    "the name of an expression": ("export", Column("export", "any", None, secret=True)),
}


@each_case(("name", "column"), HIDDEN.values(), ids=HIDDEN)
def test_what_is_held_is_found_by(name: str, column: Column) -> None:
    cache = ResultCache()
    read(cache, (Column("comment", "string"), column), ("c", "s1"))
    read(cache, (replace(column, name="token_value"),), (None,))  # as `SELECT * FROM _` gives it
    found = cache.find_hidden(name)
    assert found is not None
    assert (found[0].rows, found[1]) == ([("c", "s1")], 1)
    assert cache.find_hidden("comment") is None
    assert cache.find_hidden("") is None


def test_the_values_count_as_seen_once_each_was_copied() -> None:
    cache = ResultCache()
    read(cache, SECRET, ("s1",))
    cache.keep_hidden(SECRET, ("s2",))
    first = cache.first_hidden()
    found = cache.find_hidden("token_value")
    assert first is not None
    assert found is not None
    assert found[0].rows == [("s2",)]
    assert not cache.mark_copied(found[0])
    assert cache.mark_copied(first)


def test_a_listing_of_tokens_replaces_the_one_before() -> None:
    cache = ResultCache()
    columns = (Column("id", "string", FIELD + "token_id"), Column("comment", "string", FIELD + "comment"))
    read(cache, columns, ("a", "first"), ("b", None))
    assert cache.tokens == {"a": ListedToken("a", "first", None, "dbc-1"), "b": ListedToken("b", "", None, "dbc-1")}
    read(cache, columns, ("c", "later"))
    assert list(cache.tokens) == ["c"]
    read(cache, (Column("x", "integer"),), (1,))
    assert list(cache.tokens) == ["c"], "a result without tokens keeps them"
    assert cache.last.rows == [(1,)]


def test_workspaces_are_remembered_the_latest_first() -> None:
    cache = ResultCache()
    cache.add_workspaces("dbc-1")
    read(cache, (Column("w", "string", FIELD + "deployment_name"),), ("dbc-2",), ("dbc-1",))
    assert cache.workspaces == ("dbc-2", "dbc-1")
