"""A sandbox and a home for the tests of Spark, which every worker process sees too."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tokensh import sandbox
from tokensh.sandbox import Sandbox

TOKEN_ENV = "TOKENSH_TEST_PAT"


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    """Start a sandbox in which every name is a workspace of three tokens."""
    with sandbox.start(any_workspace=True, tokens=3) as started:
        yield started


@pytest.fixture
def site(running: Sandbox) -> Iterator[Sandbox]:
    running.clear_log()
    yield running
    running.clear_faults()


@pytest.fixture(scope="session", autouse=True)
def home(running: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Set an empty home for this process and those it starts, Spark and its workers included."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [variable for variable in os.environ if variable.startswith(("DATABRICKS_", "TOKENSH_", "XDG_"))]:
            patch.delenv(name)
        patch.setenv("HOME", str(folder))
        patch.setenv(TOKEN_ENV, running.token)
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        yield folder


@pytest.fixture
def options(site: Sandbox) -> dict[str, str]:
    """Return the options of every read of the sandbox."""
    return {"endpoint": site.endpoint, "token_env": TOKEN_ENV}
