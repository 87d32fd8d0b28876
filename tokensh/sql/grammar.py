"""The compiled grammar: LALR tables that lark makes from `grammar/`, kept as plain data.

lark is the grammar's language and its compiler; it is not imported at run time where a compiled table is at hand. A table is
looked for in the wheel (written there when the wheel is built), then in the person's own cache folder, and is checked against
the hash of the grammar's text; otherwise it is made, and cached. The table is JSON: nothing is unpickled.
"""

from __future__ import annotations

import binascii
import contextlib
import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tokensh._dataclasses import dataclass, field
from tokensh.environment import make_private_folder, open_private
from tokensh.errors import InternalError

if TYPE_CHECKING:
    from lark.grammar import Rule as LarkRule
    from lark.lexer import TerminalDef

FORMAT = 3
"""Part of the hash: a table written by another layout of this module is not read."""

_HERE = Path(__file__).parent.parent
_FILES = ("stackql.lark", "terminals.lark")


class Rule(NamedTuple):
    """One alternative: how many symbols it takes off the stack and which of them the node gets.

    `children` gives for each kept symbol its index, whether its own children are spliced in, and the count of empty optional
    parts (None) in front of it; `after` counts those behind the last. If `plain`, the node gets all symbols as they are, and
    `children` is empty.
    """

    origin: str
    size: int
    action: str
    children: Sequence[tuple[int, bool, int]]
    after: int
    single: bool
    inline: bool
    plain: bool


@dataclass(frozen=True, slots=True)
class ParseTable:
    """The LALR automaton: `states[i]` maps a terminal to a shift (state) or a reduction (-1 - rule)."""

    states: tuple[dict[str, int], ...]
    gotos: tuple[dict[str, int], ...]
    rules: tuple[Rule, ...]
    unit_reductions: frozenset[int]
    """Reductions of one symbol to itself, of which an expression has a dozen."""
    keywords: dict[str, str]
    operators: dict[str, str]
    reserved: frozenset[str]
    pattern: re.Pattern[str]
    start_state: int
    end_state: int
    labels: dict[str, str]
    """Terminal to the text that error messages and completion show for it."""
    unit_chains: dict[tuple[int, int, str], tuple[int, int | None]] = field(default_factory=dict)
    """Where chains of passing reductions lead, as far as they have been met: the state below, the one above it and the
    terminal that is next, to the state that comes above and what it does with the terminal."""


def find_folder() -> Path:
    """Where the grammar's files are: beside the package's folders in a wheel, at the top of a checkout otherwise."""
    for candidate in (_HERE / "grammar", _HERE.parent / "grammar"):
        if (candidate / _FILES[0]).is_file():
            return candidate
    raise InternalError("the grammar's files are missing", hint="install tokensh again")


def read_grammar() -> str:
    """The grammar's text, its files one after the other."""
    return "".join((find_folder() / name).read_text(encoding="utf-8") for name in _FILES)


def compute_digest(grammar: str) -> str:
    """What a compiled table must have been made from."""
    # Against a table of another version, not of another mind: who can write where tables are looked for can write programs.
    content = f"{FORMAT}\n{grammar}".encode()
    return f"{binascii.crc32(content):08x}-{len(content)}"


def load_table(cache: Path | None) -> ParseTable:
    """The table: shipped, cached in the folder `cache`, or made (about 0.5 s) and cached there."""
    grammar = read_grammar()
    wanted = compute_digest(grammar)
    name = f"grammar-{wanted[:16]}.json"
    for candidate in (find_folder() / "table.json", *((cache / name,) if cache else ())):
        found = _read_compiled(candidate, wanted)
        if found:
            return _build_table(found)
    made = compile_grammar(grammar)
    if cache:
        _write_compiled(cache, name, made)
    return _build_table(made)


def _read_compiled(path: Path, wanted: str) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if found.get("digest") == wanted else None
    except (OSError, ValueError, AttributeError):
        return None


