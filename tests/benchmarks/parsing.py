"""Rows 4 to 6: the grammar's table, statements, and how both grow."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median

from lark import Lark

from tests.benchmarks.measure import HERE, Bench, Result, compare_calls, cpu_seconds, format_ms
from tokensh.errors import SqlSyntaxError
from tokensh.sql import grammar
from tokensh.sql.parse import Parser
from tokensh.sql.placeholders import fill
from tokensh.sql.script import split_script

DEEP = 5000


def statements() -> list[str]:
    """Return the fixed statements that parsers are timed with."""
    return [line.removesuffix(";") for line in (HERE / "statements.sql").read_text(encoding="utf-8").splitlines()]


def measure(bench: Bench) -> Iterator[Result]:
    """Compare a cached parse table with a new one, our parser with lark and sqlglot, and inputs of two lengths."""
    yield _compare_tables(bench.home / "grammar")
    parser = Parser()
    texts = statements()
    plain = Lark(grammar.read_grammar(), parser="lalr", lexer="contextual", maybe_placeholders=True)
    ours, other, ratio = compare_calls(_parse_all(parser.parse, texts), _parse_all(plain.parse, texts))
    each = len(texts) * 10
    metric = "a statement : plain lark, contextual, same grammar, CPU"
    yield Result("5", metric, format_ms(ours / each), format_ms(other / each), ratio, 0.8, aim=0.45)
    yield _compare_with_sqlglot(parser, texts)
    yield _compare_list_lengths(parser)
    yield from _compare_open_tokens(parser)
    yield from _compare_script_lengths(parser, 2000 if bench.quick else 20_000)
    yield _compare_depths(parser)


def _compare_tables(cache: Path) -> Result:
    grammar.load_table(cache)
    text = grammar.read_grammar()
    ours, other, ratio = compare_calls(lambda: grammar.load_table(cache), lambda: grammar.compile_grammar(text), 3)
    return Result("4", "the table loaded : made by lark, CPU", format_ms(ours), format_ms(other), ratio, 0.15)


def _parse_all(parse: Callable[[str], object], texts: Sequence[str]) -> Callable[[], None]:
    def run() -> None:
        for _ in range(10):
            for text in texts:
                parse(text)

    return run


def _compare_with_sqlglot(parser: Parser, texts: Sequence[str]) -> Result:
    metric = "the same SELECTs : sqlglot in pure Python, CPU"
    try:
        import sqlglot  # noqa: PLC0415 (only the extra `bench` brings it)
        from sqlglot.errors import ParseError  # noqa: PLC0415
    except ImportError:
        return Result("5", metric, skipped="sqlglot is not installed (pip install tokensh[bench])")

    def both_take(text: str) -> bool:
        try:
            return text.startswith(("SELECT", "WITH")) and bool(sqlglot.parse_one(text))
        except ParseError:
            return False

    selects = list(filter(both_take, texts))
    ours, other, ratio = compare_calls(_parse_all(parser.parse, selects), _parse_all(sqlglot.parse_one, selects))
    each = len(selects) * 10
    return Result("5", metric, format_ms(ours / each), format_ms(other / each), ratio, 1.0)


def _compare_list_lengths(parser: Parser) -> Result:
    def parse_list(count: int) -> Callable[[], object]:
        items = ", ".join(f"'dbc-{number:08x}'" for number in range(count))
        text = f"SELECT token_id FROM user_tokens WHERE deployment_name IN ({items})"
        return lambda: parser.parse(text)

    large, small, ratio = compare_calls(parse_list(10_000), parse_list(1000), 5)
    metric = "an item of IN (10000) : of IN (1000), CPU"
    return Result("6", metric, f"{large * 100:.2f} us", f"{small * 1000:.2f} us", ratio / 10, 1.5)


# Scripts of n lines that a splitter that reads again what is still open would take n * n steps for.
_LONG: dict[str, Callable[[int], str]] = {
    "an open string": lambda count: "select 'abc\n" + "it''s open\n" * count,
    "an open comment": lambda count: "select /* abc\n" + "foo /* bar\n" * count,
    "an open placeholder": lambda count: "select {{ abc\n" + "foo bar\n" * count,
    "open JSON": lambda count: "exec a.b @@json={\n" + '"foo": 1,\n' * count,
    "a string": lambda count: "select 'abc\n" + "foo bar baz\n" * count + "';\n",
    "comments": lambda count: "select 1 -- done;\n" + "-- a;\n" * count + "select 2;\n",
    "DELETE with -- a;": lambda count: "delete from t where a = 1\n" + "and b = 2 -- a;\n" * count + ";\n",
    "placeholders in JSON": lambda count: "exec a.b @@json='[" + "{{ x }},\n" * count + "1]';\n",
}


def _compare_open_tokens(parser: Parser) -> Iterator[Result]:
    def read(lines: Sequence[str]) -> None:
        for piece in split_script(lines, parser.table):
            fill(piece, {"x": 1})

    # As timeit does: what the collector walks through has grown, whatever was measured.
    gc.disable()
    for name, make in _LONG.items():
        texts = {count: make(count).splitlines(keepends=True) for count in (2000, 20_000)}
        small, large = (
            min(cpu_seconds(partial(read, lines)) for _ in range(3)) / count for count, lines in texts.items()
        )
        metric = f"{name}, a line of 20,000 : of 2,000, CPU"
        yield Result("6", metric, f"{large * 1e6:.2f} us", f"{small * 1e6:.2f} us", large / small, 1.3)
    gc.enable()
    text = "'" + "it''s a text\n" * 80_000 + "'"
    ours, other, ratio = compare_calls(lambda: parser.tokenize(text), lambda: text.count("\n"))
    yield Result("6", "a literal of 1 MB lexed : its lines counted, CPU", format_ms(ours), format_ms(other), ratio, 40)


def _compare_script_lengths(parser: Parser, count: int) -> Iterator[Result]:
    texts = statements()

    def read(size: int) -> None:
        lines = (texts[number % len(texts)] + ";\n" for number in range(size))
        for piece in split_script(lines, parser.table):
            parser.parse(piece.text)

    pairs = [
        (cpu_seconds(lambda: read(count)) / count, cpu_seconds(lambda: read(count // 4)) / (count // 4))
        for _ in range(2)
    ]
    large, small = median(a for a, _ in pairs), median(b for _, b in pairs)
    metric = f"a statement of a script of {count} : of {count // 4}, CPU"
    yield Result("6", metric, format_ms(large), format_ms(small), median(a / b for a, b in pairs), 1.15)
    gc.collect()
    tracemalloc.start()
    read(200)
    kept, few = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    read(2000)
    many = tracemalloc.get_traced_memory()[1] - kept
    tracemalloc.stop()
    shown = (f"{many / 2**20:.2f} MiB", f"{few / 2**20:.2f} MiB")
    yield Result("6", "peak memory of a script of 2000 - of 200, MiB", *shown, (many - few) / 2**20, 1.0)


def _compare_depths(parser: Parser) -> Result:
    """Check that parentheses parse at any depth, and that nested calls give an error instead of a traceback."""
    parser.parse(f"SELECT {'(' * DEEP}1{')' * DEEP}")
    try:
        parser.parse(f"SELECT {'abs(' * DEEP}1{')' * DEEP}")
    except SqlSyntaxError as error:
        said = "an error" if "deep" in error.message else "another error"
    else:
        said = "a tree"
    return Result("6", f"{DEEP} nested calls: tracebacks", said, "", 0.0 if said != "another error" else 1.0, 0.0)
