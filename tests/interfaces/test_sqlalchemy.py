"""SQLAlchemy runs text and Core statements, reflects resources and reads URLs; pandas works through it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tokensh
from tests.engine.sessions import A, B, list_calls, list_requests
from tokensh import errors
from tokensh.dbapi.options import OPTIONS
from tokensh.sandbox import Sandbox

sa = pytest.importorskip("sqlalchemy", reason="needs tokensh[sqlalchemy]")
pytestmark = pytest.mark.interfaces

PLACE = "databricks_workspace.workspace"


@pytest.fixture
def engine(site: Sandbox) -> Iterator[Any]:
    made = sa.create_engine(f"tokensh://{A}")
    yield made
    made.dispose()


@pytest.fixture
def tokens(engine: Any) -> Any:
    return sa.Table("user_tokens", sa.MetaData(), autoload_with=engine, schema=PLACE)


def rows(engine: Any, statement: Any, values: Any = None) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(statement, values or {})]


# ---- text


def test_text_runs_with_its_values_bound(engine: Any) -> None:
    sql = sa.text("SELECT comment FROM user_tokens WHERE expiry_time = :never AND comment <> :other")
    assert rows(engine, sql, {"never": -1, "other": "x' OR '1' = '1"}) == [("terraform ci",)]


def test_an_error_of_ours_is_the_error_of_sqlalchemy_of_the_same_name(engine: Any) -> None:
    with pytest.raises(sa.exc.ProgrammingError, match="unknown column 'toke_id'") as caught:
        rows(engine, sa.text("SELECT toke_id FROM user_tokens"))
    assert isinstance(caught.value.orig, errors.UnknownName)


def test_every_write_takes_effect_at_once(engine: Any, site: Sandbox) -> None:
    sql = sa.text("INSERT INTO user_tokens (comment) VALUES (:comment) RETURNING token_value")
    with engine.connect() as connection:
        (value,) = connection.execute(sql, {"comment": "by text"}).one()
        connection.rollback()
    assert value.startswith("dapi")
    assert list_requests(site) == [f"POST {A} create"]


def test_several_sets_of_values_are_several_statements(engine: Any, site: Sandbox) -> None:
    with engine.connect() as connection:
        sql = sa.text("INSERT INTO user_tokens (comment) VALUES (:comment) RETURNING token_value")
        assert connection.execute(sql, [{"comment": "1"}, {"comment": "2"}]).rowcount == 2
    assert list_requests(site) == [f"POST {A} create"] * 2


# ---- Core


def test_a_schema_is_a_provider_and_a_service_each_quoted_by_itself(engine: Any) -> None:
    table = sa.table("user tokens", sa.column("order"), schema="my provider.select")
    text = str(sa.select(table.c.order).compile(engine)).replace("\n", "")
    name = '"my provider"."select"."user tokens"'
    assert text == f'SELECT {name}."order" FROM {name}'


def test_a_select_of_core_asks_the_workspaces_it_names(engine: Any, tokens: Any, site: Sandbox) -> None:
    per_workspace = (
        sa.select(tokens.c.deployment_name, sa.func.count().label("tokens"))
        .where(tokens.c.deployment_name.in_([A, B]))
        .group_by(tokens.c.deployment_name)
        .order_by(tokens.c.deployment_name)
    )
    site.clear_log()
    assert [name for name, _ in rows(engine, per_workspace)] == [A, B]
    assert sorted(list_requests(site)) == list_calls(A, B)


def test_values_in_a_with_clause_go_where_they_stand_in_the_text(engine: Any, tokens: Any) -> None:
    mine = sa.select(tokens.c.comment).where(tokens.c.deployment_name == A).cte("mine")
    found = sa.select(mine.c.comment, sa.func.length(mine.c.comment)).where(mine.c.comment.like("terra%"))
    assert rows(engine, found) == [("terraform ci", 12)]


CORE: list[tuple[str, Any, list[tuple[Any, ...]]]] = [
    ("limit", lambda t: sa.select(t.c.comment).order_by(t.c.creation_time).limit(1), [("terraform ci",)]),
    ("offset", lambda t: sa.select(t.c.comment).order_by(t.c.creation_time).offset(1).limit(1), [("nightly export",)]),
    ("no rows", lambda t: sa.select(t.c.comment).where(t.c.comment.in_([])), []),
    ("alias", lambda t: (a := t.alias("a")) is not None and sa.select(a.c.comment).where(a.c.expiry_time == -1), [("terraform ci",)]),
    ("case", lambda t: sa.select(sa.case((t.c.expiry_time == -1, "never"), else_="ends")).where(t.c.expiry_time < 0), [("never",)]),
    ("exists", lambda t: sa.select(sa.literal(1)).where(sa.exists().where(t.c.expiry_time == -1)), [(1,)]),
    ("cast", lambda t: sa.select(sa.cast(t.c.expiry_time, sa.String)).where(t.c.expiry_time < 0), [("-1",)]),
    ("distinct from", lambda t: sa.select(t.c.comment).where(t.c.expiry_time.is_not_distinct_from(-1)), [("terraform ci",)]),
    ("ignoring case", lambda t: sa.select(t.c.comment).where(t.c.comment.ilike("TERRAFORM%")), [("terraform ci",)]),
    ("window", lambda t: sa.select(sa.func.row_number().over(order_by=t.c.creation_time)).limit(2), [(1,), (2,)]),
    ("union", lambda t: sa.union(sa.select(sa.literal(1)), sa.select(sa.literal(1))), [(1,)]),
]  # fmt: skip


@pytest.mark.parametrize(("make", "expected"), [case[1:] for case in CORE], ids=[case[0] for case in CORE])
def test_what_core_builds_is_understood(make: Any, expected: Any, engine: Any, tokens: Any) -> None:
    assert rows(engine, make(tokens)) == expected


@pytest.mark.parametrize("moment", [datetime.datetime(2000, 1, 1), datetime.date(2000, 1, 1)])
def test_a_date_is_converted_for_a_time_in_milliseconds(moment: Any, engine: Any, tokens: Any) -> None:
    query = sa.select(sa.func.count()).select_from(tokens)
    assert rows(engine, query.where(tokens.c.creation_time > moment)) == rows(engine, query)
    assert rows(engine, query.where(tokens.c.creation_time.in_([moment]))) == [(0,)]
    with pytest.raises(sa.exc.ProgrammingError, match="cannot be compared"):
        rows(engine, query.where(tokens.c.creation_time > moment.isoformat()))


def test_core_mints_and_revokes(engine: Any, site: Sandbox) -> None:
    table = sa.table("user_tokens", *map(sa.column, ("deployment_name", "token_id", "comment")), schema=PLACE)
    made = sa.insert(table).values(deployment_name=B, comment="core").returning(sa.column("token_value"))
    with engine.connect() as connection:
        connection.execute(made).one()
        wanted = sa.select(table.c.token_id).where(table.c.deployment_name == B, table.c.comment == "core")
        token_id = connection.scalar(wanted)
        gone = sa.delete(table).where(table.c.deployment_name == B, table.c.token_id == token_id)
        assert connection.execute(gone).rowcount == 1
        assert connection.scalar(wanted) is None


def test_local_tables_are_made_filled_and_read(engine: Any) -> None:
    team = sa.Table("team", sa.MetaData(), sa.Column("name", sa.String(50)), sa.Column("since", sa.Date))
    day = datetime.date(2026, 11, 14)
    with engine.connect() as connection:
        team.create(connection)
        connection.execute(sa.insert(team), [{"name": A, "since": day}, {"name": B, "since": None}])
        assert [tuple(row) for row in connection.execute(sa.select(team))] == [(A, day), (B, None)]
        team.drop(connection)


# ---- reflection


def test_inspect_tells_what_there_is(engine: Any) -> None:
    for sql in (
        "CREATE TABLE mine (n INTEGER)",
        "CREATE VIEW v AS SELECT 1 AS a",
        "CREATE MATERIALIZED VIEW m AS SELECT 2 AS b",
    ):
        rows_of(engine, sql)
    found = sa.inspect(engine)
    assert found.default_schema_name == PLACE
    assert {PLACE, "tokensh.local"} <= set(found.get_schema_names())
    assert {"user_tokens", "mine"} <= set(found.get_table_names())
    assert "user_tokens" in found.get_table_names(schema=PLACE)
    assert "statements" in found.get_table_names(schema="tokensh.local")
    assert found.get_table_names(schema="no.such") == []
    assert found.get_view_names() == ["v"]
    assert found.get_materialized_view_names() == ["m"]
    assert found.get_view_definition("v") == 'SELECT 1 AS "a"'
    assert [column["name"] for column in found.get_columns("v")] == ["a"]
    assert not found.has_table("nope")
    assert found.has_table("v")
    with pytest.raises(sa.exc.NoSuchTableError, match="nope"):
        found.get_columns("nope")


def rows_of(engine: Any, sql: str) -> None:
    with engine.connect() as connection:
        connection.execute(sa.text(sql))


def test_a_resource_has_the_columns_of_select_star_with_their_types(engine: Any, tokens: Any) -> None:
    described = {column.name: type(column.type).__name__ for column in tokens.columns}
    assert described == {
        "deployment_name": "String",
        "token_id": "String",
        "comment": "String",
        "creation_time": "BigInteger",
        "expiry_time": "BigInteger",
    }
    with engine.connect() as connection:
        assert list(connection.execute(sa.text("SELECT * FROM user_tokens")).keys()) == list(described)
    assert tokens.comment.startswith("Creates, updates, deletes")
    assert tokens.c.deployment_name.comment == "The Databricks Workspace Deployment Name"
    assert list(tokens.primary_key) == []


# ---- engines and URLs


def test_the_connections_of_an_engine_share_its_sandbox() -> None:
    engine = sa.create_engine("tokensh://?sandbox=true")
    made = sa.text("INSERT INTO user_tokens (comment) VALUES ('shared') RETURNING token_value")
    with engine.connect() as first, engine.connect() as second:
        first.execute(made)
        assert second.scalar(sa.text("SELECT count(*) FROM user_tokens WHERE comment = 'shared'")) == 1
    engine.dispose()
    assert engine.dialect._sandbox is None


def test_the_sandbox_of_an_engine_has_folders_of_its_own(site: Sandbox, tmp_path: Path) -> None:
    engine = sa.create_engine("tokensh://?sandbox=true")
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE TABLE team (name TEXT)"))
    engine.dispose()
    assert [path.parent.name for path in tmp_path.rglob("store.db")] == ["sandbox"]
    assert site.log == []


def test_a_url_may_hold_every_setting_but_a_credential(site: Sandbox) -> None:
    engine = sa.create_engine(f"tokensh://{B}/?timeout=5&max_connections=2&partial=true&yes=0")
    with engine.connect() as connection:
        session = connection.connection.driver_connection
        assert session.workspace == B
    engine.dispose()


WRONG = [
    ("tokensh://u:secret@x", "a tokensh URL is"),
    ("tokensh://x:443", "a tokensh URL is"),
    ("tokensh://x/db", "a tokensh URL is"),
    ("tokensh://x?token=dapi", "a URL must not hold a credential"),
    ("tokensh://x?sandbax=1", "did you mean 'sandbox'"),
    ("tokensh://x?timeout=soon", "invalid timeout: 'soon'"),
    ("tokensh://x?yes=maybe", "invalid yes: 'maybe'"),
    ("tokensh://x?yes=1&yes=0", "given more than once"),
]


@pytest.mark.parametrize(("url", "message"), WRONG, ids=[url for url, _ in WRONG])
def test_a_url_that_is_wrong_says_what_is_right(url: str, message: str) -> None:
    with pytest.raises(sa.exc.ArgumentError, match=message) as caught:
        sa.create_engine(url).connect()
    assert "secret" not in str(caught.value)
    assert "dapi" not in str(caught.value)


def test_a_url_takes_every_option_of_a_connection() -> None:
    url = sa.make_url("tokensh://x?" + "&".join(f"{name}=1" for name in OPTIONS if name != "workspace"))
    _, settings = url.get_dialect()().create_connect_args(url)
    assert set(settings) == set(OPTIONS)


def test_a_credential_is_given_beside_the_url(site: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_TOKEN")
    engine = sa.create_engine(f"tokensh://{A}", connect_args={"token": site.token})
    assert rows(engine, sa.text("SELECT comment FROM user_tokens WHERE expiry_time = -1")) == [("terraform ci",)]
    engine.dispose()


def test_autocommit_is_the_isolation_level(engine: Any) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert connection.get_isolation_level() == "AUTOCOMMIT"


def test_a_connection_closed_behind_the_pools_back_is_replaced(engine: Any) -> None:
    with engine.connect() as connection:
        connection.connection.driver_connection.close()
        with pytest.raises(sa.exc.InterfaceError):
            connection.execute(sa.text("SELECT 1"))
    assert rows(engine, sa.text("SELECT 1")) == [(1,)]


# ---- pandas


def test_pandas_reads_queries_and_tables_without_a_warning(engine: Any) -> None:
    pd = pytest.importorskip("pandas", reason="needs tokensh[pandas]")
    found = pd.read_sql(
        sa.text("SELECT comment, expiry_time FROM user_tokens WHERE expiry_time = :e"), engine, params={"e": -1}
    )
    assert found.to_dict("records") == [{"comment": "terraform ci", "expiry_time": -1}]
    assert "int64" in str(pd.read_sql("SELECT expiry_time FROM user_tokens", engine).dtypes)
    assert list(pd.read_sql_table("user_tokens", engine).columns)[:2] == ["deployment_name", "token_id"]


def test_pandas_writes_a_local_table(engine: Any) -> None:
    pd = pytest.importorskip("pandas", reason="needs tokensh[pandas]")
    frame = pd.DataFrame({"name": [A, B], "team": ["data", None], "n": [1, 2]})
    frame.to_sql("teams", engine, index=False, if_exists="replace")
    frame.to_sql("teams", engine, index=False, if_exists="append")
    joined = "SELECT team, count(*) AS tokens FROM (SELECT DISTINCT name, team FROM teams) JOIN user_tokens ON deployment_name = name GROUP BY team"
    assert pd.read_sql("SELECT count(*) AS n FROM teams", engine)["n"][0] == 4
    assert pd.read_sql(joined, engine)["team"].tolist() == [None, "data"]


def test_pandas_reads_from_a_connection_too_and_says_that_it_prefers_an_engine(site: Sandbox) -> None:
    pd = pytest.importorskip("pandas", reason="needs tokensh[pandas]")
    with tokensh.connect(workspace=A) as connection, pytest.warns(UserWarning, match="SQLAlchemy"):
        found = pd.read_sql("SELECT comment FROM user_tokens WHERE expiry_time = ?", connection, params=(-1,))
    assert found["comment"].tolist() == ["terraform ci"]


def test_what_a_block_commits_is_returned_or_pending(engine: Any) -> None:
    mint = sa.text("INSERT INTO user_tokens (comment) VALUES ('block') RETURNING token_value")
    with engine.begin() as connection:
        session = connection.connection.driver_connection
        connection.execute(sa.text("BEGIN"))
        connection.execute(mint)
        connection.execute(mint)
    pending = sa.text("SELECT statement FROM tokensh.local.pending")
    with engine.connect() as connection:
        assert len(connection.execute(pending).all()) == 2
    assert session is not None
    assert [str(row["token_value"])[:4] for row in session.returned] == ["dapi", "dapi"]
    with engine.connect() as connection:
        assert connection.execute(pending).all() == []


def test_commit_as_a_statement_returns_every_row(engine: Any) -> None:
    with engine.connect() as connection:
        for sql in ("BEGIN", *["INSERT INTO user_tokens (comment) VALUES ('c') RETURNING token_value"] * 2):
            connection.execute(sa.text(sql))
        rows = connection.execute(sa.text("COMMIT")).all()
        assert [str(value)[:4] for (value,) in rows] == ["dapi", "dapi"]


def test_an_insert_that_loses_the_value_is_refused(engine: Any) -> None:
    with engine.connect() as connection, pytest.raises(sa.exc.ProgrammingError, match="add RETURNING token_value"):
        connection.execute(sa.text("INSERT INTO user_tokens (comment) VALUES ('lost')"))
