"""An offboarding that is spoilt anywhere reports the truth, touches nothing else, and the next run finishes (see offboard_sweep)."""

from __future__ import annotations

import pytest

from tests.engine.sessions import B
from tests.resilience.offboard_sweep import Schedule, opened

SCHEDULES = [
    Schedule(),
    Schedule(kill_at=7, eventual=True),
    Schedule(interrupt_at=8),
    Schedule(
        faults=((f"DELETE */w/{B}/*", "lost before", 0, 1), ("DELETE *", "silent", 2, 2)), kill_at=18, eventual=True
    ),
    Schedule(full_disk=True),
    Schedule(faults=(("DELETE *", "lost", 1, None),)),
    Schedule(faults=(("DELETE *", "a web page instead", 0, 2),)),
    Schedule(faults=(("GET *", "429", 0, 2), ("DELETE *", "500", 0, None))),
    Schedule(faults=(("GET *", "cut", 3, None), ("DELETE *", "closed", 0, 1))),
]


@pytest.mark.judged
def test_a_second_run_finishes() -> None:
    with opened() as check:
        assert {schedule: problem for schedule in SCHEDULES if (problem := check(schedule))} == {}
