"""Spark is an extra: nothing else loads it, and without it the error says what to install."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import requires

from tests.shared_parser import CACHE_HOME

SPARKS = {"pyspark", "pyarrow", "pandas", "numpy", "py4j"}


def run(program: str) -> str:
    variables = {**os.environ, "XDG_CACHE_HOME": str(CACHE_HOME)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout + done.stderr


def test_a_run_of_the_shell_loads_nothing_of_it() -> None:
    program = (
        "import sys, tokensh.cli.main\n"
        "tokensh.cli.main.main(['--sandbox', '-c', 'SELECT comment FROM user_tokens LIMIT 1'])\n"
        "print('loaded', *sorted({name.partition('.')[0] for name in sys.modules}), 'tokensh.spark' in sys.modules)"
    )
    *_, line = run(program).splitlines()
    names = line.split()
    assert (names[0], names[-1]) == ("loaded", "False")
    assert not SPARKS & set(names)


def test_no_dependency_of_the_core_is_sparks() -> None:
    core = [requirement for requirement in requires("tokensh") or () if "extra ==" not in requirement]
    assert core
    assert not [requirement for requirement in core if requirement.startswith(tuple(SPARKS))]


def test_without_pyspark_the_way_to_it_is_told() -> None:
    output = run("import sys\nsys.modules['pyspark'] = None\nimport tokensh.spark")
    assert output.endswith("ImportError: tokensh.spark needs PySpark 4: pip install 'tokensh[spark]'\n")
