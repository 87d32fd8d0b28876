"""Find the regular expressions of the package, and run each over hostile repetitions in a process of its own.

Python's `re` backtracks: an expression such as `<[^>]*>` looks for its end anew at each `<`, which takes minutes in a reply of
some hundred kB and cannot be interrupted, since `re` holds the interpreter's lock. `tests/test_regular_expressions.py` says
what is expected of them.
"""

from __future__ import annotations

import ast
import gc
import importlib
import itertools
import json
import pkgutil
import re
import resource
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.support import ROOT

SMALL, LARGE = 250, 2_000
"""Characters of the two texts that are compared: eight times the text may take eight times as long, and not 64 times."""
SUSPECT = 0.0009
"""Seconds of processor time for the large text below which nothing is compared; a linear expression takes a tenth of it.

A quadratic expression that takes that long takes 15 ms for four times the text, and a minute for a reply of half a megabyte.
"""
HOPELESS = 0.015
"""Seconds for the small text above which the large one is not tried."""
SEARCHES = ("search", "sub", "subn", "finditer", "findall", "split", "scanner")
ANCHORED = ("match", "fullmatch")
SKIPPED = ("tokensh.spark", "tokensh.integrations", "tokensh.__main__", "tokensh.sandbox.__main__")
"""Modules that need libraries of extras, or run when they are imported; their sources are read all the same."""
ATOMS = (
    " ", "\n", "\t", "a", "A", "0", "_", "-", ".", ",", ":", "=", "<", ">", "<h1>", "<a ", "{", "{{", "}", "{{ ", "{{ a ", "'", '"',
    "''", '""', "\\", '\\"', "/", "/*", "--", "[", "]", "(", "$", "%", "e", "é", "\ud800", "1.", "1e", "a-", "a.", "a_", "a:", "a =",
    "a: a", " \\", "\x1b[", "eyJ", ".eyJ", "dapi", "bearer ", "token=", '"token"', '{"', '"a":', '"a": "', "X: ", "[ReqId: ", "\\n",
)  # fmt: skip
"""Repeated, each may send an expression back to where it was."""


class Found(NamedTuple):
    """A regular expression of the package and how it is called."""

    place: str
    pattern: str
    flags: int
    searches: bool


def modules() -> Iterator[str]:
    import tokensh  # noqa: PLC0415 (only the process that measures needs all of it)

    for module in pkgutil.walk_packages(tokensh.__path__, "tokensh."):
        if not module.name.startswith(SKIPPED):
            yield module.name


def patterns_of(value: object) -> Iterator[re.Pattern[str] | re.Pattern[bytes]]:
    """Yield a constant's expressions: it is one, a method of one, or a collection of them."""
    match value:
        case re.Pattern():
            yield value
        case tuple() | list() | frozenset():
            for item in value:
                yield from patterns_of(item)
        case dict():
            yield from patterns_of(list(value.values()))
        case _ if isinstance(getattr(value, "__self__", None), re.Pattern):
            yield value.__self__  # type: ignore[attr-defined]
        case _:
            pass


def constants() -> Iterator[Found]:
    """Yield the expressions that modules hold; one is only anchored if no source calls another method of that name."""
    source = "\n".join(map(read_source, sources()))
    for module in modules():
        for name, value in vars(importlib.import_module(module)).items():
            for pattern in patterns_of(value):
                called = re.compile(rf"\b{re.escape(name)}\.(\w+)\(")
                own = read_source(Path(str(importlib.import_module(module).__file__)))
                methods = set(called.findall(own) or called.findall(source))
                if getattr(value, "__name__", "") in ANCHORED:  # `_is_narrow = re.compile(...).fullmatch`
                    methods = {value.__name__}
                searches = not methods or bool(methods & set(SEARCHES))
                text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
                yield Found(f"{module}.{name}", text, pattern.flags, searches)


def sources() -> list[Path]:
    return sorted((ROOT / "tokensh").rglob("*.py"))


@cache
def read_source(path: Path) -> str:
    return path.read_text("utf-8")


@cache
def calls() -> list[tuple[str, str, ast.Call]]:
    """Return the calls of functions of `re` in the sources, with place and function."""
    found = []
    for path in sources():
        source = read_source(path)
        for node in ast.walk(ast.parse(source)) if re.search(r"\bre\.\w", source) else ():
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=function)) if function != "escape":
                    found.append((f"{path.relative_to(ROOT)}:{node.lineno}", function, node))
                case _:
                    pass
    return found


def literals() -> Iterator[Found]:
    """Yield the expressions that are written where they are used, and those that are compiled from a literal anywhere."""
    for place, function, node in calls():
        match node.args:
            case [ast.Constant(value=str(pattern)), *_]:
                yield Found(place, pattern, 0, function in SEARCHES)
            case _:
                pass


