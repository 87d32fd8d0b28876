"""What tokensh is made from and of: nothing is evaluated or unpickled, the lock fits, each promise names tests that exist."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from packaging.requirements import Requirement

from tests.cases import each_case
from tests.support import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SOURCES = [*sorted((ROOT / "tokensh").rglob("*.py")), ROOT / "grammar" / "build.py"]
EVALUATES = {"eval", "exec", "compile", "__import__"}
UNPICKLES = {"pickle", "cPickle", "marshal", "shelve", "dill", "jsonpickle", "telnetlib"}
ALLOWED = {
    # Constructors are written as text, as the standard library's dataclasses are: of our own attributes' names.
    ("tokensh/_dataclasses.py", "exec"),
    # A subclass of the safe loader.
    ("tokensh/provider/document.py", "yaml.load"),
    # What a user typed for the shell to run.
    ("tokensh/shell/redirection.py", "shell=True"),
    ("tokensh/shell/pager.py", "shell=True"),
}


def risks(tree: ast.AST) -> Iterator[str]:
    """What runs data as code, by name."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in EVALUATES:
                yield name
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="yaml"), attr=("load" | "unsafe_load" | "full_load") as name)
            ):
                yield f"yaml.{name}"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="os"), attr=("system" | "popen") as name)):
                yield f"os.{name}"
            case ast.Import(names=names):
                yield from (one.name for one in names if one.name.partition(".")[0] in UNPICKLES)
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in UNPICKLES:
                yield module
            case ast.keyword(arg="shell", value=ast.Constant(value=True)):
                yield "shell=True"
            case ast.keyword(arg="verify", value=ast.Constant(value=False)):
                yield "verify=False"
            case _:
                pass


def test_nothing_is_evaluated_or_unpickled() -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), risk)
        for path in SOURCES
        for risk in risks(ast.parse(path.read_text("utf-8")))
    }
    assert found <= ALLOWED


@each_case(
    "text",
    ["eval('1')", "import pickle", "from marshal import loads", "yaml.load(x)", "f(shell=True)", "get(verify=False)", "os.system(x)"],
)  # fmt: skip
def test_what_would_be_found_is_found(text: str) -> None:
    assert list(risks(ast.parse(text)))


# ---- dependencies

LOCK = (ROOT / ".ci" / "lock.txt").read_text("utf-8")
LOCKED = dict(re.findall(r"^([a-z0-9-]+)==([^ \\]+)", LOCK, re.MULTILINE))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
DEPENDENCIES = PROJECT["dependencies"]


@each_case("text", DEPENDENCIES)
def test_the_lock_has_each_dependency_within_its_bounds(text: str) -> None:
    wanted = Requirement(text)
    version = LOCKED[wanted.name.lower().replace("_", "-")]
    assert wanted.specifier.contains(version)
    assert {one.operator for one in wanted.specifier} == {">=", "<"}, "a floor and a cap"


def test_every_locked_file_has_a_hash() -> None:
    entries = re.split(r"^(?=[a-z0-9-]+==)", LOCK, flags=re.MULTILINE)[1:]
    assert len(entries) == len(LOCKED)
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in LOCK


def test_what_is_installed_is_short() -> None:
    assert len(LOCKED) <= 14


# ---- the workflows


def test_the_workflow_tests_each_python_that_the_package_names() -> None:
    named = [text.rpartition(" ")[2] for text in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", text)]
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    assert workflow["jobs"]["gate"]["strategy"]["matrix"]["python"] == named
    assert PROJECT["requires-python"] == f">={named[0]}"


def test_only_the_job_that_publishes_may_sign_in_to_the_index() -> None:
    release = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8"))
    assert release["permissions"] == {"contents": "read"}
    assert [name for name, job in release["jobs"].items() if "permissions" in job] == ["publish"]
    assert release["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert [release["jobs"][name]["needs"] for name in ("publish", "build")] == ["build", "gate"]


@each_case("path", sorted((ROOT / ".github").rglob("*.yml")), ids=lambda path: path.name)
def test_each_file_of_the_repository_s_host_is_yaml(path: Path) -> None:
    assert isinstance(yaml.safe_load(path.read_text("utf-8")), dict)


# ---- promises

SECURITY = (ROOT / "SECURITY.md").read_text("utf-8")
PROMISES = re.findall(r"^\| (P\d) \|.*\| ([^|]*) \|$", SECURITY, re.MULTILINE)


def test_there_are_eight_promises() -> None:
    assert [name for name, _ in PROMISES] == [f"P{number}" for number in range(1, 9)]


@each_case(("name", "cell"), PROMISES)
def test_each_promise_names_tests_that_exist(name: str, cell: str) -> None:
    paths = re.findall(r"`([^`]+)`", cell)
    assert paths
    for path in paths:
        assert Path(ROOT, path).is_file(), path
        assert re.search(r"^(?:    )?def test_|\.TestCase$", Path(ROOT, path).read_text("utf-8"), re.MULTILINE), path


def test_every_file_that_is_named_exists() -> None:
    for path in re.findall(r"`(tests/[^`]+)`", SECURITY):
        assert Path(ROOT, path).exists(), path
