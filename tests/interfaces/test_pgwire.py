"""`tokensh serve`: PostgreSQL's clients log in, look around, read, and are told what is wrong."""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import tokensh
from tokensh.environment import Environment
from tokensh.sandbox import Sandbox

pytest.importorskip("pygwire", reason="needs tokensh[interfaces] and Python 3.11")
import asyncpg
import psycopg
import sqlalchemy
from pg8000 import dbapi as pg8000

from tests.interfaces.pgwire_server import PASSWORD, PENALTY, A, Running, serve
from tokensh.integrations.pgwire.catalog import answer_catalog, asks_catalog
from tokensh.integrations.pgwire.main import load_certificate
from tokensh.integrations.pgwire.statements import prepare
from tokensh.integrations.pgwire.utilities import Settings

pytestmark = [pytest.mark.interfaces, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture
def server(site: Sandbox) -> Iterator[Running]:
    with serve() as running:
        yield running


# ---- clients


@pytest.mark.skipif(shutil.which("psql") is None, reason="psql is not installed")
def test_psql_lists_describes_reads_and_copies(server: Running) -> None:
    script = r"""
\dt
\d user_tokens
\dn
SELECT comment FROM user_tokens WHERE expiry_time = -1;
SELECT 1 AS one; SELECT 'a;b' AS two;
\copy (SELECT comment, expiry_time FROM user_tokens LIMIT 1) to stdout csv header
\copy user_tokens(comment) to stdout
SELECT nope FROM user_tokens;
"""
    variables = {**os.environ, "PGPASSWORD": PASSWORD, "PGCONNECT_TIMEOUT": "10"}
    options = ["psql", "-XqAt", "-h", "127.0.0.1", "-p", str(server.server.port), "-U", "me", "-d", "tokens"]
    done = subprocess.run(options, input=script, capture_output=True, text=True, env=variables, check=False, timeout=60)
    lines = done.stdout.splitlines()
    assert "workspace|user_tokens|table|tokensh" in lines
    assert "expiry_time|bigint|||" in lines
    assert "settings|tokensh" in lines
    assert lines.count("terraform ci") == 2  # the query's, and that of \copy
    assert lines[lines.index("1") : lines.index("1") + 4] == ["1", "a;b", "comment,expiry_time", "terraform ci,-1"]
    assert "unknown column 'nope'" in done.stderr
    assert "LINE 1: SELECT nope FROM user_tokens;\n               ^" in done.stderr


def test_psycopg_reads_text_and_binary_with_parameters(server: Running) -> None:
    query = (
        "SELECT comment, expiry_time, expiry_time / 2.0 AS half, true AS yes FROM user_tokens WHERE expiry_time = %s"
    )
    with server.psycopg() as connection:
        for binary in (False, True):
            rows = connection.execute(query, (-1,), binary=binary).fetchall()
            assert rows == [("terraform ci", -1, -0.5, True)]
        for _ in range(7):  # from the sixth on it is prepared
            assert connection.execute(query, (-1,)).fetchone()[0] == "terraform ci"
        with connection.pipeline():
            cursors = [connection.execute("SELECT %s::bigint + 1", (number,)) for number in range(3)]
        assert [cursor.fetchone() for cursor in cursors] == [(1,), (2,), (3,)]
        (count,) = connection.execute("SELECT count(*) FROM user_tokens").fetchone()
        with connection.cursor().copy("COPY (SELECT comment FROM user_tokens) TO STDOUT") as copy:
            assert len(list(copy.rows())) == count


def test_errors_have_a_state_a_position_and_a_hint_and_fail_their_transaction(server: Running) -> None:
    with server.psycopg(autocommit=False) as connection:
        with pytest.raises(psycopg.errors.UndefinedColumn) as caught:
            connection.execute("SELECT\n  nope FROM user_tokens")
        diagnosis = caught.value.diag
        assert (diagnosis.statement_position, diagnosis.message_hint) == ("10", "did you mean 'scopes'?")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            connection.execute("SELECT 1")
        connection.rollback()
        assert connection.execute("SELECT 1").fetchone() == (1,)
        for statement, state in (
            ("SELECT * FROM nothing", "42P01"),
            ("SELEC 1", "42601"),
            ("SELECT comment FROM user_tokens WHERE expiry_time = 'x'", "42000"),
            ("DELETE FROM user_tokens WHERE token_id = 'x'", "25006"),
            ("CREATE TABLE t (a INTEGER)", "25006"),
            ("COPY t FROM STDIN", "0A000"),
            ("SAVEPOINT a", None),
        ):
            connection.rollback()
            if state is None:
                connection.execute(statement)
                continue
            with pytest.raises(psycopg.Error) as caught:
                connection.execute(statement)
            assert caught.value.sqlstate == state, statement


def test_asyncpg_reads_and_fetches_portals_in_steps(server: Running) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(**server.settings, database="tokens", timeout=10)
        rows = await connection.fetch("SELECT comment, expiry_time FROM user_tokens WHERE expiry_time = $1", -1)
        assert [dict(row) for row in rows] == [{"comment": "terraform ci", "expiry_time": -1}]
        row = await connection.fetchrow(
            "SELECT count(*), max(expiry_time) / 2.0 FROM user_tokens WHERE expiry_time = -1"
        )
        assert tuple(row) == (1, -0.5)
        async with connection.transaction():
            numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT i FROM n"
            cursor = await connection.cursor(numbers)
            assert [row[0] for row in await cursor.fetch(2)] == [1, 2]
            assert await connection.fetchval("SELECT comment FROM user_tokens WHERE comment = $1", "terraform ci")
            assert len(await cursor.fetch(10_000)) == 2998
        await connection.reset()
        await connection.close()

    asyncio.run(run())


def test_pg8000_reads_with_parameters_without_types(server: Running) -> None:
    connection = pg8000.connect(**server.settings, database="tokens")
    cursor = connection.cursor()
    cursor.execute(
        "SELECT comment, expiry_time FROM user_tokens WHERE expiry_time = %s AND comment = %s", (-1, "terraform ci")
    )
    assert list(map(list, cursor.fetchall())) == [["terraform ci", -1]]
    connection.commit()
    connection.close()


def test_sqlalchemy_reflects_and_selects(server: Running) -> None:
    url = sqlalchemy.URL.create("postgresql+psycopg", "me", PASSWORD, "127.0.0.1", server.server.port, "tokens")
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    inspector = sqlalchemy.inspect(engine)
    assert inspector.default_schema_name == "workspace"
    assert "user_tokens" in inspector.get_table_names()
    assert "token_management" in inspector.get_table_names("settings")
    assert "token_management" not in inspector.get_table_names()
    assert [inspector.has_table(name) for name in ("user_tokens", "nothing")] == [True, False]
    table = sqlalchemy.Table("user_tokens", sqlalchemy.MetaData(), autoload_with=engine)
    assert isinstance(table.c.expiry_time.type, sqlalchemy.BigInteger)
    with engine.connect() as connection:
        query = sqlalchemy.select(table.c.comment).where(table.c.expiry_time == -1)
        assert connection.execute(query).scalars().all() == ["terraform ci"]


# ---- changes


def test_changes_take_effect_at_once_where_they_are_allowed(site: Sandbox) -> None:
    with serve(writes=True) as server, server.psycopg(autocommit=False) as connection:
        (value,) = connection.execute("INSERT INTO user_tokens (comment) SELECT 'pg' RETURNING token_value").fetchone()
        assert value.startswith("dapi")
        notices: list[str] = []
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
        connection.rollback()
        assert notices == ["what was changed in this transaction stays changed: the API has no transactions"]
        assert connection.execute("DELETE FROM user_tokens WHERE comment = 'pg'").rowcount == 1


def test_new_values_that_a_client_does_not_read_are_pending(site: Sandbox) -> None:
    insert = (
        "INSERT INTO user_tokens (comment) VALUES ('read'), ('unread'), ('unread too') RETURNING token_value, comment"
    )

    async def read_in_part(server: Running) -> list[list[str]]:
        found, notices = [], list[str]()
        connection = await asyncpg.connect(**server.settings, database="tokens")
        connection.add_log_listener(lambda _, message: notices.append(message.message))

        async def note_pending() -> None:
            found.append([row[0] for row in await connection.fetch("SELECT comment FROM tokensh.local.pending")])

        assert (await connection.fetchrow(insert))["comment"] == "read"
        await note_pending()
        assert any("not read: 2; see tokensh.local.pending" in notice for notice in notices), (notices, found)
        assert (await connection.fetchval(insert.replace(", ('unread'), ('unread too')", ""))).startswith("dapi")
        async with connection.transaction():
            cursor = await connection.cursor(insert)
            assert len(await cursor.fetch(2)) == 2
            assert len(await cursor.fetch(2)) == 1
        await note_pending()
        for _, statement in await connection.fetch("SELECT token_id, statement FROM tokensh.local.pending"):
            await connection.execute(statement)
        await note_pending()
        await connection.close()
        return found

    with serve(writes=True) as server:
        assert asyncio.run(read_in_part(server)) == [["unread", "unread too"], ["unread", "unread too"], []]


@pytest.mark.parametrize("leave", ["terminate", "close"])
def test_new_values_of_a_client_that_has_left_are_pending_and_no_more_are_made(leave: str, site: Sandbox) -> None:
    insert = (
        f"INSERT INTO user_tokens (comment) VALUES ('{leave} 1'), ('{leave} 2'), ('{leave} 3') RETURNING token_value"
    )

    async def leave_early(server: Running) -> None:
        connection = await asyncpg.connect(**server.settings, database="tokens")
        transport = connection._transport
        site.fault("POST */create", delay=0.5)
        statement = asyncio.create_task(connection.execute(insert))
        while not any("create" in entry.path for entry in site.log):
            await asyncio.sleep(0.01)
        if leave == "close":  # as libpq does: a farewell, which waits to be read while the statement runs
            transport.write(b"X\0\0\0\4")
            transport.close()
        connection.terminate()
        with pytest.raises((ConnectionError, asyncpg.PostgresError)):
            await statement

    with serve(writes=True) as server:
        asyncio.run(leave_early(server))
        with server.psycopg() as connection:
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                made = connection.execute(f"SELECT comment FROM user_tokens WHERE comment LIKE '{leave} %'").fetchall()
                pending = connection.execute("SELECT comment FROM tokensh.local.pending").fetchall()
                if made and made == pending:
                    break
                time.sleep(0.05)
            assert made == pending == [(f"{leave} 1",)]


# ---- the server


def test_it_listens_on_loopback_alone_and_wrong_passwords_are_slow_and_noted(server: Running) -> None:
    started = time.monotonic()

    def guess(_: int) -> str:
        with pytest.raises(psycopg.OperationalError) as caught:
            server.psycopg(password="wrong password")
        return str(caught.value)

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(guess, range(3)))
    assert all('password authentication failed for user "me"' in answer for answer in answers)
    assert time.monotonic() - started > 3 * PENALTY
    assert server.notes == ["a login as 'me' failed"] * 3
    own = socket.gethostbyname(socket.gethostname())
    if not own.startswith("127."):
        with pytest.raises(ConnectionError):
            socket.create_connection((own, server.server.port), timeout=2).close()


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"


