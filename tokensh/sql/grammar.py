"""The compiled grammar: lexer and LALR(1) tables that lark makes from `grammar/`, kept as plain data.

lark compiles the grammar but does not run it. Importing lark takes about 30 ms and loading its cached parser 41 to 56 ms, at
every start of a program that runs one statement; loading the table of this module takes 2 ms. The table is JSON, so nothing
is unpickled. A statement visits a tenth of its states and rules, so each of these is a text that is decoded when it is needed.

A table is taken from the wheel (grammar/build.py writes it there), else from the user's cache folder, and is used only if it
was compiled from the grammar text at hand; otherwise lark compiles the grammar (about 0.5 s) and the result is cached.
"""

from __future__ import annotations

import binascii
import contextlib
import json
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tokensh._dataclasses import dataclass, field
from tokensh.environment import check_private_folder, make_private_folder, open_private
from tokensh.errors import InternalError

if TYPE_CHECKING:
    from lark.grammar import Rule as LarkRule
    from lark.lexer import TerminalDef

# Part of the digest: raise it when the layout of the compiled data changes, so that cached tables are compiled again.
FORMAT = 10

_PACKAGE_FOLDER = Path(__file__).parent.parent
_FILES = ("stackql.lark", "terminals.lark")

_SEPARATOR = ";"
"""Between the entries of a table, in one text: decoding a list of them takes three times as long."""

# Start symbols: a statement, and three lists that only the compiler reads. Without a rule, lark would drop the tokens that are
# always refused.
_START = "start"
_RESERVED = "reserved_word"
_SOFT = "soft_word"
_REFUSED = "refused"

# Terminals whose own text does not tell a reader what to type.
_LABELS = {
    "NAME": "a name",
    "QUOTED_NAME": "a name",
    "STRING": "a string",
    "NUMBER": "a number",
    "PARAMETER": "@name",
    "JSON_PARAMETER": "@@json",
    "JSON_OBJECT": "a JSON object",
    "UNIT": "a unit such as DAY",
    "ON_CONFLICT": "ON CONFLICT",
    "BLOB": "x'...'",
    "PLACEHOLDER": "{{ name }}",
    "VARIABLE": "?",
    "$END": "end of statement",
}


class Rule(NamedTuple):
    """One alternative of a grammar rule: how many symbols it takes off the stack, and what its node gets of them.

    `children` lists for each symbol that is kept: its index, whether its own children are spliced in, and how many absent
    optional parts (None) precede it; `absent_after` counts those after the last. With `is_plain` the node gets all symbols
    unchanged and `children` is empty. With `collapses` a single child replaces the node. An `is_inline` rule
    makes a list for the rule above it.
    """

    origin: str
    size: int
    action: str
    children: Sequence[tuple[int, bool, int]]
    absent_after: int
    collapses: bool
    is_inline: bool
    is_plain: bool

    @property
    def is_unit(self) -> bool:
        """Whether the rule makes one symbol of another, and nothing else."""
        return self.collapses and self.is_plain and self.size == 1


Decoded = TypeVar("Decoded")


class Entries(dict[int, Decoded]):
    """The entries of a table by number, each decoded from its text when it is first looked up.

    Iterating over it gives the numbers of those decoded so far; `count` is the number of all.
    """

    def __init__(self, texts: Sequence[str], decode: Callable[[str], Decoded]) -> None:
        super().__init__()
        self._texts = texts
        self._decode = decode
        self.count = len(texts)

    def __missing__(self, number: int) -> Decoded:
        entry = self[number] = self._decode(self._texts[number])
        return entry


@dataclass(frozen=True, slots=True)
class ParseTable:
    """The lexer's pattern and the LALR(1) automaton.

    `states[i]` maps a terminal to a shift (the next state) or to a reduction (-1 - rule number). `labels` maps a terminal to
    the text that error messages and completion show for it. `openers` are the keywords that can begin a statement.

    `unit_reductions` are the reductions of one symbol to itself; an expression has a dozen. `unit_chains` caches where a
    chain of them leads: (state below, state on top, next terminal) -> (new state on top, its action for the terminal).
    """

    states: Entries[dict[str, int]]
    gotos: Entries[dict[str, int]]
    rules: Entries[Rule]
    unit_reductions: frozenset[int]
    keywords: dict[str, str]
    operators: dict[str, str]
    reserved: frozenset[str]
    soft: frozenset[str]
    openers: frozenset[str]
    pattern: re.Pattern[str]
    start_state: int
    end_state: int
    labels: dict[str, str]
    unit_chains: dict[tuple[int, int, str], tuple[int, int | None]] = field(default_factory=dict)


def find_folder() -> Path:
    """Return the folder of the grammar files: inside the package in a wheel, at the top of a checkout."""
    for candidate in (_PACKAGE_FOLDER / "grammar", _PACKAGE_FOLDER.parent / "grammar"):
        if (candidate / _FILES[0]).is_file():
            return candidate
    raise InternalError("the grammar files are missing", hint="install tokensh again")


