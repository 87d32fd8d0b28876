"""The words of the code: plain English, names that say what a thing is or does, functions and modules of readable size."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.cases import each_case

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "tokensh").rglob("*.py"))
TEXTS = [ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md", ROOT / "tokensh" / "README.md"]
TEXTS += [
    ROOT / ".github" / "CONTRIBUTING.md",
    ROOT / "grammar" / "README.md",
    *sorted((ROOT / "grammar").glob("*.lark")),
]
TEXTS += [ROOT / "tokensh" / "cli" / "help.txt"]

ARCHAIC = re.compile(
    r"\b(nobody|no one|whoever|whom|so be it|shall|thereof|heeded)\b"
    r"|\b(?:is|are) (?:none\b|no (?!longer|more|match|different|less|doubt)[a-z]+)"
    r"|(?<=[\w)`'\"}]) \.\.(?=[\s`'\")]|$)"
)
"""Words that technical readers stumble over, "X is no Y", and two dots where an ellipsis has three."""
PARTICIPLES = frozenset(
    [
        "told",
        "made",
        "meant",
        "found",
        "shown",
        "given",
        "kept",
        "known",
        "seen",
        "laid",
        "held",
        "sent",
        "bound",
        "broken",
        "chosen",
        "done",
        "drawn",
        "grown",
        "hidden",
        "lost",
        "paid",
        "said",
        "taken",
        "thrown",
        "worn",
        "written",
        "built",
        "brought",
        "bought",
        "caught",
        "dealt",
        "felt",
        "got",
        "heard",
        "led",
        "stood",
        "struck",
        "understood",
        "won",
    ]
)
VERBS_IN_ED = frozenset({"embed", "exceed", "feed", "need", "proceed", "seed", "shed", "speed"})
DOCSTRINGS = ('"""', 'r"""')
MAX_MODULE_LINES = 600
MAX_FUNCTION_LINES = 60
MAX_SHARE_OF_ONE_WORD_NAMES = 0.30


@cache
def nodes(module: Path) -> list[ast.AST]:
    """Return the nodes of a module's tree, which several tests look through."""
    return list(ast.walk(ast.parse(module.read_text(encoding="utf-8"))))


def strings_and_comments(module: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, text) of each line of each string and comment."""
    source = module.read_text(encoding="utf-8")
    for number, line in enumerate(source.splitlines(), 1):
        # A comment, or a string with such a sign: it is read twice then.
        if "#" in line:
            yield number, line[line.index("#") :]
    for node in nodes(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for offset, line in enumerate(node.value.split("\n")):
                yield node.lineno + offset, line


def functions(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in nodes(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def names(module: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, name) of each variable, parameter and function."""
    for node in nodes(module):
        if isinstance(node, ast.Name):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name


def is_participle(name: str) -> bool:
    first = name.strip("_").split("_")[0]
    return first in PARTICIPLES or (first.endswith("ed") and first not in VERBS_IN_ED)


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


@each_case(
    ("text", "is_archaic"),
    [
        ("whoever asks gets an answer", True),
        ("'abc' is no number", True),
        ("SELECT ..", True),
        ("see `a` .. `b`", True),
        ("the value is no longer needed", False),
        ("there is no match", False),
        ("SELECT ...", False),
        ("the file ../shared", False),
    ],
)
def test_the_word_list_tells_archaic_from_plain(text: str, is_archaic: bool) -> None:
    assert bool(ARCHAIC.search(text)) is is_archaic


def test_strings_and_comments_are_plain_english() -> None:
    archaic = [
        f"{module.relative_to(ROOT)}:{line}: {text.strip()}"
        for module in MODULES
        for line, text in strings_and_comments(module)
        if ARCHAIC.search(text)
    ]
    assert archaic == []


@each_case("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_texts_are_plain_english(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [f"{number}: {line}" for number, line in enumerate(lines, 1) if ARCHAIC.search(line)] == []


def test_no_private_function_is_named_by_a_participle() -> None:
    assert [
        f"{module.relative_to(ROOT)}:{function.lineno}: {function.name}"
        for module in MODULES
        for function in functions(module)
        if is_private(function.name) and is_participle(function.name)
    ] == []


def test_no_variable_is_called_one() -> None:
    assert [
        f"{module.relative_to(ROOT)}:{line}" for module in MODULES for line, name in names(module) if name == "one"
    ] == []


def test_most_private_functions_have_names_of_several_words() -> None:
    private = [
        function.name.strip("_") for module in MODULES for function in functions(module) if is_private(function.name)
    ]
    assert sum("_" not in name for name in private) <= MAX_SHARE_OF_ONE_WORD_NAMES * len(private)


def test_no_module_or_function_is_too_long_to_be_read_at_once() -> None:
    long_modules = [
        str(module.relative_to(ROOT))
        for module in MODULES
        if len(module.read_text(encoding="utf-8").splitlines()) > MAX_MODULE_LINES
    ]
    long_functions = [
        f"{module.relative_to(ROOT)}:{function.lineno}: {function.name}"
        for module in MODULES
        for function in functions(module)
        if (function.end_lineno or 0) - function.lineno >= MAX_FUNCTION_LINES
    ]
    assert (long_modules, long_functions) == ([], [])


def test_every_test_module_says_which_promise_it_checks() -> None:
    modules = sorted((ROOT / "tests").rglob("test_*.py"))
    assert [str(module) for module in modules if not module.read_text(encoding="utf-8").startswith(DOCSTRINGS)] == []
