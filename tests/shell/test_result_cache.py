"""The shell remembers the last result and listed tokens, and warns once before a secret that was never shown is lost."""

from __future__ import annotations

from tokensh.rows import Column, Row, RowSet
from tokensh.shell.result_cache import ListedToken, ResultCache

FIELD = "databricks_workspace.workspace.user_tokens."
SECRET = (Column("token_value", "string", secret=True),)


def read(cache: ResultCache, columns: tuple[Column, ...], *rows: Row) -> None:
    """Record a result and read it to its end."""
    list(cache.record(RowSet(columns, iter(rows)), "dbc-1", on_row=lambda: None, on_wait=lambda: None).rows)


def test_the_user_is_warned_once_of_each_secret_that_was_not_shown() -> None:
    cache = ResultCache()
    assert not cache.must_warn_of_hidden()
    read(cache, SECRET, ("s1",))
    assert cache.must_warn_of_hidden()
    assert not cache.must_warn_of_hidden()
    read(cache, SECRET, ("s2",))
    assert cache.must_warn_of_hidden()
    assert [result.rows for result in cache.take_hidden()] == [[("s1",)], [("s2",)]]
    assert not cache.must_warn_of_hidden()


def test_a_secret_that_was_written_unmasked_is_not_hidden() -> None:
    cache = ResultCache()
    read(cache, SECRET, ("s1",))
    assert cache.must_warn_of_hidden()
    read(cache, SECRET, ("s2",))
    cache.drop_last_hidden()
    assert cache.hidden_count == 1
    assert not cache.must_warn_of_hidden()


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
