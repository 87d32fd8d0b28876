"""Check the lines of the debug log: one per attempt, on one line, without secrets."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tokensh.api.log import Log
from tokensh.errors import InterfaceError
from tokensh.redact import Redactor


def written(folder: Path, **facts: object) -> str:
    redactor = Redactor()
    redactor.learn("s3cret-value")
    log = Log(folder / "log", redactor.clean, lambda: 1764084000.1239)
    log.write(**facts)
    log.close()
    log.write(late=True)
    return (folder / "log").read_text()


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"method": "GET", "status": 200, "ms": 0}, "method=GET status=200 ms=0"),
        ({"a": None, "b": "", "c": 0}, "c=0"),
        ({"error": 'no "luck" today'}, r'error="no \"luck\" today"'),
        ({"path": "/a=b"}, 'path="/a=b"'),
        ({"path": "/\x1b[31m\n\u202e"}, r'path="/\\x1b[31m\\n\\u202e"'),
        ({"comment": "é"}, 'comment="é"'),
        ({"error": "bad s3cret-value"}, 'error="bad [hidden]"'),
        ({"path": "/s3cret-value"}, "path=/[hidden]"),
    ],
)
def test_a_line_is_its_time_and_the_facts_there_are(facts: dict[str, object], line: str, tmp_path: Path) -> None:
    assert written(tmp_path, **facts) == f"time=2025-11-25T15:20:00.123Z {line}\n"


def test_lines_are_added_to_a_file_that_is_its_owners_alone(tmp_path: Path) -> None:
    first = written(tmp_path, a=1)
    assert written(tmp_path, a=2) == first + first.replace("a=1", "a=2")
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def test_a_symbolic_link_and_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "target")
    with pytest.raises(InterfaceError, match="it is a symbolic link"):
        written(tmp_path)
    assert not (tmp_path / "target").exists()
    with pytest.raises(InterfaceError, match="Is a directory"):
        Log(tmp_path, str, float)
