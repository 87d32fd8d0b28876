"""Check signals at every moment of a create, and closed output: the value is delivered, or its token is named."""

from __future__ import annotations

import re
import resource
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.resilience.background_run import (
    BackgroundRun,
    answers_when,
    journal_folder,
    leftover_entries,
    never,
    takes_effect_when,
)
from tests.resilience.faulty_server import FaultyServer, hangs, resets_after_effect
from tests.resilience.harness import COMMAND, INSERT, SELECT, WORKSPACE, Harness
from tests.shell.terminal import LOOK, Terminal
from tokensh.engine.history import History

COPY = "INSERT INTO user_tokens (comment) SELECT 'copy' FROM user_tokens RETURNING token_value"
"""A create that lists before it creates."""
KILLERS = {"TERM": signal.SIGTERM, "HUP": signal.SIGHUP, "KILL": signal.SIGKILL, "QUIT": signal.SIGQUIT}
SIGNALS = {**KILLERS, "INT": signal.SIGINT, "INT twice": signal.SIGINT}
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")


def interrupt(run: BackgroundRun, name: str) -> None:
    run.process.send_signal(SIGNALS[name])
    if name == "INT twice":
        run.process.send_signal(signal.SIGINT)


@pytest.mark.parametrize("name", SIGNALS)
def test_before_the_request_is_sent_nothing_is_created(name: str, harness: Harness, workspace: FaultyServer) -> None:
    workspace.on("list", takes_effect_when(never))
    run = BackgroundRun(harness, "-c", COPY)
    run.wait_until(lambda: len(workspace.log) == 1)
    interrupt(run, name)
    result = run.wait()
    # The second may come while Python shuts down, when SIGINT has its default effect again. To a shell both are 130.
    expected = {"INT": {130}, "INT twice": {130, -signal.SIGINT}}.get(name, {-SIGNALS[name]})
    assert result.status in expected
    assert (result.out, result.minted, result.count_requests("POST")) == ("", [], 0)
    assert leftover_entries(harness) == []


def test_the_first_ctrl_c_waits_for_the_value_and_delivers_it(harness: Harness, workspace: FaultyServer) -> None:
    sent: list[bool] = []
    workspace.on("create", answers_when(lambda: bool(sent)))
    run = BackgroundRun(harness, "-o", "json", "-c", INSERT, "-c", "SELECT 'never'")
    run.wait_until(lambda: len(workspace.effects) == 1)
    interrupt(run, "INT")
    run.process.poll()
    sent.append(True)
    result = run.wait()
    assert result.status == 130
    assert harness.tokens.minted[result.minted[0]] in result.out
    assert "never" not in result.out
    assert leftover_entries(harness) == []


def test_the_second_ctrl_c_gives_it_up_and_names_the_token(harness: Harness, workspace: FaultyServer) -> None:
    workspace.on("create", answers_when(never))
    run = BackgroundRun(harness, "-o", "json", "-c", INSERT)
    run.wait_until(lambda: len(workspace.effects) == 1)
    run.process.send_signal(signal.SIGINT)
    run.wait_until(lambda: not signal_is_pending(run.process.pid))
    run.process.send_signal(signal.SIGINT)
    result = run.wait()
    assert (result.status, result.out) == (4, "")
    assert result.minted[0] in result.err


def signal_is_pending(pid: int) -> bool:
    """Return True if a process has a pending SIGINT; two pending ones would be merged."""
    path = Path(f"/proc/{pid}/status")
    if not path.exists():
        return False
    found = re.search(r"^ShdPnd:\s*([0-9a-f]+)$", path.read_text(), re.MULTILINE)
    return bool(found) and bool(int(found.group(1), 16) & 1 << signal.SIGINT - 1) if found else False


@pytest.mark.parametrize("name", KILLERS)
def test_a_create_whose_process_is_killed_is_found_at_the_next_start(
    name: str, harness: Harness, workspace: FaultyServer
) -> None:
    workspace.on("create", answers_when(never))
    run = BackgroundRun(harness, "-o", "json", "-c", INSERT)
    run.wait_until(lambda: len(workspace.effects) == 1)
    interrupt(run, name)
    result = run.wait(checked=False)
    assert (result.status, result.out, result.count_requests("POST")) == (-SIGNALS[name], "", 1)
    (token_id,) = result.minted
    workspace.on("create")
    _is_found_and_settled(harness, token_id)


