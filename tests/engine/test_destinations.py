"""The value of a new token goes to a program or a file and nowhere else; what cannot be delivered stays pending and is named."""

from __future__ import annotations

import io
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.sessions import A, connect, list_requests, run
from tests.environments import make_environment
from tests.shared_parser import CACHE_HOME
from tokensh import sandbox
from tokensh.api.hosts import Target
from tokensh.engine.callbacks import Callbacks
from tokensh.engine.destinations import Destination, FileDestination, NewSecret, ProgramDestination, make_destination
from tokensh.environment import Cancellation, Environment, handle_interrupts
from tokensh.errors import ApiError, InterfaceError, OutputError, UnknownOutcome
from tokensh.sandbox import Sandbox

pytestmark = pytest.mark.judged

SECRET = NewSecret(Target("https", "h", 443, "", "dbc-1"), "0f1e", "dapi" + "5" * 32)
INSERT = f"INSERT INTO user_tokens (deployment_name, comment) VALUES ('{A}', 'new')"
PENDING = "SELECT token_id FROM tokensh.local.pending"


@pytest.fixture
def site() -> Iterator[Sandbox]:
    with sandbox.start() as running:
        yield running


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return make_environment(tmp_path, variables={"PATH": "/usr/bin:/bin"})


def test_a_program_gets_the_value_alone_and_the_names_in_its_environment(
    environment: Environment, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = f"(cat; echo; echo $TOKENSH_DEPLOYMENT_NAME $TOKENSH_TOKEN_ID; env; cat /proc/$$/cmdline) > {out}"
    assert ProgramDestination(command, environment).deliver(SECRET) == f"the program {command}"
    first, second, *rest = out.read_text().splitlines()
    assert (first, second) == (SECRET.value, "dbc-1 0f1e")
    assert SECRET.value not in "".join(rest)


def test_a_program_may_leave_the_value_to_a_child_in_the_background(environment: Environment, tmp_path: Path) -> None:
    out = tmp_path / "out"
    descriptors = len(list(Path("/dev/fd").iterdir()))
    ProgramDestination(f"exec 3<&0; (sleep 0.1; cat <&3 > {out}) &", environment).deliver(SECRET)
    assert len(list(Path("/dev/fd").iterdir())) == descriptors
    deadline = time.monotonic() + 10
    while out.read_text() != SECRET.value and time.monotonic() < deadline:
        time.sleep(0.01)
    assert out.read_text() == SECRET.value


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("exit 3", "failed with status 3$"),
        ("echo no such vault >&2; false", "failed with status 1: no such vault"),
        ("cat >&2; exit 1", r"failed with status 1: \*\*\*$"),
        ("cat > /dev/full", "failed with status"),
        ("kill -9 $$", "failed with status -9"),
        ("true", "ended without reading the value"),
        ("exec <&-; true", "ended without reading the value"),
        ("dd bs=1 count=3", "ended without reading the value"),
        ("sleep 60", "did not take the value within 0.2 s"),
        ("sleep 60 & wait", "did not take the value within 0.2 s"),
    ],
)
def test_a_program_that_fails_or_hangs_is_an_error(command: str, reason: str, environment: Environment) -> None:
    started = time.monotonic()
    with pytest.raises(OutputError, match=reason) as caught:
        ProgramDestination(command, environment, timeout=0.2).deliver(SECRET)
    assert time.monotonic() - started < 10
    assert SECRET.value not in str(caught.value)


def test_ctrl_c_stops_a_program_that_hangs(environment: Environment) -> None:
    cancellation = Cancellation()
    with handle_interrupts(cancellation), pytest.raises(OutputError, match="was stopped by Ctrl-C"):
        ProgramDestination("kill -INT $PPID; sleep 30", environment).deliver(SECRET)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda e: ProgramDestination("/nowhere/program --flag", e), "/nowhere/program does not exist"),
        (lambda e: ProgramDestination("nosuchprogram", e), "nosuchprogram does not exist"),
        (lambda e: ProgramDestination(" ", e), "is empty"),
        (lambda e: ProgramDestination("cat 'x", e), "cannot read the command"),
        (lambda e: FileDestination("/nowhere/x", e), "cannot write into the folder"),
        (lambda e: FileDestination("{secret}", e), "unknown name .*{secret}"),
        (lambda e: FileDestination("{", e), "invalid path"),
        (lambda e: FileDestination("", e), "invalid path"),
        (lambda e: FileDestination("/dev/null", e), "not a file"),
        (lambda e: FileDestination("-", e), "- is not a file"),
    ],
)
def test_what_cannot_take_a_value_is_refused_before_a_token_is_made(
    make: Callable[[Environment], Destination], reason: str, environment: Environment
) -> None:
    with pytest.raises(InterfaceError, match=reason):
        make(environment).check()


def test_a_file_is_replaced_whole_and_is_its_owner_s_alone(environment: Environment, tmp_path: Path) -> None:
    path = tmp_path / "dbc-1.0f1e"
    path.write_text("the value before")
    path.chmod(0o644)
    destination = FileDestination("~/{deployment_name}.{token_id}", environment)
    destination.check()
    assert destination.deliver(SECRET) == str(path)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == (SECRET.value, 0o600)
    assert [each.name for each in tmp_path.glob("*0f1e*")] == [path.name]
    with pytest.raises(OutputError, match="holds the value of another new token"):
        destination.deliver(SECRET)


