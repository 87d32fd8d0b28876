"""Give every test of this folder a harness of its own, and hold its runs against the invariants when the test ends."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.resilience import invariants
from tests.resilience.certificates import make_certificates
from tests.resilience.faulty_server import FaultyServer
from tests.resilience.harness import Harness
from tests.shared_parser import CACHE_HOME, shared_parser


@pytest.fixture(scope="session")
def compiled_grammar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the parser's table, on the file system of the tests' homes, so that it can be linked."""
    folder = tmp_path_factory.mktemp("grammar")
    shared_parser()
    for table in (CACHE_HOME / "tokensh").glob("*.json"):
        shutil.copy(table, folder)
    return folder


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the certificates."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(autouse=True)
def harness(tmp_path: Path, compiled_grammar: Path) -> Iterator[Harness]:
    """Yield the harness in which the test runs the command line; then check the invariants."""
    harness = Harness(tmp_path / "harness")
    cache = harness.home / ".cache" / "tokensh"
    cache.mkdir(parents=True)
    for table in compiled_grammar.glob("*.json"):
        os.link(table, cache / table.name)
    harness.own_files |= set(harness.root.rglob("*"))
    with harness.running:
        yield harness
        invariants.check(harness)


@pytest.fixture
def workspace(harness: Harness) -> FaultyServer:
    """Return the server of the workspace that the harness's runs call."""
    return harness.workspace


@pytest.fixture
def other(harness: Harness) -> FaultyServer:
    """Return another host's server, which nothing may reach."""
    return harness.other_host