def _write_compiled(cache: Path, name: str, made: dict[str, Any]) -> None:
    # A cache that cannot be written costs time at the next start, nothing else.
    with contextlib.suppress(OSError):
        make_private_folder(cache)
        part = cache / f"{name}.{os.getpid()}"
        with os.fdopen(open_private(part, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as file:
            json.dump(made, file, separators=(",", ":"))
        part.replace(cache / name)


def _build_table(data: dict[str, Any]) -> ParseTable:
    rules = tuple(map(Rule._make, data["rules"]))
    return ParseTable(
        states=_expand_rows(data),
        gotos=tuple(data["gotos"]),
        rules=rules,
        unit_reductions=frozenset(
            -1 - n for n, rule in enumerate(rules) if rule.single and rule.plain and rule.size == 1
        ),
        keywords=data["keywords"],
        operators=data["operators"],
        reserved=frozenset(data["reserved"]),
        pattern=re.compile(data["pattern"]),
        start_state=data["start"],
        end_state=data["end"],
        labels=data["words"],
    )


def _expand_rows(data: dict[str, Any]) -> tuple[dict[str, int], ...]:
    """Each state's row: a reduction is kept once for all the terminals that ask for it, which makes a third of the text."""
    asking = [names.split() for names in data["lookaheads"]]
    for shifts, reductions in data["states"]:
        for action, names in reductions:
            shifts.update(dict.fromkeys(asking[names], action))
    return tuple(shifts for shifts, _ in data["states"])


def compile_grammar(grammar: str) -> dict[str, Any]:
    """The table as plain data, made by lark. Raises lark's errors: only a grammar that was changed can fail."""
    from lark import Lark  # noqa: PLC0415 (only for a grammar without a compiled table)
    from lark.parsers.lalr_analysis import LALR_Analyzer  # noqa: PLC0415 (the same)

    lark = Lark(grammar, parser="lalr", lexer="basic", maybe_placeholders=True)
    analysis = LALR_Analyzer(lark.parser.parser_conf, debug=False, strict=True)
    analysis.compute_lalr()  # type: ignore[no-untyped-call]  # lark types its public face only
    table = analysis.parse_table
    terminals = {*lark.parser.lexer_conf.terminals_by_name, "JSON_OBJECT", "$END"}
    numbers, rules = _number_states_and_rules(table.states, table.start_states["start"])
    lookaheads: dict[str, int] = {}
    states = []
    for state in numbers:
        shifts: dict[str, int] = {}
        asking: dict[int, list[str]] = {}
        for name, (kind, argument) in sorted(table.states[state].items()):
            if kind.name == "Reduce":
                asking.setdefault(-1 - rules[argument], []).append(name)
            elif name in terminals:
                shifts[name] = numbers[argument]
        reductions = [[a, lookaheads.setdefault(" ".join(ones), len(lookaheads))] for a, ones in asking.items()]
        states.append([shifts, reductions])
    gotos = [
        {
            name: numbers[argument]
            for name, (_, argument) in sorted(table.states[state].items())
            if name not in terminals
        }
        for state in numbers
    ]
    return {
        "digest": compute_digest(grammar),
        "states": states,
        "lookaheads": list(lookaheads),
        "gotos": gotos,
        "rules": [_encode_rule(rule) for rule in rules],
        "start": numbers[table.start_states["start"]],
        "end": numbers[table.end_states["start"]],
        **_compile_lexicon(lark.terminals, grammar),
    }


def _number_states_and_rules(
    states: Mapping[Any, Mapping[str, Any]], start: Any
) -> tuple[dict[Any, int], dict[LarkRule, int]]:
    """Numbers for states and rules in the order they are reached: lark's own differ from run to run."""
    numbers = {start: 0}
    rules: dict[LarkRule, int] = {}
    reached = [start]
    for state in reached:
        for _, (kind, argument) in sorted(states[state].items()):
            if kind.name == "Reduce":
                rules.setdefault(argument, len(rules))
            elif argument not in numbers:
                numbers[argument] = len(numbers)
                reached.append(argument)
    return numbers, rules


def _encode_rule(rule: LarkRule) -> list[Any]:
    """A rule as lark's tree builder reads it: what is filtered out, spliced in, filled up with None."""
    options = rule.options
    empty = [len(ones) for ones in "".join("1" if e else "0" for e in options.empty_indices).split("0")]
    if not options.empty_indices:
        empty = [0] * (len(rule.expansion) + 1)
    children: list[list[int | bool]] = []
    nones = 0
    for i, symbol in enumerate(rule.expansion):
        nones += empty[i]
        if symbol.is_term and getattr(symbol, "filter_out", False) and not options.keep_all_tokens:
            continue
        children.append([i, not symbol.is_term and symbol.name.startswith("_"), nones])
        nones = 0
    origin = str(rule.origin.name)
    size, after = len(rule.expansion), nones + empty[-1]
    plain = len(children) == size and not (after or any(splice or before for _, splice, before in children))
    return [
        origin,
        size,
        str(rule.alias or options.template_source or origin),
        [] if plain else children,
        after,
        bool(options.expand1 and not rule.alias),
        origin.startswith("_"),
        plain,
    ]


_ORDER = (
    "BLANK",
    "COMMENT",
    "BLOB",
    "NAME",
    "STRING",
    "QUOTED_NAME",
    "PLACEHOLDER",
    "NUMBER",
    "VARIABLE",
    "JSON_PARAMETER",
    "PARAMETER",
)


def _compile_lexicon(terminals: Collection[TerminalDef], grammar: str) -> dict[str, Any]:
    from lark.lexer import PatternStr  # noqa: PLC0415 (the same)

    texts = {t.name: t.pattern.value for t in terminals if isinstance(t.pattern, PatternStr)}
    patterns = {t.name: t.pattern.to_regexp() for t in terminals if t.name not in texts}
    keywords = {value.upper(): name for name, value in texts.items() if value.isidentifier()}
    operators = {value: name for name, value in texts.items() if not value.isidentifier()}
    groups = [f"(?P<{name}>{patterns[name]})" for name in _ORDER]
    groups.append(f"(?P<OPERATOR>{'|'.join(re.escape(o) for o in sorted(operators, key=len, reverse=True))})")
    groups.append(r"(?P<OTHER>[\s\S])")
    first, _, _ = grammar.partition("// Never a name")[2].partition("// Names wherever")
    words = dict(texts)
    words |= {"NAME": "a name", "QUOTED_NAME": "a name", "STRING": "a string", "NUMBER": "a number", "$END": "the end"}
    words |= {"PARAMETER": "@name", "JSON_PARAMETER": "@@json", "JSON_OBJECT": "a JSON object", "BLOB": "x'..'"}
    words |= {"PLACEHOLDER": "{{ name }}", "VARIABLE": "?"}
    return {
        "keywords": keywords,
        "operators": operators,
        "reserved": re.findall(r"^([A-Z]+):", first, re.MULTILINE),
        "pattern": "|".join(groups),
        "words": words,
    }
