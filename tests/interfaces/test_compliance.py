"""SQLAlchemy's own compliance suite passes; each test that it skips has a reason."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

sa = pytest.importorskip("sqlalchemy", reason="needs tokensh[sqlalchemy]")
pytestmark = pytest.mark.interfaces

FOLDER = Path(__file__).parent / "compliance"
ROOT = FOLDER.parents[2]
LEAST = {"2.0": 1200, "2.1": 1400}
"""Tests that pass at least, by the version of SQLAlchemy: its suite grows."""


def test_the_compliance_suite_of_sqlalchemy_passes(tmp_path: Path) -> None:
    # A process of its own: the suite's plugin changes how pytest collects. It reads setup.cfg in pytest's root folder.
    report = tmp_path / "report.xml"
    arguments = [
        "-c",
        str(FOLDER / "setup.cfg"),
        "--dburi",
        "tokensh://?sandbox=true&yes=1",
        f"--junitxml={report}",
        "-q",
    ]
    folders = {name: str(tmp_path) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, "--maxfail=1000", "--tb=short", FOLDER / "suite.py"],
        cwd=ROOT,
        env={**os.environ, **folders, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    cases = list(ET.parse(report).iter("testcase"))
    messages = [str(skip.get("message")) for case in cases if (skip := case.find("skipped")) is not None]
    # The name of a requirement and the reason stand behind the name of the test.
    found = [re.search(r"\w+: .*", message.rpartition(" : ")[2]) for message in messages]
    reasons = Counter(reason[0] if reason else "" for reason in found)
    assert [message for message, reason in zip(messages, found, strict=True) if reason is None] == []
    version = re.match(r"\d+\.\d+", sa.__version__)
    assert version is not None
    passed = len(cases) - reasons.total()
    print(f"SQLAlchemy {sa.__version__}: {passed} passed, {reasons.total()} skipped")
    for text, count in sorted(reasons.items()):
        print(f"{count:5} {text}")
    assert passed >= LEAST[version[0]]