def read_grammar() -> str:
    """Return the text of the grammar: its files, concatenated."""
    return "".join((find_folder() / name).read_text(encoding="utf-8") for name in _FILES)


def compute_digest(grammar: str) -> str:
    """Return the digest by which a compiled table is matched with its grammar."""
    # A checksum is enough: it guards against stale tables, not against attackers. Anyone who can write to the folders that
    # are searched can also replace programs.
    content = f"{FORMAT}\n{grammar}".encode()
    return f"{binascii.crc32(content):08x}-{len(content)}"


def load_table(cache: Path | None) -> ParseTable:
    """Return the table that the wheel ships or the folder `cache` holds; else compile it and cache it there."""
    grammar = read_grammar()
    digest = compute_digest(grammar)
    name = f"grammar-{digest[:16]}.json"
    if cache and not _is_trusted(cache):
        cache = None
    for path in (find_folder() / "table.json", *((cache / name,) if cache else ())):
        if compiled := _read_compiled(path, digest):
            return _build_table(compiled)
    compiled = compile_grammar(grammar)
    if cache:
        _write_compiled(cache, name, compiled)
    return _build_table(compiled)


def _is_trusted(cache: Path) -> bool:
    """Return whether only the user can have put a table there: another table would be another language."""
    try:
        check_private_folder(cache)
    except OSError:
        return False
    return True


def _read_compiled(path: Path, digest: str) -> dict[str, Any] | None:
    try:
        compiled = json.loads(path.read_text(encoding="utf-8"))
        return compiled if compiled.get("digest") == digest else None
    except (OSError, ValueError, AttributeError):
        return None


