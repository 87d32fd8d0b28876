"""A rotation that is interrupted anywhere leaves a credential that works, and the next run finishes (see rotation_sweep)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.resilience.rotation_sweep import Schedule, opened

SCHEDULES = [
    Schedule(),
    Schedule(kill_at=5, eventual=True),
    Schedule(kill_at=9, delivery="program"),
    Schedule(kill_at=12),
    Schedule(delivery="hangs"),
    Schedule(full_disk=2),
    Schedule(faults=(("POST */token/create", "lost", 0, 1),)),
    Schedule(faults=(("POST */token/delete", "500", 0, None),), delivery="program"),
    Schedule(faults=(("GET */scim/v2/Me", "refused", 0, None),)),
]


@pytest.fixture(scope="module")
def check() -> Iterator[Callable[[Schedule], str]]:
    with opened() as checker:
        yield checker


@pytest.mark.judged
@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_a_second_run_finishes(schedule: Schedule, check: Callable[[Schedule], str]) -> None:
    assert check(schedule) == ""
