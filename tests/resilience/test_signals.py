"""Signals at every moment of a create, and output that goes nowhere: the value is delivered, or its token named."""

from __future__ import annotations

import re
import resource
import signal
import subprocess
from pathlib import Path

import pytest

from tests.resilience.processes import Started, held_back, journal, late, never, pending
from tests.resilience.running import COMMAND, INSERT, SELECT, WORKSPACE, Harness
from tests.resilience.server import FaultyServer, hangs, resets_after_effect
from tests.shell.terminal import Terminal
from tokensh.engine.history import History

COPY = "INSERT INTO user_tokens (comment) SELECT 'copy' FROM user_tokens RETURNING token_value"
"""A create that lists before it creates."""
KILLERS = {"TERM": signal.SIGTERM, "HUP": signal.SIGHUP, "KILL": signal.SIGKILL, "QUIT": signal.SIGQUIT}
SIGNALS = {**KILLERS, "INT": signal.SIGINT, "INT twice": signal.SIGINT}
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")


def interrupt(run: Started, name: str) -> None:
    run.process.send_signal(SIGNALS[name])
    if name == "INT twice":
        run.process.send_signal(signal.SIGINT)


@pytest.mark.parametrize("name", SIGNALS)
def test_before_the_request_is_sent_nothing_is_created(name: str, place: Harness, workspace: FaultyServer) -> None:
    workspace.on("list", held_back(never))
    run = Started(place, "-c", COPY)
    run.when(lambda: len(workspace.log) == 1)
    interrupt(run, name)
    ran = run.ended()
    # The second may come while Python shuts down, when SIGINT has its default effect again. To a shell both are 130.
    expected = {"INT": {130}, "INT twice": {130, -signal.SIGINT}}.get(name, {-SIGNALS[name]})
    assert ran.status in expected
    assert (ran.out, ran.minted, ran.count_requests("POST")) == ("", [], 0)
    assert pending(place) == []


def test_the_first_ctrl_c_waits_for_the_value_and_delivers_it(place: Harness, workspace: FaultyServer) -> None:
    sent: list[bool] = []
    workspace.on("create", late(lambda: bool(sent)))
    run = Started(place, "-o", "json", "-c", INSERT, "-c", "SELECT 'never'")
    run.when(lambda: len(workspace.effects) == 1)
    interrupt(run, "INT")
    run.process.poll()
    sent.append(True)
    ran = run.ended()
    assert ran.status == 130
    assert place.tokens.minted[ran.minted[0]] in ran.out
    assert "never" not in ran.out
    assert pending(place) == []


def test_the_second_ctrl_c_gives_it_up_and_names_the_token(place: Harness, workspace: FaultyServer) -> None:
    workspace.on("create", late(never))
    run = Started(place, "-o", "json", "-c", INSERT)
    run.when(lambda: len(workspace.effects) == 1)
    run.process.send_signal(signal.SIGINT)
    run.when(lambda: not signal_is_pending(run.process.pid))
    run.process.send_signal(signal.SIGINT)
    ran = run.ended()
    assert (ran.status, ran.out) == (4, "")
    assert ran.minted[0] in ran.err


def signal_is_pending(pid: int) -> bool:
    """Whether a SIGINT waits to be taken by a process: two that wait are one."""
    path = Path(f"/proc/{pid}/status")
    if not path.exists():
        return False
    found = re.search(r"^ShdPnd:\s*([0-9a-f]+)$", path.read_text(), re.MULTILINE)
    return bool(found) and bool(int(found.group(1), 16) & 1 << signal.SIGINT - 1) if found else False


@pytest.mark.parametrize("name", KILLERS)
def test_a_create_whose_process_is_killed_is_found_at_the_next_start(
    name: str, place: Harness, workspace: FaultyServer
) -> None:
    workspace.on("create", late(never))
    run = Started(place, "-o", "json", "-c", INSERT)
    run.when(lambda: len(workspace.effects) == 1)
    interrupt(run, name)
    ran = run.ended(checked=False)
    assert (ran.status, ran.out, ran.count_requests("POST")) == (-SIGNALS[name], "", 1)
    (token_id,) = ran.minted
    workspace.on("create")
    _is_found_and_settled(place, token_id)