def _is_found_and_settled(harness: Harness, token_id: str) -> None:
    """Follow the notice of the next session to a revoked token and an empty table."""
    listed = harness.run("-o", "csv", "-H", "-c", "SELECT statement FROM tokensh.local.pending")
    assert listed.err == f'note: unknown outcome of 1 create ({WORKSPACE} "ci"): SELECT * FROM tokensh.local.pending\n'
    look = listed.out.strip().strip('"').replace('""', '"')
    assert harness.run("-o", "csv", "-H", "-c", look).out.split(",")[1] == token_id
    revoked = harness.run("-c", f"""EXEC user_tokens.revoketoken @@json = '{{"token_id": "{token_id}"}}'""")
    assert (revoked.status, harness.tokens.infos) == (0, {})
    harness.run("-c", "DELETE FROM tokensh.local.pending")
    assert harness.run("-c", "SELECT 1").err == ""
    assert list(journal_folder(harness).iterdir()) == []


def test_nothing_is_sent_after_a_ctrl_c_that_ended_the_look_for_a_token(
    harness: Harness, workspace: FaultyServer
) -> None:
    workspace.on("create", resets_after_effect)
    workspace.on("list", hangs)
    run = BackgroundRun(harness, "--on-error", "continue", "-c", INSERT, "-c", INSERT)
    run.wait_until(lambda: any(seen.route == "list" for seen in workspace.log))
    interrupt(run, "INT")
    result = run.wait()
    assert (result.status, result.count_requests("POST")) == (4, 1)


@pytest.mark.parametrize("name", KILLERS)
def test_a_value_in_a_file_is_pending_until_the_file_has_its_name(
    name: str, harness: Harness, workspace: FaultyServer
) -> None:
    workspace.on("list", hangs)
    run = BackgroundRun(harness, "-o", "csv", "-O", "out.csv", "-c", INSERT, "-c", SELECT)
    run.wait_until(lambda: any(seen.route == "list" for seen in workspace.log))
    part = harness.home / "out.csv.part"
    assert "dapi" in part.read_text()
    interrupt(run, name)
    (token_id,) = run.wait(checked=False).minted
    workspace.on("list")
    assert not (harness.home / "out.csv").exists()
    part.unlink()  # the value is where its user has sent it, which is no leak
    _is_found_and_settled(harness, token_id)


def test_a_value_whose_file_was_deleted_while_it_was_written_is_pending(
    harness: Harness, workspace: FaultyServer
) -> None:
    is_deleted: list[bool] = []
    workspace.on("list", answers_when(lambda: bool(is_deleted)))
    run = BackgroundRun(harness, "-o", "csv", "-O", "out.csv", "-c", INSERT, "-c", SELECT)
    run.wait_until(lambda: any(seen.route == "list" for seen in workspace.log))
    (harness.home / "out.csv.part").unlink()
    is_deleted.append(True)
    result = run.wait(checked=False)
    assert (result.status, "cannot write out.csv" in result.err) == (1, True)
    assert [token_id for entry in leftover_entries(harness) for token_id, _ in entry.intent.orphans] == result.minted


@pytest.mark.parametrize("name", SIGNALS)
def test_after_the_value_is_written_nothing_is_pending(name: str, harness: Harness, workspace: FaultyServer) -> None:
    workspace.on("list", hangs)
    run = BackgroundRun(harness, "-o", "json", "-c", INSERT, "-c", SELECT)
    run.wait_until(lambda: any(seen.route == "list" for seen in workspace.log))
    interrupt(run, name)
    result = run.wait()
    # A second Ctrl-C may come while the interpreter ends, which then ends by the signal: 130 for a shell, too.
    ends = {"INT": (130,), "INT twice": (130, -signal.SIGINT)}
    assert result.status in ends.get(name, (-SIGNALS[name],))
    assert harness.tokens.minted[result.minted[0]] in result.out
    assert leftover_entries(harness) == []


