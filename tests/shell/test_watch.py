r"""`\watch` repeats a query until Ctrl-C, marks what changes, backs off when it is refused, and never shows a secret."""

from __future__ import annotations

import io
import re
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyte
import pytest

from tests.cases import each_case
from tests.environments import make_environment
from tokensh.dbapi.connection import connect
from tokensh.errors import ApiError, InterfaceError
from tokensh.render.options import Options
from tokensh.rows import Column, Row
from tokensh.sandbox import Sandbox
from tokensh.shell.progress import Spinner
from tokensh.shell.watch import CHANGED, GONE, NEW, SAME, Snapshot, Watch, mark_changes

WORKSPACE = "dbc-abcd0123-a1bc"
FIELD = "databricks_workspace.workspace.user_tokens."
ID = Column("token_id", "string", FIELD + "token_id")
COMMENT = Column("comment", "string", FIELD + "comment")


@dataclass
class Clock:
    """A clock that moves when the program sleeps; `before_run[n]` is called before run n; Ctrl-C is pressed after the last."""

    runs: int
    before_run: dict[int, Callable[[], object]] = field(default_factory=dict)
    time: float = 1_794_694_400.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        if seconds < 1:
            return  # the client's own, between two attempts
        self.slept.append(seconds)
        self.time += seconds
        if len(self.slept) == self.runs:
            raise KeyboardInterrupt
        self.before_run.get(len(self.slept) + 1, lambda: None)()


class WatchSetup:
    """A watch with an environment of its own; `frames` are the texts it wrote, one for each run."""

    def __init__(self, home: Path, site: Sandbox, clock: Clock, size: tuple[int, int] | None = None) -> None:
        variables = {"DATABRICKS_TOKEN": site.token}
        self.clock = clock
        self.world = make_environment(home, variables=variables, now=clock.now, monotonic=clock.now, sleep=clock.sleep)
        self.connection = connect(environment=self.world, endpoint=site.endpoint, workspace=WORKSPACE)
        spinner = Spinner(self.world, self.connection.cancellation)
        options = Options(terminal=size is not None, width=size and size[0], now=clock.time)
        self.watch = Watch(self.connection, lambda: options, lambda: size, spinner)

    def change(self, statement: str) -> None:
        list(self.connection.run(statement).rows)

    @property
    def written(self) -> str:
        assert isinstance(self.world.stdout, io.StringIO)
        return self.world.stdout.getvalue()

    @property
    def frames(self) -> list[str]:
        return self.written.split("\n\n")[:-1]


@pytest.fixture
def watch_setup(tmp_path: Path, site: Sandbox) -> Iterator[Callable[..., WatchSetup]]:
    setups: list[WatchSetup] = []

    def set_up(
        runs: int, before_run: dict[int, Callable[[], object]] | None = None, **options: tuple[int, int]
    ) -> WatchSetup:
        setups.append(WatchSetup(tmp_path, site, Clock(runs, before_run or {}), **options))
        return setups[-1]

    yield set_up
    for setup in setups:
        setup.connection.close()


TOKENS = "select token_id, comment from user_tokens"


def test_it_asks_every_so_many_seconds_until_ctrl_c_and_says_how_often(watch_setup: Callable[..., WatchSetup]) -> None:
    watched = watch_setup(3)
    assert watched.watch.run(TOKENS, 5) == 3
    assert watched.clock.slept == [5, 5, 5]
    assert len(watched.frames) == 3
    head, summary, *_ = watched.frames[0].splitlines()
    assert head == f"every 5 s: {TOKENS}"
    assert re.fullmatch(r"22:13:20Z · 7 rows in 0\.00 s · Ctrl-C stops", summary)


def test_new_gone_and_changed_rows_are_marked_and_counted(
    watch_setup: Callable[..., WatchSetup], site: Sandbox
) -> None:
    def change_tokens() -> None:
        watched.change("insert into user_tokens (data__comment) values ('brand new') RETURNING token_value")
        watched.change("delete from user_tokens where comment = 'nightly export'")

    watched = watch_setup(3, {2: change_tokens})
    watched.connection.yes = True
    watched.watch.run(TOKENS, 1)
    first, second, third = watched.frames
    assert not re.search(r"^\| [-+~]", first, re.MULTILINE)
    assert "1 new, 1 gone" in second
    assert re.search(r"^\| \+ \| [0-9a-f]{64} \| brand new", second, re.MULTILINE)
    assert re.search(r"^\| - \| [0-9a-f]{64} \| nightly export", second, re.MULTILINE)
    assert "nightly export" not in third
    assert " new" not in third.splitlines()[1]


def snapshot(*rows: Row, columns: tuple[Column, ...] = (ID, COMMENT)) -> Snapshot:
    return Snapshot(columns, list(rows), 0.0)


@each_case(
    ("before", "now", "marks"),
    [
        (None, snapshot(("a", "x")), [(SAME, ("a", "x"))]),
        (snapshot(("a", "x")), snapshot(("a", "x")), [(SAME, ("a", "x"))]),
        (snapshot(("a", "x")), snapshot(("a", "y")), [(CHANGED, ("a", "y"))]),
        (snapshot(("a", "x")), snapshot(("b", "x")), [(NEW, ("b", "x")), (GONE, ("a", "x"))]),
        (snapshot(), snapshot(("a", "x")), [(NEW, ("a", "x"))]),
        (snapshot(("a", "x")), snapshot(), [(GONE, ("a", "x"))]),
        # Where nothing names the rows, or not each of them, a changed row is a gone and a new one.
        (snapshot(("x",), columns=(COMMENT,)), snapshot(("y",), columns=(COMMENT,)), [(NEW, ("y",)), (GONE, ("x",))]),
        (snapshot(("a", "x"), ("a", "x")), snapshot(("a", "x")), [(SAME, ("a", "x")), (GONE, ("a", "x"))]),
        (snapshot(("a", "x")), snapshot(("a", "x"), ("a", "x")), [(SAME, ("a", "x")), (NEW, ("a", "x"))]),
        (snapshot(("x",), columns=(COMMENT,)), snapshot(("a", "x")), [(SAME, ("a", "x"))]),
    ],
)
def test_what_became_of_each_row(before: Snapshot | None, now: Snapshot, marks: list[tuple[str, Row]]) -> None:
    assert mark_changes(before, now) == marks


