"""Check the invariants that hold in every run, whatever the server, the network or the disk does.

The numbers are those of the list that SECURITY.md's promises rest on.
"""

from __future__ import annotations

import base64
import json
import re
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

from tests.ledger import is_whole
from tests.render.results import read_csv
from tests.resilience.faulty_server import FaultyServer, ok
from tests.resilience.harness import CommandRun, Harness
from tokensh.sql.parse import Parser

_UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_HEADLINE = re.compile(r"\b(?:error|warning|note|usage):|^(?:INSERT|UPDATE|REPLACE|DELETE) \d+$")
_REVOKES = re.compile(r"^(?:EXEC|DELETE) .*;$", re.MULTILINE)
_MOST_LINES = 20
_PUT_OFF = (401, 429, 503)
_WRITES = re.compile("[wax+]")


def check(harness: Harness) -> None:
    """Raise AssertionError if an invariant does not hold for the runs of a test."""
    for result in harness.runs:
        _tells_success_and_failure_apart(result)
        _errors_are_short_and_no_traceback(result)
        _nothing_acts_on_a_terminal(result)
        _output_can_be_read(result)
        _writes_are_sent_once(result)
        _nothing_is_written_on_an_incomplete_read(result)
        _only_known_places_are_reached(harness, result)
        _files_are_written_at_home(harness, result)
        _a_created_token_is_delivered_or_named(harness, result)
    _the_other_host_saw_nothing(harness)
    _files_are_the_owners_alone(harness)
    _secrets_have_one_exit(harness)
    _orphans_can_be_revoked(harness)


def _tells_success_and_failure_apart(result: CommandRun) -> None:
    """I6: with status 0 there is nothing but notices on the error stream, with another there is an error."""
    reports_error = re.search(r"\b(?:error|warning):", result.err) is not None
    if result.status == 0:
        assert not reports_error, result.err
    elif result.status > 0 and result.status != 130:
        assert reports_error, f"status {result.status} and no word: {result.err!r}"


def _errors_are_short_and_no_traceback(result: CommandRun) -> None:
    """I7."""
    assert "Traceback" not in result.err + result.out, result.err
    assert "made a mistake" not in result.err, result.err
    lines = result.err.splitlines()
    assert len(lines) <= _MOST_LINES * max(1, len(_HEADLINE.findall(result.err))), f"{len(lines)} lines of error"
    assert not lines or _HEADLINE.search(lines[0]), result.err


def _nothing_acts_on_a_terminal(result: CommandRun) -> None:
    """I5: off a terminal neither errors nor tables have a control character, an escape or a bidirectional control."""
    assert not _UNSAFE.search(result.err), ascii(result.err)
    if _output_format(result) in ("table", "line", "markdown"):
        assert not _UNSAFE.search(result.out), ascii(result.out)


def _output_can_be_read(result: CommandRun) -> None:
    """I8: json is JSON however a run ended, csv is CSV."""
    match _output_format(result):
        case "json":
            rest, decoder = result.out.strip(), json.JSONDecoder()
            while rest:
                _, end = decoder.raw_decode(rest)
                rest = rest[end:].strip()
        case "jsonl":
            list(map(json.loads, result.out.splitlines()))
        case "csv":
            widths = {len(row) for row in read_csv(result.out)}
            assert len(widths) <= 1, f"rows of {widths} cells"
        case _:
            pass


def _output_format(result: CommandRun) -> str:
    arguments = result.arguments
    return next((arguments[i + 1] for i, argument in enumerate(arguments) if argument in ("-o", "--output")), "table")


def _writes_are_sent_once(result: CommandRun) -> None:
    """I2: a write reaches a path once for each row, or after an answer that put it off; a revoke once more if that is lost."""
    posts = Counter(
        (id(server), seen.path)
        for server, seen in result.requests
        if seen.method not in ("GET", "CONNECT") and server.answers.get(id(seen), (0,))[0] not in _PUT_OFF
    )
    for (_, path), count in posts.items():
        most = result.writes * (2 if path.endswith("/delete") else 1)
        assert count <= most, f"a write was repeated: {posts}"


def _nothing_is_written_on_an_incomplete_read(result: CommandRun) -> None:
    """I15: where a statement reads before it writes, each of those reads was answered in full."""
    if result.arguments.count("-c") != 1 or ";" in result.arguments[result.arguments.index("-c") + 1].rstrip("; "):
        return
    reads: dict[tuple[int, str], bool] = {}
    for server, seen in result.requests:
        if seen.method not in ("GET", "CONNECT"):
            assert all(reads.values()), f"{seen.path} was sent after an incomplete read"
            return
        if seen.route == "list":
            reads[id(server), seen.path] = is_whole(*server.answers.get(id(seen), (0, b"", {})))


