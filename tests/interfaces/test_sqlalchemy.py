"""SQLAlchemy runs text and Core statements, reflects resources and reads URLs; pandas works through it."""

from __future__ import annotations

import datetime
import decimal
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
pytest.importorskip("sqlalchemy.orm")
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


@pytest.fixture
def made(engine: Any) -> Any:
    """Return a local table with a column of each kind, made by `create_all`."""
    columns = (
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("at", sa.DateTime, index=True),
        sa.Column("done", sa.Boolean),
        sa.Column("cost", sa.Numeric(10, 2)),
        sa.Column("name", sa.String(20), server_default="a", unique=True),
        sa.Column("ends", sa.Integer, server_default=sa.text("-1")),
        sa.Column("parent", sa.ForeignKey("kinds.id")),
        sa.CheckConstraint("ends >= -1", name="ends"),
    )
    conventions = {"pk": "pk_%(table_name)s", "ck": "ck_%(constraint_name)s", "ix": "ix_%(column_0_label)s"}
    metadata = sa.MetaData(naming_convention=conventions)
    table = sa.Table("kinds", metadata, *columns)
    metadata.create_all(engine)
    return table


def test_a_local_table_is_reflected_as_it_was_declared(engine: Any, made: Any) -> None:
    found = sa.inspect(engine)
    described = [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in found.get_columns("kinds")]
    assert described == [
        ("id", "INTEGER", False, None),
        ("day", "DATE", False, None),
        ("at", "DATETIME", True, None),
        ("done", "BOOLEAN", True, None),
        ("cost", "NUMERIC(10, 2)", True, None),
        ("name", "VARCHAR(20)", True, "'a'"),
        ("ends", "INTEGER", True, "-1"),
        ("parent", "INTEGER", True, None),
    ]
    assert found.get_pk_constraint("kinds")["constrained_columns"] == ["id"]
    assert [unique["column_names"] for unique in found.get_unique_constraints("kinds")] == [["name"]]
    (index,) = found.get_indexes("kinds")
    assert (index["name"], index["column_names"], index["unique"]) == ("ix_kinds_at", ["at"], 0)
    (key,) = found.get_foreign_keys("kinds")
    assert (key["constrained_columns"], key["referred_table"], key["referred_columns"]) == (["parent"], "kinds", ["id"])
    assert [(check["name"], check["sqltext"]) for check in found.get_check_constraints("kinds")] == [
        ("ck_ends", "ends >= -1")
    ]
    assert found.get_pk_constraint("kinds")["name"] == "pk_kinds"
    assert (found.get_temp_table_names(), found.get_temp_view_names()) == ([], [])


def test_values_come_back_as_they_were_through_reflection_too(engine: Any, made: Any) -> None:
    given = (1, datetime.date(2026, 1, 2), datetime.datetime(2026, 1, 2, 3, 4), True, decimal.Decimal("1.25"), "b", 7)
    names = [column.name for column in made.c][:-1]
    with engine.begin() as connection:
        connection.execute(sa.insert(made), dict(zip(names, given, strict=True)))
    reflected = sa.Table("kinds", sa.MetaData(), autoload_with=engine)
    for table in (made, reflected):
        assert rows(engine, sa.select(table)) == [(*given, None)]


def test_a_table_made_from_a_query_has_the_types_of_its_values(engine: Any) -> None:
    rows_of(
        engine, f"CREATE TABLE copied AS SELECT comment, expiry_time FROM user_tokens WHERE deployment_name = '{A}'"
    )
    described = [type(column["type"]).__name__ for column in sa.inspect(engine).get_columns("copied")]
    assert described == ["String", "BigInteger"]


# ---- engines and URLs


@pytest.mark.parametrize("name", ["tokensh", "tokensh+tokensh"])
def test_the_dialect_is_found_by_name_and_by_driver(name: str) -> None:
    assert sa.create_engine(f"{name}://{A}").dialect.name == "tokensh"


def test_documents_are_written_and_read_by_the_engines_own_functions(site: Sandbox) -> None:
    engine = sa.create_engine(f"tokensh://{A}", json_serializer=lambda _: '"given"', json_deserializer=str.upper)
    table = sa.Table("documents", sa.MetaData(), sa.Column("d", sa.JSON))
    table.create(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(table), {"d": {"a": 1}})
    assert rows(engine, sa.select(table)) == [('"GIVEN"',)]
    engine.dispose()


