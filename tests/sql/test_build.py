"""The wheel contains the compiled table, and building it again gives the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.command_line_files import SHARED
from tests.shared_parser import compiled_grammar
from tests.support import ROOT

pytestmark = pytest.mark.once


def build_wheel(folder: Path, seed: str) -> Path:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": seed},
        capture_output=True,
        check=True,
    )
    (wheel,) = folder.iterdir()
    return wheel


def test_the_same_checkout_gives_the_same_wheel_with_its_compiled_grammar(tmp_path: Path) -> None:
    first, second = (build_wheel(tmp_path / seed, seed) for seed in ("1", "2"))
    assert first.read_bytes() == second.read_bytes()
    with ZipFile(first) as wheel:
        shared = {name.partition(".data/data/share/")[2] for name in wheel.namelist()} - {""}
        names = {name for name in wheel.namelist() if name.startswith("tokensh/grammar/")}
        table = json.loads(wheel.read("tokensh/grammar/table.json"))
    assert names == {f"tokensh/grammar/{name}" for name in ("stackql.lark", "terminals.lark", "table.json")}
    assert shared == set(SHARED)
    assert table == compiled_grammar()