def _only_known_places_are_reached(harness: Harness, result: CommandRun) -> None:
    """I4: connections go to the test's servers on loopback, and no name is looked up but loopback's own."""
    ports = {server.port for server in harness.servers} | harness.ports
    for event, arguments in result.events:
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            assert arguments[1][:2] == ("127.0.0.1", arguments[1][1]), arguments
            assert arguments[1][1] in ports, f"a connection to {arguments[1]}"
        elif event == "socket.getaddrinfo":
            assert arguments[0] in ("127.0.0.1", b"127.0.0.1"), f"{arguments[0]!r} was looked up"


def _files_are_written_at_home(harness: Harness, result: CommandRun) -> None:
    """I4 for the disk: what is opened to be written is in the test's folders."""
    for event, arguments in result.events:
        path, mode, _ = arguments if event == "open" else (None, None, None)
        if isinstance(path, str) and isinstance(mode, str) and _WRITES.search(mode):
            assert Path(path).is_relative_to(harness.root) or path == "/dev/null", path


def _a_created_token_is_delivered_or_named(harness: Harness, result: CommandRun) -> None:
    """I3: each created token's value is on standard output, or its id and the statement that revokes it on the other."""
    delivered = result.out + "".join(path.read_text() for path in harness.secret_files if path.exists())
    for token_id in result.minted:
        value = harness.tokens.minted[token_id]
        if value in delivered:
            assert delivered.count(value) == 1, "the value was delivered more than once"
            continue
        assert result.status == 4, result.err
        if "could not be listed" not in result.err:
            assert token_id in result.err, result.err
            assert any(token_id in statement for statement in _REVOKES.findall(result.err)), result.err


def _orphans_can_be_revoked(harness: Harness) -> None:
    """I3: the statement of an orphan's report parses, and revokes it when it is run."""
    for result in [run for run in harness.runs if run.status == 4]:
        for statement in _REVOKES.findall(result.err):
            Parser(harness.home / ".cache" / "tokensh").parse(statement.removesuffix(";"))
            _behaves_well(harness.workspace)
            token_id = next((minted for minted in result.minted if minted in statement), None)
            if token_id in harness.tokens.infos and result.base == harness.base(None, "dbc-1"):
                revocation = harness.run("-c", statement)
                assert revocation.status == 0, revocation.err
                assert token_id not in harness.tokens.infos


def _behaves_well(server: FaultyServer) -> None:
    server.script = (ok,)
    for route in ("list", "create", "delete"):
        server.on(route)


def _the_other_host_saw_nothing(harness: Harness) -> None:
    """I4."""
    if "other_host" in harness.__dict__:
        assert harness.other_host.connections == 0, f"the other host saw {harness.other_host.log}"


def _files_are_the_owners_alone(harness: Harness) -> None:
    """I11: files are private even with the umask 000 of the runs."""
    for path in _all_paths(harness.root):
        if path not in harness.own_files and not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode == (0o700 if path.is_dir() else 0o600), f"{path} has mode {mode:o}"


def _secrets_have_one_exit(harness: Harness) -> None:
    """I1: the bearer is nowhere, a minted value on standard output alone; in no way of writing them."""
    hidden = [*harness.secrets, harness.token, *harness.tokens.minted.values()]
    texts = {f"the error stream of {result.arguments}": result.err.encode() for result in harness.runs}
    texts |= {f"the arguments of {result.arguments}": repr(result.arguments).encode() for result in harness.runs}
    texts |= {str(path): path.read_bytes() for path in _all_paths(harness.root) if _is_looked_into(harness, path)}
    for secret in hidden:
        for form in forms(secret):
            for name, content in texts.items():
                assert form not in content, f"a secret is in {name}"
    for result in harness.runs:
        for secret in (harness.token, *harness.secrets):
            assert not any(form in result.out.encode() for form in forms(secret)), (
                "the credential is on standard output"
            )


def _is_looked_into(harness: Harness, path: Path) -> bool:
    return path.is_file() and path not in harness.secret_files


def _all_paths(root: Path) -> Iterator[Path]:
    return root.rglob("*")


def forms(secret: str) -> set[bytes]:
    """Return the ways in which a secret may be written: as it is, for URLs, in JSON, in hex, in base64 at any offset."""
    raw = secret.encode()
    written = {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        raw.hex(),
        raw.hex().upper(),
    }
    for offset in range(3):
        digits = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        core = digits[(offset * 8 + 5) // 6 : (offset + len(raw)) * 8 // 6]
        written |= {core, core.replace("+", "-").replace("/", "_")}
    return {text.encode() for text in written}
