"""Every test of this folder has a place of its own, and its runs are held against the invariants when it ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.resilience import invariants
from tests.resilience.certificates import make_certificates
from tests.resilience.faulty_server import FaultyServer
from tests.resilience.harness import Harness
from tokensh.sql import grammar


@pytest.fixture(scope="session")
def compiled_grammar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the parser's table, made once for all tests."""
    folder = tmp_path_factory.mktemp("grammar")
    grammar.load_table(folder)
    return folder


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the certificates."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(autouse=True)
def harness(tmp_path: Path, compiled_grammar: Path) -> Iterator[Harness]:
    """Where the test runs the command line; when it ends, the invariants are checked."""
    made = Harness(tmp_path / "place")
    cache = made.home / ".cache" / "tokensh"
    cache.mkdir(parents=True)
    for table in compiled_grammar.glob("*.json"):
        os.link(table, cache / table.name)
    made.own_files |= set(made.root.rglob("*"))
    with made.running:
        yield made
        invariants.check(made)


@pytest.fixture
def workspace(harness: Harness) -> FaultyServer:
    """The server of the workspace that the place's runs ask."""
    return harness.workspace


@pytest.fixture
def other(harness: Harness) -> FaultyServer:
    """Another host's server, which nothing may reach."""
    return harness.other_host