def _write_compiled(cache: Path, name: str, compiled: dict[str, Any]) -> None:
    # A cache that cannot be written costs time at the next start, nothing else.
    with contextlib.suppress(OSError):
        make_private_folder(cache)
        part = cache / f"{name}.{os.getpid()}"
        with os.fdopen(open_private(part, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as file:
            json.dump(compiled, file, separators=(",", ":"))
        part.replace(cache / name)


def _build_table(compiled: dict[str, Any]) -> ParseTable:
    lookaheads = compiled["lookaheads"]
    return ParseTable(
        states=Entries(compiled["states"].split(_SEPARATOR), partial(_decode_state, lookaheads)),
        gotos=Entries(compiled["gotos"].split(_SEPARATOR), _decode_numbers),
        rules=Entries(compiled["rules"].split(_SEPARATOR), _decode_rule),
        unit_reductions=frozenset(compiled["unit_reductions"]),
        keywords=compiled["keywords"],
        operators=compiled["operators"],
        reserved=frozenset(compiled["reserved"]),
        soft=frozenset(compiled["soft"]),
        openers=frozenset(compiled["openers"]),
        pattern=re.compile(compiled["pattern"]),
        start_state=compiled["start"],
        end_state=compiled["end"],
        labels=compiled["labels"],
    )


def _encode_rule(rule: Rule) -> str:
    # Quotes would have to be escaped in the file, where it takes time to read them.
    return json.dumps(rule, separators=(",", ":")).replace('"', "'")


def _decode_rule(text: str) -> Rule:
    return Rule(*json.loads(text.replace("'", '"')))


def _encode_numbers(numbers: Mapping[str, int]) -> str:
    return " ".join(f"{name} {number}" for name, number in numbers.items())


def _decode_numbers(text: str) -> dict[str, int]:
    words = text.split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


def _decode_state(lookaheads: Sequence[str], text: str) -> dict[str, int]:
    """Return the row of a state: its shifts and, behind the `|`, its reductions, each with the number of its lookahead set."""
    shifts, _, reductions = text.partition("|")
    row = _decode_numbers(shifts)
    words = reductions.split()
    for action, number in zip(words[::2], words[1::2], strict=True):
        row.update(dict.fromkeys(lookaheads[int(number)].split(), int(action)))
    return row


def compile_grammar(grammar: str) -> dict[str, Any]:
    """Compile a grammar with lark; return the table as plain data. Raises lark's errors, for instance on a conflict."""
    from lark import Lark  # noqa: PLC0415 (only for a grammar without a compiled table)
    from lark.parsers.lalr_analysis import LALR_Analyzer  # noqa: PLC0415 (the same)

    # lark only reads the grammar, with a lexer and a parser that are cheap to build. Strict analysis reports shift/reduce
    # conflicts, which lark's LALR parser resolves as shifts without a word.
    lark = Lark(
        grammar, parser="earley", lexer="basic", maybe_placeholders=True, start=[_START, _RESERVED, _SOFT, _REFUSED]
    )
    analysis = LALR_Analyzer(lark.parser.parser_conf, debug=False, strict=True)
    analysis.compute_lalr()  # type: ignore[no-untyped-call]  # lark types its public face only
    table = analysis.parse_table
    # Some are declared without a pattern, and $END has no text: lark's lexer knows none of them.
    terminals = {*lark.parser.lexer_conf.terminals_by_name, "JSON_OBJECT", "UNIT", "ON_CONFLICT", "$END"}
    numbers, rules = _number_states_and_rules(table.states, table.start_states[_START])
    lookaheads: dict[str, int] = {}
    states = []
    for state in numbers:
        shifts: dict[str, int] = {}
        reductions: dict[int, list[str]] = {}
        for name, (kind, argument) in sorted(table.states[state].items()):
            if kind.name == "Reduce":
                reductions.setdefault(-1 - rules[argument], []).append(name)
            elif name in terminals:
                shifts[name] = numbers[argument]
        # A reduction is written once for all its lookahead terminals, and each set of those once: a third of the size.
        shared = " ".join(
            f"{action} {lookaheads.setdefault(' '.join(names), len(lookaheads))}"
            for action, names in reductions.items()
        )
        states.append(f"{_encode_numbers(shifts)}|{shared}")
    gotos = [
        _encode_numbers(
            {
                name: numbers[argument]
                for name, (_, argument) in sorted(table.states[state].items())
                if name not in terminals
            }
        )
        for state in numbers
    ]
    start = table.start_states[_START]
    lexicon = _compile_lexicon(lark.terminals)
    encoded = list(map(_read_rule, rules))
    return {
        "digest": compute_digest(grammar),
        "states": _SEPARATOR.join(states),
        "lookaheads": list(lookaheads),
        "gotos": _SEPARATOR.join(gotos),
        "rules": _SEPARATOR.join(map(_encode_rule, encoded)),
        "unit_reductions": [-1 - number for number, rule in enumerate(encoded) if rule.is_unit],
        "openers": sorted(lexicon["keywords"].keys() & table.states[start].keys()),
        "start": numbers[start],
        "end": numbers[table.end_states[_START]],
        "reserved": sorted(rule.expansion[0].name for rule in lark.rules if rule.origin.name == _RESERVED),
        "soft": sorted(rule.expansion[0].name for rule in lark.rules if rule.origin.name == _SOFT),
        **lexicon,
    }


def _number_states_and_rules(
    states: Mapping[Any, Mapping[str, Any]], start: Any
) -> tuple[dict[Any, int], dict[LarkRule, int]]:
    """Return numbers for states and rules, in the order in which they are reached from `start`.

    lark's own order differs from run to run; the table of a wheel must not.
    """
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


def _read_rule(rule: LarkRule) -> Rule:
    """Return a rule of lark's as lark's own tree builder reads it."""
    options = rule.options
    # `empty_indices` has a True for each optional part left out of this alternative and a False for each symbol in it.
    flags = "".join("1" if absent else "0" for absent in options.empty_indices)
    absent = [len(run) for run in flags.split("0")] if flags else [0] * (len(rule.expansion) + 1)
    children: list[tuple[int, bool, int]] = []
    absent_before = 0
    for i, symbol in enumerate(rule.expansion):
        absent_before += absent[i]
        if symbol.is_term and getattr(symbol, "filter_out", False) and not options.keep_all_tokens:
            continue
        children.append((i, not symbol.is_term and symbol.name.startswith("_"), absent_before))
        absent_before = 0
    origin = str(rule.origin.name)
    size, absent_after = len(rule.expansion), absent_before + absent[-1]
    is_plain = len(children) == size and not (absent_after or any(splice or before for _, splice, before in children))
    return Rule(
        origin,
        size,
        str(rule.alias or options.template_source or origin),
        [] if is_plain else children,
        absent_after,
        bool(options.expand1 and not rule.alias),
        origin.startswith("_"),
        is_plain,
    )


def _compile_lexicon(terminals: Collection[TerminalDef]) -> dict[str, Any]:
    """Return keywords, operators and the one pattern that finds every token.

    The pattern tries the terminals that are regular expressions in the order of the grammar, then the operators, longest
    first, then any single character as OTHER, so that the tokens of a text always cover it.
    """
    from lark.lexer import PatternStr  # noqa: PLC0415 (only for a grammar without a compiled table)

    texts = {
        terminal.name: terminal.pattern.value for terminal in terminals if isinstance(terminal.pattern, PatternStr)
    }
    operators = {text: name for name, text in texts.items() if not text.isidentifier()}
    # A word is a NAME for the lexer, also where the grammar has a keyword: the parser decides by its state.
    alternatives = [
        *(
            f"(?P<{terminal.name}>{terminal.pattern.to_regexp()})"
            for terminal in terminals
            if terminal.name not in texts
        ),
        f"(?P<OPERATOR>{_match_operators(operators)})",
        r"(?P<OTHER>[\s\S])",
    ]
    return {
        "keywords": {text.upper(): name for name, text in texts.items() if text.isidentifier()},
        "operators": operators,
        "pattern": "|".join(alternatives),
        "labels": texts | _LABELS,
    }


def _match_operators(operators: Collection[str]) -> str:
    """Return the pattern of the operators, longest first; those of one character are a set, which compiles faster."""
    texts = sorted(operators, key=len, reverse=True)
    longer = [re.escape(text) for text in texts if len(text) > 1]
    return "|".join([*longer, f"[{''.join(re.escape(text) for text in texts if len(text) == 1)}]"])
