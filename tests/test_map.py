"""The map of the code (tokensh/README.md) and the contributor's page name only what exists, and every folder is on the map."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shared_parser import CACHE_HOME, shared_parser
from tests.support import counts_modules

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tokensh"
MAP = PACKAGE / "README.md"
CONTRIBUTING = ROOT / ".github" / "CONTRIBUTING.md"
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|md|txt|toml|lark|json))(?::(\w+(?:\.\w+)*))?`")
MAX_MODULES_AT_THE_TOP = 12


def named_paths(page: Path) -> list[tuple[str, str]]:
    """Return the (path, definition or "") pairs that the page names in code quotes."""
    return PATH.findall(page.read_text(encoding="utf-8"))


def tree_entries() -> list[str]:
    """Return the paths of the map's tree: names by indentation, below tokensh/."""
    tree = MAP.read_text(encoding="utf-8").split("```text\n")[1].split("```")[0]
    entries: list[str] = []
    parents: list[str] = []
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        name = line.split()[0]
        parents[depth:] = [name]
        entries.append("".join(parents))
    return entries


@pytest.mark.parametrize("page", [MAP, CONTRIBUTING], ids=["map", "contributing"])
def test_every_path_that_a_page_names_exists_and_defines_what_it_says(page: Path) -> None:
    for path, definition in named_paths(page):
        candidates = [base / path for base in (ROOT, PACKAGE) if (base / path).exists()]
        assert candidates, path
        if definition:
            name = definition.split(".")[-1]
            pattern = rf"(?m)^\s*(?:def |class )?{re.escape(name)}\b"
            assert re.search(pattern, candidates[0].read_text(encoding="utf-8")), (path, definition)


def test_every_entry_of_the_tree_exists() -> None:
    assert [entry for entry in tree_entries() if not (ROOT / entry).exists()] == []


def test_every_folder_and_every_module_at_the_top_is_in_the_tree() -> None:
    folders = [path for path in PACKAGE.rglob("*") if path.is_dir() and any(path.glob("*.[pm][yd]"))]
    expected = {f"{path.relative_to(ROOT)}/" for path in folders} | {
        f"tokensh/{path.name}" for path in PACKAGE.glob("*.py")
    }
    assert expected - set(tree_entries()) == set()


def test_the_top_of_the_package_holds_few_modules() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= MAX_MODULES_AT_THE_TOP


def test_a_recipe_has_at_most_eight_lines() -> None:
    recipes = CONTRIBUTING.read_text(encoding="utf-8").split("\n### ")[1:]
    assert len(recipes) >= 5
    for recipe in recipes:
        lines = [line for line in recipe.split("\n## ")[0].splitlines()[1:] if line]
        assert len(lines) <= 8, recipe


PROBE = """
import sys
sys.argv = ["tokensh", *{arguments!r}]
from tokensh.cli.main import main
try:
    main()
finally:
    print("loaded:", *sorted({{name.partition(".")[0] for name in sys.modules}}))
"""


@counts_modules
@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--version"], {"lark", "requests", "rich", "sqlite3", "prompt_toolkit", "pygments", "yaml"}),
        (["--help"], {"lark", "requests", "rich", "sqlite3", "prompt_toolkit", "pygments", "yaml"}),
        (
            ["--sandbox", "-c", "SELECT comment FROM user_tokens"],
            {"prompt_toolkit", "pygments", "rich", "lark", "yaml"},
        ),
    ],
    ids=["version", "help", "piped"],
)
def test_a_run_loads_no_library_that_it_does_not_need(arguments: list[str], absent: set[str], tmp_path: Path) -> None:
    program = PROBE.format(arguments=arguments)
    shared_parser()  # the first run of a checkout compiles the grammar, with lark
    environment = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(CACHE_HOME), "PATH": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False, env=environment
    )
    loaded = set(done.stdout.splitlines()[-1].split()[1:])
    assert loaded & absent == set(), done.stderr
