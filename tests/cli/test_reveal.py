"""`tokensh reveal` shows the value of a new token at a terminal, and nowhere else."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest

from tokensh.api.hosts import Target
from tokensh.cli.main import main
from tokensh.engine.destinations import NewSecret
from tokensh.engine.kept_values import KeptValues
from tokensh.environment import Environment

VALUE = "dapi" + "0123456789abcdef" * 2


class Stream(StringIO):
    def __init__(self, text: str = "", *, terminal: bool = False) -> None:
        super().__init__(text)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def at(home: Path, typed: str = "", *, terminal: bool = True) -> Environment:
    return Environment(
        Stream(typed, terminal=terminal), Stream(terminal=terminal), Stream(terminal=terminal), {"HOME": str(home)}
    )


def reveal(environment: Environment, *words: str) -> tuple[int, str, str]:
    status = main(["reveal", *words], environment)
    return status, environment.stdout.getvalue(), environment.stderr.getvalue()  # type: ignore[attr-defined]


@pytest.fixture
def kept(tmp_path: Path) -> KeptValues:
    values = KeptValues(at(tmp_path))
    values.check()
    target = Target("https", "w1.cloud.databricks.com", None, "", "w1")
    for token_id in ("aa11", "ab22"):
        assert "tokensh reveal " + token_id in values.deliver(NewSecret(target, token_id, VALUE))
    return values


def test_values_wait_in_private_files_until_their_user_forgets_them(kept: KeptValues, tmp_path: Path) -> None:
    assert [path.stat().st_mode & 0o777 for path in kept.list_files()] == [0o600, 0o600]
    assert kept.folder.stat().st_mode & 0o777 == 0o700
    assert reveal(at(tmp_path)) == (0, "w1  aa11\nw1  ab22\n", "")
    assert reveal(at(tmp_path, "\n"), "aa") == (0, f"{VALUE}\nforget it here? [y/N] ", "")
    assert reveal(at(tmp_path, "y\n"), "aa11")[0] == 0
    assert reveal(at(tmp_path), "--forget", "ab22") == (0, "", "")
    assert reveal(at(tmp_path)) == (0, "", "")


def test_a_value_is_shown_only_at_a_terminal_and_only_for_one_id(kept: KeptValues, tmp_path: Path) -> None:
    status, out, err = reveal(at(tmp_path, terminal=False), "aa11")
    assert (status, out) == (2, "")
    assert "only at a terminal" in err
    assert "several values" in reveal(at(tmp_path), "a")[2]
    assert "no value" in reveal(at(tmp_path), "x")[2]
    assert len(kept.list_files()) == 2
