"""Without the library of an extra, one sentence says what to install."""

from __future__ import annotations

import subprocess
import sys

from tests.cases import each_case


@each_case(
    ("module", "library", "extra"),
    [
        ("integrations.sqlalchemy", "sqlalchemy", "sqlalchemy"),
        ("integrations.ipython", "IPython", "jupyter"),
        ("integrations.mcp", "mcp", "mcp"),
        ("integrations.pgwire", "pygwire", "pgwire"),
        ("spark", "pyspark", "spark"),
    ],
)
def test_a_missing_library_is_told_with_its_extra(module: str, library: str, extra: str) -> None:
    program = f"import sys; sys.modules[{library!r}] = None; import tokensh.{module}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr.splitlines()[-1].endswith(f"pip install 'tokensh[{extra}]'")
