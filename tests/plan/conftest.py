"""Fixtures of the planner's tests."""

from __future__ import annotations

import pytest

from tests.plan.planning import Planner


@pytest.fixture(scope="session")
def planner() -> Planner:
    return Planner()