@pytest.mark.parametrize("version", ["3.0", "3.2"])
def test_a_running_statement_is_cancelled_and_the_connection_goes_on(server: Running, version: str) -> None:
    if version == "3.2" and psycopg.pq.version() < 180_000:
        pytest.skip("needs libpq 18")
    settings = {} if version == "3.0" else {"min_protocol_version": version}
    with server.psycopg(**settings) as connection:
        timer = threading.Timer(0.3, connection.cancel_safe)
        timer.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute(f"{ENDLESS} SELECT count(*) FROM n")
        timer.join()
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_newer_protocol_is_answered_with_the_newest_that_is_known(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", server.server.port), timeout=5) as client:
        startup = struct.pack("!I", 3 << 16 | 99) + b"user\0me\0_pq_.new\0on\0\0"
        client.sendall(struct.pack("!I", len(startup) + 4) + startup)
        answer = struct.pack("!II", 3 << 16 | 2, 1) + b"_pq_.new\0"
        assert client.recv(100).startswith(frame(b"v", answer) + b"R")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the files of a certificate for 127.0.0.1 and of its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl, to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    command += f" -addext subjectAltName=IP:127.0.0.1 -out {folder}/cert.pem -keyout {folder}/key.pem"
    subprocess.run(command.split(), check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


def test_clients_that_ask_for_tls_get_it(site: Sandbox, certificate: tuple[Path, Path]) -> None:
    tls = load_certificate(Environment.from_process(), *map(str, certificate))
    with serve(tls=tls) as server:
        with server.psycopg(sslmode="verify-full", sslrootcert=str(certificate[0])) as connection:
            assert connection.pgconn.ssl_in_use
            assert connection.execute(f"{ENDLESS} SELECT i FROM n LIMIT 9000").fetchall()[-1] == (9000,)
            timer = threading.Timer(0.3, connection.cancel_safe)
            timer.start()
            with pytest.raises(psycopg.errors.QueryCanceled):
                connection.execute(f"{ENDLESS} SELECT count(*) FROM n")
            timer.join()
        with server.psycopg(sslmode="disable") as connection:
            assert not connection.pgconn.ssl_in_use
        with pytest.raises(psycopg.OperationalError):
            server.psycopg(sslmode="require", password="wrong password")
        for second, answer in ((SEEDS[0], b"E"), (b"", b"S")):  # what comes before the handshake is refused
            with socket.create_connection(("127.0.0.1", server.server.port), timeout=5) as client:
                client.sendall(SEEDS[1] + second)
                assert client.recv(1) == answer


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("exposed", "others can read"),
        ("missing", "No such file"),
        ("not a key", "cannot use the certificate"),
        ("encrypted", "the key is encrypted"),
        ("no certificate", "--tls-key needs --tls-cert"),
    ],
)
def test_what_cannot_encrypt_is_an_error(
    certificate: tuple[Path, Path], tmp_path: Path, change: str, said: str
) -> None:
    key = tmp_path / "key.pem"
    if change != "missing":
        key.write_bytes(b"x" if change == "not a key" else certificate[1].read_bytes())
        key.chmod(0o644 if change == "exposed" else 0o600)
    if change == "encrypted":
        subprocess.run(
            ["openssl", "ec", "-aes128", "-passout", "pass:x", "-in", certificate[1], "-out", key],
            check=True,
            capture_output=True,
        )
    with pytest.raises(tokensh.InterfaceError) as caught:
        load_certificate(
            Environment.from_process(), None if change == "no certificate" else str(certificate[0]), str(key)
        )
    assert said in str(caught.value)