def named() -> Iterator[Found]:
    """Yield the expressions that are kept as texts in constants and given to functions of `re` by name."""
    for place, function, node in calls():
        path = ROOT / place.partition(":")[0]
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        names = [part.id for part in ast.walk(node.args[0]) if isinstance(part, ast.Name)] if node.args else []
        if not names or module.startswith(SKIPPED):
            continue
        source = read_source(path)
        for name in names:
            text = getattr(importlib.import_module(module), name, None)
            methods = re.findall(rf"re\.compile\({name}\)\.(\w+)\(", source) if function == "compile" else [function]
            if isinstance(text, str | bytes):
                pattern = text if isinstance(text, str) else text.decode("latin-1")
                yield Found(f"{module}.{name}", pattern, 0, bool(set(methods) & set(SEARCHES)))


def built() -> Iterator[Found]:
    """Yield the expressions that functions build from what they are given, each with a hostile example."""
    from tests.shared_parser import shared_parser  # noqa: PLC0415 (as above)
    from tokensh.provider.document import SCALARS  # noqa: PLC0415 (as above)
    from tokensh.redact import _SHAPES  # noqa: PLC0415 (as above)
    from tokensh.shell.highlight import SqlLexer  # noqa: PLC0415 (as above)

    table = shared_parser().table
    for name, pattern, _ in SCALARS:
        yield Found(f"SCALARS {name}", rf"(?:{pattern})\Z", 0, False)
    for _, shape in _SHAPES:
        yield Found("redact._SHAPES", shape, 0, True)
    yield Found("SqlLexer", SqlLexer(table)._pattern.pattern, 0, True)
    yield Found("lexer", table.pattern.pattern, table.pattern.flags, True)


def find_all() -> list[Found]:
    """Return every expression of the package, each once."""
    every = (
        found._replace(flags=found.flags & ~int(re.UNICODE))
        for found in (*constants(), *literals(), *named(), *built())
    )
    return list({(found.pattern, found.flags, found.searches): found for found in every}.values())


# ---- in the process that measures


def seconds(pattern: re.Pattern[str], text: str, *, searches: bool) -> float:
    """Return the processor time that all matches in a text take."""
    begun = time.thread_time()  # under a limit, the clock of the process advances in steps of 4 ms
    if searches:
        for _ in pattern.finditer(text):
            pass
    else:
        pattern.match(text)
        pattern.fullmatch(text)
    return time.thread_time() - begun


def hostile_texts(length: int, pattern: str) -> Iterator[tuple[str, str]]:
    """Yield texts with what is repeated: each atom alone, and after each beginning that the expression's own letters make."""
    letters = pattern.replace("\\", "")
    words = [word for word in re.findall(r"[A-Za-z]{2,}|<|\{\{|\"|'", letters)[:3] if len(word) < 12]
    for atom in dict.fromkeys((*ATOMS, *words)):
        body = atom * (length // len(atom))
        yield repr(atom), body
        yield f"{atom!r} and an end", f"{body}\x00"
        for word in words:
            yield f"{word!r} before {atom!r}", f"{word}{body}\x00"
            yield f"{word!r} and {atom!r}", (word + atom) * (length // len(word + atom))


def slow_repetitions(found: Found) -> Iterator[str]:
    """Yield the repetitions for which an expression takes more than linear time."""
    pattern = re.compile(found.pattern, found.flags)
    for (name, large), (_, small) in zip(
        hostile_texts(LARGE, found.pattern), hostile_texts(SMALL, found.pattern), strict=True
    ):
        few = max(seconds(pattern, small, searches=found.searches), 1e-5)
        # A cubic one would not end: it is known by the small text.
        if few > HOPELESS:
            yield f"{found.place}: {found.pattern!r} over {name}: {few:.2f} s for {SMALL} characters"
            return
        many = seconds(pattern, large, searches=found.searches)
        if many > SUSPECT and many > 24 * few:  # or the machine was busy
            few, many = (
                max(median(seconds(pattern, text, searches=found.searches) for _ in range(5)), 1e-5)
                for text in (small, large)
            )
        if many > SUSPECT and many > 24 * few:
            yield f"{found.place}: {found.pattern!r} over {name}: {many / few:.0f} times the time for 8 times the text"
            return


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (300, 300))
    more = [Found(*each) for each in json.load(sys.stdin)]
    measured = [*find_all(), *more]
    gc.disable()  # it would count as the time of an expression
    json.dump([len(measured), list(itertools.chain.from_iterable(map(slow_repetitions, measured)))], sys.stdout)