def test_an_answer_that_came_while_the_process_was_stopped_counts(harness: Harness, workspace: FaultyServer) -> None:
    stopped = threading.Event()
    workspace.on("create", answers_when(stopped.is_set))
    run = BackgroundRun(harness, "--timeout", "2", "-o", "json", "-c", INSERT)
    run.wait_until(lambda: len(harness.tokens.minted) == 1)
    run.process.send_signal(signal.SIGSTOP)
    stopped.set()
    time.sleep(2.5)  # longer than the deadline
    run.process.send_signal(signal.SIGCONT)
    result = run.wait()
    assert (result.status, result.count_requests("POST")) == (0, 1)
    (value,) = harness.tokens.minted.values()
    assert value in result.out


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="there is no /proc here")
def test_a_quit_leaves_no_core_file(harness: Harness, workspace: FaultyServer) -> None:
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("core files are forbidden here anyhow")
    workspace.on("list", hangs)
    run = BackgroundRun(harness, "-c", SELECT, shell='ulimit -S -c "$(ulimit -H -c)"; exec "$@"')
    run.wait_until(lambda: len(workspace.log) == 1)
    limits = Path(f"/proc/{run.process.pid}/limits").read_text()
    interrupt(run, "QUIT")
    run.wait()
    assert re.search(r"^Max core file size +0 ", limits, re.MULTILINE)


# ---- output that goes nowhere


@needs_full
@pytest.mark.parametrize("form", ["table", "json", "csv", "line"])
def test_a_value_that_a_full_disk_swallows_makes_an_orphan(form: str, harness: Harness) -> None:
    with FULL.open("wb") as full:
        result = BackgroundRun(harness, "-o", form, "-c", INSERT, stdout=full).wait()
    assert (result.status, result.count_requests("POST"), len(result.minted)) == (4, 1, 1)
    assert "No space left on device" in result.err
    assert [token_id for token_id, _ in leftover_entries(harness)[0].intent.orphans] == result.minted


@needs_full
def test_an_outfile_on_a_full_disk_makes_an_orphan(harness: Harness) -> None:
    result = harness.run("-O", str(FULL), "-c", INSERT)
    assert (result.status, len(result.minted)) == (4, 1)


@needs_full
def test_a_listing_that_a_full_disk_swallows_fails(harness: Harness) -> None:
    with FULL.open("wb") as full:
        assert BackgroundRun(harness, "-c", SELECT, stdout=full).wait().status == 1


def test_with_standard_output_closed_nothing_is_sent(harness: Harness) -> None:
    result = BackgroundRun(harness, "-c", INSERT, shell='exec "$@" >&-').wait()
    assert (result.status, result.count_requests("POST")) == (1, 0)
    assert "standard output is closed" in result.err


