"""For all tests: the parser, a sandbox, and how many examples the property tests try that say nothing else.

`pytest --hypothesis-profile nightly tests/resilience/test_host.py tests/resilience/test_shapes.py tests/test_redact.py` takes minutes.
"""

from __future__ import annotations

import gc
import shutil
import signal
from collections.abc import Generator, Iterator

import pytest

from tests import ledger
from tests.shared_parser import shared_parser
from tokensh import sandbox
from tokensh.sandbox import Sandbox
from tokensh.sql.parse import Parser

try:
    from hypothesis import HealthCheck, settings
except ImportError:
    pass  # the environments of tests/interfaces and tests/spark, which have no property tests, do without
else:
    # A machine that runs the tests may be slow: no example has a deadline.
    settings.register_profile("usual", deadline=None, max_examples=30)
    settings.register_profile("quick", deadline=None, max_examples=10)
    settings.register_profile(
        "nightly", deadline=None, max_examples=20_000, suppress_health_check=[HealthCheck.too_slow], print_blob=True
    )
    settings.load_profile("usual")


@pytest.fixture(autouse=True)
def keep_promises(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hold the test against what must be true of every create and every write, whatever else it checks.

    Tests marked `judged` run many sessions, or sessions in other processes, and judge each of them themselves.
    """
    with ledger.keep_ledger() as kept:
        yield
        folder = request.node.funcargs.get("tmp_path")
        if not request.node.get_closest_marker("judged"):
            kept.check(*([folder] if folder is not None else []))
    if folder is not None and not request.node.stash.get(_FAILED, False):
        # pytest looks through the folders of all tests for each new one, and would remove those of thousands at the end.
        shutil.rmtree(folder, ignore_errors=True)


_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note whether a test has failed: its folder is kept then."""
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with sandbox.start() as started:
        yield started


@pytest.fixture
def site(running: Sandbox) -> Iterator[Sandbox]:
    """Yield a sandbox whose log is empty; the tests of a file share its tokens."""
    running.clear_log()
    yield running
    running.clear_faults()


@pytest.fixture(scope="session")
def parser() -> Parser:
    """Return the parser of this test process."""
    return shared_parser()


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what was collected: thousands of tests that live until the end."""
    gc.collect()
    gc.freeze()


def pytest_configure(config: pytest.Config) -> None:
    """Let the programs that tests start have default signal dispositions, also under nohup or in a background job.

    An ignored signal stays ignored in a child, a handled one does not: so what this process was started to ignore gets a
    handler that does nothing. The process that only distributes tests keeps ignoring, and its workers come here.
    """
    ledger.install()
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        shared_parser()  # compiles the grammar once, before several processes need it
        return
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
