"""README's examples that need extras run as printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.interfaces.notebook import Notebook
from tests.test_readme import _FENCES, PROGRAMS, test_a_python_example_prints_what_it_says
from tokensh.sandbox import Sandbox

pytestmark = pytest.mark.interfaces
EXTRA = [program for program in PROGRAMS if "import tokensh" not in program]


def test_there_is_an_example() -> None:
    assert EXTRA


@pytest.mark.parametrize("program", EXTRA)
def test_it_prints_what_it_says(program: str, tmp_path: Path) -> None:
    test_a_python_example_prints_what_it_says(program, tmp_path)


def test_the_notebook_runs(site: Sandbox) -> None:
    pytest.importorskip("IPython", reason="needs tokensh[jupyter]")
    (cell,) = (text for language, text in _FENCES if language == "ipython")
    notebook = Notebook()
    for line in re.findall(r"^.+$", cell, re.MULTILINE):
        shown = notebook.cell(line)
    assert list(shown.columns) == ["token_id", "comment", "expiry_time"]
    notebook.cell("%unload_ext tokensh")
    notebook.shell.clear_instance()