def piped(harness: Harness, reader: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a pipeline; the last line of its error stream is its own exit status."""
    script = f'{{ "$@"; echo "status $?" >&2; }} | {reader}'
    command = ["sh", "-c", script, "sh", str(COMMAND), *harness.base(None, WORKSPACE), *arguments]
    return subprocess.run(
        command,
        env=harness.variables(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        umask=0,
        cwd=harness.home,
    )


@pytest.mark.parametrize("form", ["table", "csv"])
def test_head_that_leaves_with_the_first_line_leaves_an_orphan(form: str, harness: Harness) -> None:
    done = piped(harness, "head -1", "-o", form, "-c", INSERT)
    (token_id,) = harness.tokens.minted
    assert harness.tokens.minted[token_id] not in done.stdout
    assert "the reader of the output has closed it" in done.stderr
    assert f"token {token_id}" in done.stderr
    assert done.stderr.endswith("status 4\n")
    assert harness.tokens.minted[token_id] not in done.stderr


def test_a_reader_of_nothing_gets_no_token_or_leaves_an_orphan(harness: Harness) -> None:
    done = piped(harness, "true", "-c", INSERT)
    if harness.tokens.minted:
        assert f"token {next(iter(harness.tokens.minted))}" in done.stderr
        assert done.stderr.endswith("status 4\n")
    else:
        assert done.stderr == "status 1\n"


def test_a_reader_that_wants_all_gets_all(harness: Harness) -> None:
    done = piped(harness, "cat", "-o", "csv", "-c", INSERT)
    (value,) = harness.tokens.minted.values()
    assert done.stdout.count(value) == 1
    assert done.stderr.endswith("status 0\n")


def test_with_the_error_stream_closed_the_value_comes_and_an_orphan_waits(
    harness: Harness, workspace: FaultyServer
) -> None:
    result = BackgroundRun(harness, "-o", "json", "-c", INSERT, shell='exec "$@" 2>&-').wait()
    assert result.status == 0
    workspace.on("create", resets_after_effect)
    lost = BackgroundRun(harness, "-o", "json", "-c", INSERT.replace("'ci'", "'lost'"), shell='exec "$@" 2>&-').wait(
        checked=False
    )
    assert (lost.status, lost.out, lost.err) == (4, "", "")
    assert [token_id for token_id, _ in leftover_entries(harness)[0].intent.orphans] == lost.minted


def test_an_outfile_in_a_folder_that_is_not_there_is_said_before_anything_is_sent(harness: Harness) -> None:
    result = harness.run("-O", str(harness.home / "no" / "where.csv"), "-c", INSERT)
    assert (result.status, result.count_requests("POST")) == (2, 0)


def test_an_output_that_fails_after_the_first_of_two_rows(harness: Harness) -> None:
    two = "INSERT INTO user_tokens (comment) VALUES ('one'), ('two') RETURNING token_value"
    done = piped(harness, "head -4", "-c", two)
    values = list(harness.tokens.minted.values())
    assert values[0] in done.stdout
    assert all(
        value in done.stdout or f"token {token_id}" in done.stderr for token_id, value in harness.tokens.minted.items()
    )


# ---- the history


@pytest.mark.terminal
@pytest.mark.parametrize("trouble", ["a folder in its place", "no database", "a full disk"])
def test_a_history_that_cannot_be_written_stops_nothing(trouble: str, harness: Harness) -> None:
    path = harness.home / ".local" / "state" / "tokensh" / "history.db"
    path.parent.mkdir(parents=True)
    if trouble == "a folder in its place":
        path.mkdir()
    elif trouble == "no database":
        path.write_bytes(b"\x00garbage\xff" * 1000)
    else:
        History(path, str).close()
    # Without bytecode: under the limit Python would leave modules cut short in the folders of the checkout.
    limit = 'export PYTHONDONTWRITEBYTECODE=1; ulimit -f 1; exec "$@"' if trouble == "a full disk" else ""
    terminal = Terminal(
        *harness.base(None, WORKSPACE),
        home=harness.home,
        cache=harness.home / ".cache",
        shell=limit,
        DATABRICKS_TOKEN=harness.token,
        TOKENSH_CONFIG=str(LOOK),
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
    harness.own_files |= set((harness.home / ".local").rglob("*")) | {harness.home / ".local"}


# ---- a value that the shell masks


def shell_with_a_masked_value(harness: Harness) -> Terminal:
    terminal = Terminal(
        *harness.base(None, WORKSPACE),
        home=harness.home,
        cache=harness.home / ".cache",
        size=(160, 40),
        umask=0,
        DATABRICKS_TOKEN=harness.token,
        TOKENSH_CONFIG=str(LOOK),
    )
    terminal.prompt()
    terminal.run("INSERT INTO user_tokens (comment) SELECT 'masked' RETURNING token_value;")
    terminal.see("the value is hidden")
    return terminal


@pytest.mark.terminal
@pytest.mark.parametrize("way", ["the terminal is closed", "left without a look", "revealed"])
def test_a_masked_value_that_nobody_saw_is_pending(way: str, harness: Harness) -> None:
    terminal = shell_with_a_masked_value(harness)
    assert leftover_entries(harness) == []
    try:
        if way == "the terminal is closed":
            terminal.child.close(force=True)
        else:
            terminal.run(r"\reveal" if way == "revealed" else r"\q")
            terminal.type("\\q\r")
            assert terminal.end() == 0
    finally:
        terminal.close()
    (token_id,) = harness.tokens.minted
    found = leftover_entries(harness)
    if way == "revealed":
        assert found == []
    else:
        assert [entry.intent.comment for entry in found] == ["masked"]
        assert found[0].intent.look
    if way == "left without a look":
        assert [orphan for orphan, _ in found[0].intent.orphans] == [token_id]