def _is_found_and_settled(place: Harness, token_id: str) -> None:
    """The way from the next start's notice to a token that is gone and a table that is empty."""
    listed = place.run("-o", "csv", "-H", "-c", "SELECT statement FROM tokensh.local.pending")
    assert listed.err == f'note: unknown outcome of 1 create ({WORKSPACE} "ci"): SELECT * FROM tokensh.local.pending\n'
    look = listed.out.strip().strip('"').replace('""', '"')
    assert place.run("-o", "csv", "-H", "-c", look).out.split(",")[1] == token_id
    revoked = place.run("-c", f"""EXEC user_tokens.revoketoken @@json = '{{"token_id": "{token_id}"}}'""")
    assert (revoked.status, place.tokens.infos) == (0, {})
    place.run("-c", "DELETE FROM tokensh.local.pending")
    assert place.run("-c", "SELECT 1").err == ""
    assert list(journal(place).iterdir()) == []


@pytest.mark.parametrize("name", SIGNALS)
def test_after_the_value_is_written_nothing_is_pending(name: str, place: Harness, workspace: FaultyServer) -> None:
    workspace.on("list", hangs)
    run = Started(place, "-o", "json", "-c", INSERT, "-c", SELECT)
    run.when(lambda: any(seen.route == "list" for seen in workspace.log))
    interrupt(run, name)
    ran = run.ended()
    # A second Ctrl-C may come while the interpreter ends, which then ends by the signal: 130 for a shell, too.
    ends = {"INT": (130,), "INT twice": (130, -signal.SIGINT)}
    assert ran.status in ends.get(name, (-SIGNALS[name],))
    assert place.tokens.minted[ran.minted[0]] in ran.out
    assert pending(place) == []


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="there is no /proc here")
def test_a_quit_leaves_no_core_file(place: Harness, workspace: FaultyServer) -> None:
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("core files are forbidden here anyhow")
    workspace.on("list", hangs)
    run = Started(place, "-c", SELECT, shell='ulimit -S -c "$(ulimit -H -c)"; exec "$@"')
    run.when(lambda: len(workspace.log) == 1)
    limits = Path(f"/proc/{run.process.pid}/limits").read_text()
    interrupt(run, "QUIT")
    run.ended()
    assert re.search(r"^Max core file size +0 ", limits, re.MULTILINE)


# ---- output that goes nowhere


@needs_full
@pytest.mark.parametrize("form", ["table", "json", "csv", "line"])
def test_a_value_that_a_full_disk_swallows_makes_an_orphan(form: str, place: Harness) -> None:
    with FULL.open("wb") as full:
        ran = Started(place, "-o", form, "-c", INSERT, stdout=full).ended()
    assert (ran.status, ran.count_requests("POST"), len(ran.minted)) == (4, 1, 1)
    assert "No space left on device" in ran.err
    assert [token_id for token_id, _ in pending(place)[0].intent.orphans] == ran.minted


@needs_full
def test_an_outfile_on_a_full_disk_makes_an_orphan(place: Harness) -> None:
    ran = place.run("-O", str(FULL), "-c", INSERT)
    assert (ran.status, len(ran.minted)) == (4, 1)


@needs_full
def test_a_listing_that_a_full_disk_swallows_fails(place: Harness) -> None:
    with FULL.open("wb") as full:
        assert Started(place, "-c", SELECT, stdout=full).ended().status == 1


def test_with_standard_output_closed_nothing_is_sent(place: Harness) -> None:
    ran = Started(place, "-c", INSERT, shell='exec "$@" >&-').ended()
    assert (ran.status, ran.count_requests("POST")) == (1, 0)
    assert "standard output is closed" in ran.err


