"""A sandbox for all tests of this folder, and an empty home for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shared_parser import CACHE_HOME
from tokensh import sandbox
from tokensh.sandbox import Sandbox


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    with sandbox.start() as started:
        yield started


@pytest.fixture
def site(running: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Return the sandbox, with a log of this test alone, and a user who has its credential and nothing else."""
    running.clear_log()
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(CACHE_HOME))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PLOOMBER_STATS_ENABLED", "false")
    monkeypatch.setenv("DATABRICKS_TOKEN", running.token)
    monkeypatch.setenv("TOKENSH_ENDPOINT", running.endpoint)
    return running