def memory() -> int:
    """Return the bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("statement", ["{}", "COPY ({}) TO STDOUT"])
def test_a_client_that_does_not_read_costs_no_memory(server: Running, statement: str) -> None:
    query = statement.format(f"{ENDLESS} SELECT i, hex(zeroblob(500)) FROM n")
    with (
        server.psycopg(sslmode="disable") as connection,
        socket.socket(fileno=os.dup(connection.fileno())) as taken,
    ):
        taken.settimeout(10)
        taken.sendall(frame(b"Q", query.encode() + b"\0"))
        taken.recv(1 << 16)
        before = memory()
        time.sleep(0.6)
        assert memory() - before < 8 << 20
        got = sum(len(taken.recv(1 << 16)) for _ in range(300))
        assert got > 8 << 20  # it goes on when the client does
        taken.shutdown(socket.SHUT_RDWR)


CLIENTS = int(os.environ.get("TOKENSH_PG_CLIENTS", "12"))


def test_many_clients_have_sessions_of_their_own(server: Running) -> None:
    connections = [server.psycopg() for _ in range(CLIENTS)]

    def look(number: int) -> tuple[int, int]:
        connections[number].execute(f"SET application_name = 'client {number}'")
        (count,) = connections[number].execute("SELECT count(*) FROM user_tokens").fetchone()
        (name,) = connections[number].execute("SHOW application_name").fetchone()
        return count, int(name.split()[1])

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(look, range(CLIENTS)))
    assert [number for _, number in found] == list(range(CLIENTS))
    assert len({count for count, _ in found}) == 1
    for connection in connections:
        connection.close()


# ---- broken clients

MESSAGES = int(os.environ.get("TOKENSH_PG_MESSAGES", "300"))


def frame(kind: bytes, payload: bytes) -> bytes:
    return kind + struct.pack("!I", len(payload) + 4) + payload


STARTUP = struct.pack("!II", 0, 196_608) + b"user\0me\0database\0d\0\0"
SEEDS = (
    struct.pack("!I", len(STARTUP)) + STARTUP[4:],
    struct.pack("!II", 8, 80_877_103),
    struct.pack("!IIII", 16, 80_877_102, 1, 1),
    frame(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", 20) + b"n,,n=,r=abcdefghijkl"),
    frame(b"Q", b"SELECT 1\0"),
    frame(b"P", b"s\0SELECT $1\0" + struct.pack("!HI", 1, 25)),
    frame(b"B", b"\0s\0" + struct.pack("!HHHI", 1, 0, 1, 1) + b"x" + struct.pack("!H", 0)),
    frame(b"D", b"Ps\0") + frame(b"E", b"\0" + struct.pack("!I", 0)) + frame(b"S", b""),
)


def mutate(chooser: random.Random, message: bytes) -> bytes:
    data = bytearray(message)
    for _ in range(chooser.randint(0, 4)):
        at = chooser.randrange(len(data) + 1)
        match chooser.randrange(4):
            case 0:
                data[at : at + 1] = bytes([chooser.randrange(256)])
            case 1:
                del data[at : at + chooser.randint(1, 8)]
            case 2:
                data[at:at] = chooser.randbytes(chooser.randint(1, 8))
            case _:
                data[at:at] = chooser.choice(SEEDS)
    return bytes(data)


@contextmanager
def raw_connection(server: Running, chooser: random.Random) -> Iterator[socket.socket]:
    """Connect without a login, or, half of the time, take over the socket of a client that has logged in."""
    if chooser.random() < 0.5:
        with socket.create_connection(("127.0.0.1", server.server.port), timeout=5) as plain:
            yield plain
    else:
        with (
            server.psycopg(sslmode="disable") as connection,
            socket.socket(fileno=os.dup(connection.fileno())) as taken,
        ):
            taken.settimeout(5)
            yield taken


def test_mutated_messages_neither_end_nor_block_the_server(server: Running) -> None:
    chooser = random.Random(20_261_127)
    sent = 0
    while sent < MESSAGES:
        with suppress(OSError), raw_connection(server, chooser) as client:
            for _ in range(chooser.randint(1, 30)):
                client.sendall(mutate(chooser, chooser.choice(SEEDS)))
                sent += 1
            client.setblocking(False)
            with suppress(BlockingIOError):
                client.recv(1 << 16)
    with server.psycopg() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_statement_keeps_its_positions_and_its_parameters_in_order() -> None:
    prepared = prepare("SELECT $2::bigint, '$1', \"$1\", $1 -- $3\n")
    assert prepared.text == "SELECT ? ::bigint, '$1', \"$1\", ?  -- $3\n"
    assert prepared.arrange(["a", 2]) == (2, "a")
    assert prepared.types == (0, 20)


@pytest.mark.parametrize(
    ("query", "names", "first"),
    [
        (
            "SELECT nspname AS schema FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1",
            ["schema"],
            ("settings",),
        ),
        (
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema NOT IN ('settings')"
            " AND table_name LIKE 'user%'",
            ["table_schema", "table_name"],
            ("workspace", "user_tokens"),
        ),
        (
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = $1 AND table_schema = 'workspace'",
            ["column_name", "data_type"],
            ("deployment_name", "text"),
        ),
        ("SELECT c.oid, i.indexrelid AS i FROM pg_index i JOIN pg_class c ON true", ["oid", "i"], None),
        ("SELECT count(x.a) FROM pg_catalog.pg_enum x", ["count"], (0,)),
    ],
)
def test_the_catalog_answers_what_a_query_asks(
    query: str, names: list[str], first: tuple[object, ...] | None, site: Sandbox
) -> None:
    assert asks_catalog(query)
    with tokensh.connect(workspace=A) as connection:
        answer = answer_catalog(query, ["user_tokens"], connection, Settings({"user": "me", "database": "tokens"}))
    assert [name for name, _ in answer.columns] == names
    assert (answer.rows[0] if answer.rows else None) == first


def test_the_command_says_where_it_listens_and_ends_when_told(site: Sandbox, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tokensh", "srv", "-w", A, "--port", "0", "--log", str(tmp_path / "log")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        try:
            address, _, file = said.removeprefix("PostgreSQL protocol at ").partition(
                ", for reading; any user, the password is in "
            )
            path = Path(file.strip())
            assert path.stat().st_mode & 0o777 == 0o600
            host, port = address.split(":")
            settings = {"host": host, "port": port, "user": "me", "password": path.read_text()}
            with psycopg.connect(**settings) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
                with pytest.raises(psycopg.Error):
                    connection.execute(f"SELECT nope FROM user_tokens WHERE comment = '{site.token}'")
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(**settings | {"password": "wrong password"})
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=10)
    assert process.returncode == 0
    log = (tmp_path / "log").read_text()
    assert "pgwire=login" in log
    assert re.search(r'pgwire=statement client=1 outcome=done ms=\d+ sql="SELECT 1"', log)
    assert re.search(r"pgwire=statement client=1 outcome=failed ms=\d+ sql=.*nope.*\[hidden\]", log)
    assert site.token not in log
