"""tokensh passes the usual DB-API compliance suite (Stuart Bishop's dbapi20), over local tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dbapi20  # type: ignore[import-untyped]
import pytest

import tokensh
from tests.environments import make_environment


class TestCompliance(dbapi20.DatabaseAPI20Test):  # type: ignore[misc] # the suite is not typed
    """`tokensh` is the driver; each test has a store of its own."""

    driver = tokensh

    @pytest.fixture(autouse=True)
    def _home(self, tmp_path: Path) -> None:
        self.connect_kw_args: dict[str, Any] = {"environment": make_environment(tmp_path)}

    def test_non_idempotent_close(self) -> None:
        """The suite asks for an error, PEP 249 does not: to close twice is harmless here, as with files."""
        connection = self._connect()
        connection.close()
        connection.close()

    def test_nextset(self) -> None:
        """An optional extension that is not offered."""
        assert not hasattr(tokensh.dbapi.cursor.Cursor, "nextset")

    def test_setoutputsize(self) -> None:
        """What it means is up to each driver: nothing here."""
        with self._connect() as connection:
            connection.cursor().setoutputsize(1000)