def piped(place: Harness, reader: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run before a pipe; its own exit status is the last line of what is written on the error stream."""
    script = f'{{ "$@"; echo "status $?" >&2; }} | {reader}'
    command = ["sh", "-c", script, "sh", str(COMMAND), *place.base(None, WORKSPACE), *arguments]
    return subprocess.run(
        command, env=place.variables(), capture_output=True, text=True, check=True, timeout=60, umask=0, cwd=place.home
    )


@pytest.mark.parametrize("form", ["table", "csv"])
def test_head_that_leaves_with_the_first_line_leaves_an_orphan(form: str, place: Harness) -> None:
    done = piped(place, "head -1", "-o", form, "-c", INSERT)
    (token_id,) = place.tokens.minted
    assert place.tokens.minted[token_id] not in done.stdout
    assert "nobody reads the output any more" in done.stderr
    assert f"token {token_id}" in done.stderr
    assert done.stderr.endswith("status 4\n")
    assert place.tokens.minted[token_id] not in done.stderr


def test_a_reader_of_nothing_gets_no_token_or_leaves_an_orphan(place: Harness) -> None:
    done = piped(place, "true", "-c", INSERT)
    if place.tokens.minted:
        assert f"token {next(iter(place.tokens.minted))}" in done.stderr
        assert done.stderr.endswith("status 4\n")
    else:
        assert done.stderr == "status 1\n"


def test_a_reader_that_wants_all_gets_all(place: Harness) -> None:
    done = piped(place, "cat", "-o", "csv", "-c", INSERT)
    (value,) = place.tokens.minted.values()
    assert done.stdout.count(value) == 1
    assert done.stderr.endswith("status 0\n")


def test_with_the_error_stream_closed_the_value_comes_and_an_orphan_waits(
    place: Harness, workspace: FaultyServer
) -> None:
    ran = Started(place, "-o", "json", "-c", INSERT, shell='exec "$@" 2>&-').ended()
    assert ran.status == 0
    workspace.on("create", resets_after_effect)
    lost = Started(place, "-o", "json", "-c", INSERT.replace("'ci'", "'lost'"), shell='exec "$@" 2>&-').ended(
        checked=False
    )
    assert (lost.status, lost.out, lost.err) == (4, "", "")
    assert [token_id for token_id, _ in pending(place)[0].intent.orphans] == lost.minted


def test_an_outfile_in_a_folder_that_is_not_there_is_said_before_anything_is_sent(place: Harness) -> None:
    ran = place.run("-O", str(place.home / "no" / "where.csv"), "-c", INSERT)
    assert (ran.status, ran.count_requests("POST")) == (2, 0)


def test_an_output_that_fails_after_the_first_of_two_rows(place: Harness) -> None:
    two = "INSERT INTO user_tokens (comment) VALUES ('one'), ('two') RETURNING token_value"
    done = piped(place, "head -4", "-c", two)
    values = list(place.tokens.minted.values())
    assert values[0] in done.stdout
    assert all(value in done.stdout or f"token {one}" in done.stderr for one, value in place.tokens.minted.items())


# ---- the history


@pytest.mark.terminal
@pytest.mark.parametrize("trouble", ["a folder in its place", "no database", "a full disk"])
def test_a_history_that_cannot_be_written_stops_nothing(trouble: str, place: Harness) -> None:
    path = place.home / ".local" / "state" / "tokensh" / "history.db"
    path.parent.mkdir(parents=True)
    if trouble == "a folder in its place":
        path.mkdir()
    elif trouble == "no database":
        path.write_bytes(b"\x00garbage\xff" * 1000)
    else:
        History(path, str).close()
    # Without bytecode: under the limit Python would leave modules cut short in the folders of the checkout.
    limit = "export PYTHONDONTWRITEBYTECODE=1; ulimit -f 1; " if trouble == "a full disk" else ""
    terminal = Terminal(
        *place.base(None, WORKSPACE),
        home=place.home,
        cache=place.home / ".cache",
        shell=f'{limit}exec "$@"',
        DATABRICKS_TOKEN=place.token,
    )
    try:
        terminal.prompt()
        terminal.run("SELECT 'still ' || 'there';")
        terminal.see("still there")
        terminal.run("SELECT 'and ' || 'again';")
        terminal.see("and again")
        assert terminal.everything.count("warning:") == 1
        assert "Traceback" not in terminal.everything
    finally:
        terminal.close()
    place.own_files |= set((place.home / ".local").rglob("*")) | {place.home / ".local"}


# ---- a value that the shell masks


def shell_with_a_masked_value(place: Harness) -> Terminal:
    terminal = Terminal(
        *place.base(None, WORKSPACE),
        home=place.home,
        cache=place.home / ".cache",
        size=(160, 40),
        shell='umask 0; exec "$@"',
        DATABRICKS_TOKEN=place.token,
    )
    terminal.prompt()
    terminal.run("INSERT INTO user_tokens (comment) SELECT 'masked' RETURNING token_value;")
    terminal.see("the value is hidden")
    return terminal


@pytest.mark.terminal
@pytest.mark.parametrize("way", ["the terminal is closed", "left without a look", "revealed"])
def test_a_masked_value_that_nobody_saw_is_pending(way: str, place: Harness) -> None:
    terminal = shell_with_a_masked_value(place)
    assert pending(place) == []
    try:
        if way == "the terminal is closed":
            terminal.child.close(force=True)
        else:
            terminal.run(r"\reveal" if way == "revealed" else r"\q")
            terminal.type("\\q\r")
            assert terminal.end() == 0
    finally:
        terminal.close()
    (token_id,) = place.tokens.minted
    found = pending(place)
    if way == "revealed":
        assert found == []
    else:
        assert [one.intent.comment for one in found] == ["masked"]
        assert found[0].intent.look
    if way == "left without a look":
        assert [one for one, _ in found[0].intent.orphans] == [token_id]