@pytest.mark.parametrize(
    "statement",
    [
        "insert into user_tokens (data__comment) values ('x')",
        "delete from user_tokens where token_id = 'x'",
        'exec user_tokens.revoketoken @@json = \'{"token_id": "x"}\'',
        "create or replace table t (a TEXT)",
        "begin",
    ],
)
def test_only_queries_are_repeated(statement: str, watch_setup: Callable[..., WatchSetup], site: Sandbox) -> None:
    with pytest.raises(InterfaceError, match="takes SELECT and SHOW"):
        watch_setup(1).watch.run(statement, 2)
    assert site.log == []


def test_show_can_be_watched_and_a_second_is_the_shortest_time(watch_setup: Callable[..., WatchSetup]) -> None:
    watched = watch_setup(1)
    assert watched.watch.run("show methods in user_tokens", 1) == 1
    with pytest.raises(InterfaceError, match="too short"):
        watched.watch.run("show methods in user_tokens", 0.5)


def test_it_slows_down_while_it_is_refused_and_recovers(watch_setup: Callable[..., WatchSetup], site: Sandbox) -> None:
    watched = watch_setup(5, {2: lambda: site.fault("GET *list", status=429, times=6, headers={"Retry-After": "0"})})
    watched.watch.run(TOKENS, 2)
    assert watched.clock.slept == [2, 4, 8, 4, 2]
    assert "every 8 s" in watched.frames[2]
    assert "429" in watched.frames[2]
    assert "terraform ci" in watched.frames[2], "the rows of the last answer stay"
    assert "429" not in watched.frames[3]


def test_what_another_run_cannot_cure_ends_it(watch_setup: Callable[..., WatchSetup], site: Sandbox) -> None:
    watched = watch_setup(5, {2: lambda: site.fault("GET *list", status=403, times=None)})
    with pytest.raises(ApiError):
        watched.watch.run(TOKENS, 2)
    assert len(watched.clock.slept) == 1


def test_it_is_painted_in_place(watch_setup: Callable[..., WatchSetup]) -> None:
    watched = watch_setup(4, size=(80, 24))
    watched.watch.run(TOKENS, 1)
    screen = pyte.HistoryScreen(80, 24)
    pyte.Stream(screen).feed("before\r\n" + watched.written.replace("\n", "\r\n"))
    display = [line.rstrip() for line in screen.display]
    assert display[0] == "before"
    assert display[1] == f"every 1 s: {TOKENS}"
    assert display[2].startswith("22:13:23Z · 7 rows")
    assert sum("terraform ci" in line for line in display) == 1
    assert screen.cursor.y == 14
    assert not screen.history.top


@pytest.mark.parametrize("size", [(40, 12), (80, 8), (20, 5)])
def test_what_the_screen_cannot_hold_is_counted_and_what_has_changed_comes_first(
    size: tuple[int, int], watch_setup: Callable[..., WatchSetup]
) -> None:
    def change_tokens() -> None:
        watched.change("insert into user_tokens (data__comment) values ('brand new') RETURNING token_value")

    watched = watch_setup(2, {2: change_tokens}, size=size)
    watched.watch.run("select comment from user_tokens order by comment desc", 1)
    screen = pyte.HistoryScreen(*size)
    pyte.Stream(screen).feed(watched.written.replace("\n", "\r\n"))
    assert not screen.history.top
    assert "more line" in "\n".join(screen.display)
    if size[1] > 7:
        assert "brand new" in "\n".join(screen.display)


def test_a_secret_is_never_shown(watch_setup: Callable[..., WatchSetup]) -> None:
    watched = watch_setup(1)
    result = watched.connection.run(
        "insert into user_tokens (data__comment) values ('s') returning token_value, token_info"
    )
    watched.connection.objects.keep_result(result.columns, list(result.rows))
    watched.watch.run("select * from _", 1)
    assert "dapi" not in watched.written


def test_memory_stays_flat(watch_setup: Callable[..., WatchSetup]) -> None:
    watched = watch_setup(60)
    grown: list[int] = []
    watched.clock.before_run = {n: lambda: grown.append(tracemalloc.get_traced_memory()[0]) for n in (20, 60)}
    tracemalloc.start()
    try:
        watched.world.stdout.write("")
        watched.watch.run(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 500) select i from n", 1
        )
    finally:
        tracemalloc.stop()
    per_run = (grown[1] - grown[0]) / 40
    assert per_run < 3 * len(watched.frames[0]), "only what the stream itself keeps"


def test_a_terminal_that_changes_its_size_is_painted_afresh(watch_setup: Callable[..., WatchSetup]) -> None:
    sizes = [(80, 24), (50, 24), (50, 24)]
    watched = watch_setup(3, size=(80, 24))
    watched.watch.size = lambda: sizes[len(watched.clock.slept)]
    watched.watch.run("select comment from user_tokens", 1)
    assert watched.written.count("\x1b[2J") == 1