@pytest.mark.parametrize("token_id", ["../x", "a/b", "", ".hidden", "a..b"])
def test_an_id_of_the_server_s_never_leads_elsewhere(token_id: str, environment: Environment, tmp_path: Path) -> None:
    secret = NewSecret(SECRET.target, token_id, SECRET.value)
    with pytest.raises(OutputError, match="cannot be a part of a path"):
        FileDestination("~/{token_id}", environment).deliver(secret)
    assert not list(tmp_path.rglob("x"))


def test_a_value_that_was_delivered_is_in_no_result_and_not_pending(site: Sandbox, tmp_path: Path) -> None:
    delivered: list[NewSecret] = []
    notes: list[str] = []

    def deliver(secret: NewSecret) -> str:
        delivered.append(secret)
        return "the vault"

    with connect(
        site, tmp_path, callbacks=Callbacks(deliver_value=deliver, verifies=True, note=notes.append)
    ) as connection:
        connection.holds_back_values = True
        ((token_id, value, part),) = run(
            connection, f"{INSERT} RETURNING token_id, token_value, substr(token_value, 1, 9)"
        )
        run(connection, INSERT)
        run(connection, f"EXEC user_tokens.create @deployment_name = '{A}'")
    assert (token_id, value, part) == (delivered[0].token_id, None, None)
    assert len({secret.value for secret in delivered}) == 3
    assert sum(f"works, as {'ada@example.com'}" in note for note in notes) == 3
    assert sum("went to the vault" in note for note in notes) == 3
    with connect(site, tmp_path) as later:
        assert run(later, PENDING) == []


def test_a_value_that_cannot_be_delivered_is_pending_and_stops_what_follows(site: Sandbox, tmp_path: Path) -> None:
    def deliver(secret: NewSecret) -> str:
        raise OutputError("the vault is closed")

    with connect(site, tmp_path, callbacks=Callbacks(deliver_value=deliver)) as connection:
        with pytest.raises(UnknownOutcome, match="the vault is closed") as caught:
            run(connection, f"{INSERT}, ('{A}', 'next')")
        assert caught.value.exit_status == 4
        ((token_id, _),) = caught.value.orphans
    assert list_requests(site) == [f"POST {A} create"]
    with connect(site, tmp_path) as later:
        assert run(later, PENDING) == [(token_id,)]


def test_verification_waits_for_a_workspace_that_learns_late(site: Sandbox, tmp_path: Path) -> None:
    site.fault("GET */scim/v2/Me", status=403, times=3)
    notes: list[str] = []
    callbacks = Callbacks(verifies=True, note=notes.append, keep_value=lambda *_: None)
    with connect(site, tmp_path, callbacks=callbacks) as connection:
        run(connection, INSERT)
    assert any("works, as ada@example.com" in note for note in notes)


def test_a_new_token_that_does_not_work_fails_the_statement(site: Sandbox, tmp_path: Path) -> None:
    site.fault("GET */scim/v2/Me", status=403, body={"error_code": 403, "message": "Invalid access token."}, times=None)
    ticks = iter(range(0, 100_000, 5))
    callbacks = Callbacks(verifies=True, keep_value=lambda *_: None)
    with connect(site, tmp_path, callbacks=callbacks) as connection:
        object.__setattr__(connection.environment, "monotonic", lambda: float(next(ticks)))
        with pytest.raises(ApiError, match=r"the new token .* does not work: .*Invalid access token"):
            run(connection, INSERT)


def test_a_token_of_other_scopes_is_known_to_the_workspace(site: Sandbox, tmp_path: Path) -> None:
    site.fault("GET */scim/v2/Me", status=403, body={"error_code": 403, "message": "lacks required scopes: scim"})
    with connect(site, tmp_path, callbacks=Callbacks(verifies=True, keep_value=lambda *_: None)) as connection:
        run(connection, INSERT)


def test_the_command_line_delivers_and_fails_with_4(tmp_path: Path) -> None:
    from tokensh.cli.main import main  # noqa: PLC0415 (the only test that needs it)

    def cli(*arguments: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        variables = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(CACHE_HOME), "PATH": "/usr/bin:/bin"}
        status = main(("--sandbox", *arguments), Environment(sys.stdin, out, err, variables))
        return status, out.getvalue(), err.getvalue()

    insert = "INSERT INTO user_tokens (comment) VALUES ('a')"
    status, out, err = cli("--deliver-file", f"{tmp_path}/value", "--verify", "-c", insert)
    assert (status, out) == (0, "")
    assert f"went to {tmp_path}/value" in err
    assert "works, as ada@example.com" in err
    assert (tmp_path / "value").read_text() not in err
    assert cli("--deliver", "exit 5", "-c", insert)[0] == 4
    assert cli("--deliver", "nosuchprogram", "-c", insert)[0] == 2
    assert cli("--deliver", "cat", "--deliver-file", "x", "-c", insert)[0] == 2


def test_a_program_and_a_file_exclude_each_other_and_neither_is_no_destination(environment: Environment) -> None:
    with pytest.raises(InterfaceError, match="--deliver and --deliver-file exclude each other"):
        make_destination("cat", "value", environment)
    assert make_destination(None, None, environment) is None