def test_a_nested_block_that_fails_undoes_its_changes(engine: Any, models: Any, site: Sandbox) -> None:
    note, token = models

    def add_nested(*objects: Any) -> None:
        with session.begin_nested():
            for each in objects:
                session.add(each)
                session.flush()

    with sa.orm.Session(engine) as session:
        session.add(note(id=1, text="kept"))
        session.flush()
        with pytest.raises(sa.exc.IntegrityError):
            add_nested(note(id=2, text="undone"), note(id=1, text="again"))
        with pytest.raises(sa.exc.NotSupportedError, match="only changes of local tables"):
            add_nested(token(deployment_name=A, comment="nested"))
        session.commit()
    assert rows(engine, sa.select(note.text)) == [("kept",)]
    assert list_requests(site) == []


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


# ---- the ORM


@pytest.fixture
def models(engine: Any) -> Any:
    """Return a mapped local table, and user_tokens mapped."""
    base = sa.orm.declarative_base()
    note = type("Note", (base,), {
        "__tablename__": "notes",
        "id": sa.Column(sa.Integer, primary_key=True),
        "text": sa.Column(sa.String, index=True),
    })  # fmt: skip
    token = type("Token", (base,), {
        "__tablename__": "user_tokens",
        "__table_args__": {"schema": PLACE},
        "deployment_name": sa.Column(sa.String, primary_key=True),
        "token_id": sa.Column(sa.String, sa.FetchedValue(), primary_key=True),
        "comment": sa.Column(sa.String),
        "expiry_time": sa.Column(sa.BigInteger, sa.FetchedValue()),
        "token_value": sa.orm.deferred(sa.Column(sa.String, sa.FetchedValue())),
    })  # fmt: skip
    base.metadata.create_all(engine, tables=[note.__table__])  # type: ignore[attr-defined]
    return note, token


def test_objects_are_stored_changed_and_deleted(engine: Any, models: Any) -> None:
    note, _ = models
    with sa.orm.Session(engine) as session:
        session.add_all([note(text="a"), note(text="b"), note(text="c")])
        session.commit()
        session.get(note, 2).text = "B"
        session.delete(session.get(note, 1))
        session.commit()
        added = session.scalars(sa.insert(note).returning(note), [{"text": "d"}, {"text": "e"}]).all()
        assert [(found.id, found.text) for found in added] == [(4, "d"), (5, "e")]
    everything = [(2, "B"), (3, "c"), (4, "d"), (5, "e")]
    assert rows(engine, sa.select(note.__table__).order_by("id")) == everything


def test_a_token_is_minted_and_revoked_as_an_object(engine: Any, models: Any, site: Sandbox) -> None:
    _, token = models
    with sa.orm.Session(engine) as session:
        minted = token(deployment_name=A, comment="as an object")
        session.add(minted)
        session.flush()
        assert (minted.token_value[:4], len(minted.token_id), minted.expiry_time > 0) == ("dapi", 64, True)
        session.delete(minted)
        session.flush()
    assert list_requests(site) == [f"POST {A} create", f"POST {A} delete"]


def test_an_insert_without_values_numbers_the_row(engine: Any, models: Any) -> None:
    note, _ = models
    with engine.begin() as connection:
        assert connection.execute(sa.insert(note.__table__)).inserted_primary_key == (1,)
    assert rows(engine, sa.select(note.__table__)) == [(1, None)]


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


def test_pandas_writes_with_its_default_arguments(engine: Any) -> None:
    pd = pytest.importorskip("pandas", reason="needs tokensh[pandas]")
    days = pd.to_datetime(["2026-01-01", "2026-01-02"])
    frame = pd.DataFrame({"n": [1, 2], "s": ["x", None], "day": days, "ok": [True, False], "x": [0.5, 2.0]})
    frame.to_sql("frames", engine)
    with pytest.raises(ValueError, match="exists"):
        frame.to_sql("frames", engine)
    pd.testing.assert_frame_equal(pd.read_sql_table("frames", engine, index_col="index"), frame, check_names=False)
    frame.to_sql("frames", engine, if_exists="append", chunksize=1)
    assert len(pd.read_sql_table("frames", engine)) == 4
    frame.to_sql("frames", engine, if_exists="replace", method="multi")
    assert len(pd.read_sql_table("frames", engine)) == 2
    assert A in list(pd.read_sql_table("workspaces", engine, schema="tokensh.local")["deployment_name"])


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
