"""Without pyarrow, one sentence says what to install; tests/interfaces/test_arrow.py is about the tables."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.engine.sessions import connect
from tokensh import errors


def test_without_pyarrow_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with connect(None, tmp_path) as session, pytest.raises(errors.InterfaceError, match="need pyarrow") as caught:
        session.cursor().execute("SELECT 1").fetch_arrow_table()
    assert caught.value.hint == "pip install 'tokensh[arrow]'"
