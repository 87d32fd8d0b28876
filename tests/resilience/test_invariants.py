"""Check that each invariant can fail: each is broken on purpose."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.resilience import invariants
from tests.resilience.faulty_server import FaultyServer
from tests.resilience.harness import BEARER, INSERT, SELECT, CommandRun, Harness

GOOD = CommandRun(("-c", SELECT), (), {}, 0, "", "")
FAILED = replace(GOOD, status=1, err="-c:1:1: error: no\nhint: try again\n")


def _events(result: CommandRun, *events: tuple[str, tuple[object, ...]]) -> CommandRun:
    return replace(result, events=events)


BROKEN: dict[str, tuple[CommandRun, str]] = {
    "an error and status 0": (replace(FAILED, status=0), "error"),
    "a status without a word": (replace(FAILED, err=""), "no word"),
    "a traceback": (replace(FAILED, err=FAILED.err + "Traceback (most recent call last):\n"), "Traceback"),
    "a mistake of ours": (replace(FAILED, err="error: tokensh made a mistake: KeyError\n"), "made a mistake"),
    "an endless error": (replace(FAILED, err=FAILED.err + "line\n" * 40), "lines of error"),
    "an escape in an error": (replace(FAILED, err="error: \x1b[31m\n"), "x1b"),
    "a bidirectional override in a table": (replace(GOOD, out="| \u202e |\n"), "u202e"),
    "half of a JSON array": (replace(GOOD, arguments=("-o", "json"), out='[{"a": 1}'), "JSONDecodeError"),
    "ragged CSV": (replace(GOOD, arguments=("-o", "csv"), out="a,b\n1\n"), "cells"),
    "a strange address": (_events(GOOD, ("socket.connect", (None, ("10.0.0.1", 443)))), "10.0.0.1"),
    "a strange port": (_events(GOOD, ("socket.connect", (None, ("127.0.0.1", 9)))), "a connection to"),
    "a name that is looked up": (_events(GOOD, ("socket.getaddrinfo", ("evil.example", 443))), "was looked up"),
    "a file elsewhere": (_events(GOOD, ("open", ("/tmp/elsewhere", "w", 0))), "/tmp/elsewhere"),
    "the credential in an error": (replace(FAILED, err=f"error: {BEARER}\n"), "a secret is in the error stream"),
    "the credential in base64": (
        replace(FAILED, err=f"error: {base64.b64encode(b'x' + BEARER.encode()).decode()}\n"),
        "a secret is in the error stream",
    ),
    "the credential as data": (replace(GOOD, out=f"| {BEARER} |\n"), "on standard output"),
}


def fails(harness: Harness, words: str) -> None:
    with pytest.raises((AssertionError, ValueError)) as caught:
        invariants.check(harness)
    assert words in f"{caught.typename}: {caught.value}"
    harness.runs.clear()


@pytest.mark.parametrize("name", BROKEN)
def test_a_run_that_breaks_one_is_found(name: str, harness: Harness) -> None:
    result, words = BROKEN[name]
    harness.add_run(result)
    fails(harness, words)


@pytest.mark.parametrize("result", [GOOD, FAILED, replace(GOOD, err="note: by the way\n")])
def test_a_run_that_keeps_them_passes(result: CommandRun, harness: Harness) -> None:
    harness.add_run(result)


def test_a_write_that_is_sent_twice_is_found(harness: Harness, workspace: FaultyServer) -> None:
    done = harness.run("-c", INSERT)
    harness.runs[:] = [replace(done, requests=[*done.requests, *done.requests])]
    fails(harness, "a write was repeated")


def test_a_token_that_is_lost_without_a_word_is_found(harness: Harness) -> None:
    done = harness.run("-o", "json", "-c", INSERT)
    harness.runs[:] = [replace(done, out="")]
    fails(harness, "AssertionError")


def test_an_orphan_that_is_not_named_is_found(harness: Harness) -> None:
    done = harness.run("-o", "json", "-c", INSERT)
    harness.runs[:] = [replace(done, out="", status=4, err="error: unknown\n")]
    fails(harness, "error: unknown")


def test_a_request_to_the_other_host_is_found(harness: Harness, other: FaultyServer) -> None:
    other.connections += 1
    fails(harness, "the other host saw")
    other.connections = 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.chmod(0o640),
        lambda path: path.parent.chmod(0o755),
        lambda path: path.write_text(BEARER),
        lambda path: path.write_text(BEARER.encode().hex()),
    ],
)
def test_a_file_that_others_read_or_that_holds_a_secret_is_found(
    spoil: Callable[[Path], None], harness: Harness
) -> None:
    path = harness.write_file(".local/state/tokensh/history", "")
    harness.own_files -= {path, path.parent}
    spoil(path)
    fails(harness, str(path.parent))
    path.unlink()
    path.parent.chmod(0o700)
