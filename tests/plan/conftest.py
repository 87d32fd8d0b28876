from __future__ import annotations

import pytest

from tests.plan.planning import Planner


@pytest.fixture(scope="session")
def planner(tmp_path_factory: pytest.TempPathFactory) -> Planner:
    return Planner(tmp_path_factory.mktemp("grammar"))
