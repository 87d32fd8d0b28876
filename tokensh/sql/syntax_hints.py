"""What to do about a syntax error: the idiom of another dialect, the quote or keyword that was meant, or what was expected.

Loaded only after a statement was refused. A keyword is suggested only if the parser gets further with it in place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from tokensh.errors import Span, SqlSyntaxError
from tokensh.sql.actions.query import JOIN_WORDS
from tokensh.sql.grammar import ParseTable
from tokensh.sql.idioms import find_idiom
from tokensh.sql.lexer import Token
from tokensh.sql.numbers import explain_duration
from tokensh.text import near_words

MOST_EXPECTED = 6
NEVER_SUGGESTED = frozenset(
    (
        "AUTH",
        "CONSERVATIVE",
        "FOR",
        "LOCK",
        "LOGIN",
        "MATCH",
        "NATIVEQUERY",
        "PULL",
        "PURGE",
        "REGISTRY",
        "SET",
        "SLEEP",
    )
)
"""Keywords that are parsed so that the planner can refuse them, or do nothing; SET is suggested only behind UPDATE."""

# Characters that programs put in place of what was typed: quotes (single, double), hyphens and asterisks; then signs.
_SINGLE_QUOTES = "\u2018\u2019\u201a\u201b\u2032\u00b4\uff07"
_DOUBLE_QUOTES = "\u201c\u201d\u201e\u201f\u2033\uff02\u00ab\u00bb"
_LOOKALIKES = {
    **dict.fromkeys(_SINGLE_QUOTES, "'"),
    **dict.fromkeys(_DOUBLE_QUOTES, '"'),
    **dict.fromkeys("\u2013\u2014\u2212\u2010\u2011", "-"),
    **dict.fromkeys("\uff0a\u00d7", "*"),
    "\u2264": "<=",
    "\u2265": ">=",
    "\u2260": "<>",
    "\uff1d": "=",
    "\uff1b": ";",
    "\uff0c": ",",
    "\uff08": "(",
    "\uff09": ")",
    "\uff0e": ".",
    "\u2026": "...",
}
_QUOTES = _SINGLE_QUOTES + _DOUBLE_QUOTES
_TYPOGRAPHIC_TEXT = re.compile(f"[{_QUOTES}]([^{_QUOTES}'\"\n]*)[{_QUOTES}]")
_PREFIXES = {
    "E": "a backslash is an ordinary character, and char(10) a line break",
    "N": "every text is Unicode",
    "R": "a backslash is an ordinary character",
    "B": "bytes are written x'00ff'",
    "U": "every text is Unicode",
}
"""Letters that go before a text in other dialects, with what to know here."""
_STRUCTURES = {
    "[": 'json_array(1, 2) makes a list, a quoted name is written "name"',
    "{": "json_object('name', 1) makes an object; JSON is a text in single quotes: '{}'",
}
_HYPHENATED = r"(?<![\w.])[\w.]+(?:-[\w.]+)+"

TryParse = Callable[[str], "SqlSyntaxError | None"]


def explain_syntax_error(
    error: SqlSyntaxError, text: str, tokens: Sequence[Token], table: ParseTable, try_parse: TryParse
) -> SqlSyntaxError:
    """Return the error with a hint; `try_parse` returns the error of another text, or None if it is a statement."""
    if error.span is None:
        return error
    start = error.span.start
    at = next((index for index, token in enumerate(tokens) if token.end > start), len(tokens))
    quoting = _explain_quotes(error, text, tokens, at)
    if quoting is not None:
        return quoting
    word = tokens[at].text.upper() if at < len(tokens) else ""
    if word in JOIN_WORDS and any(token.text.upper() == "JOIN" for token in tokens[at + 1 : at + 4]):
        return error.with_context(message=f"there is no {word} JOIN here", hint=error.hint or JOIN_WORDS[word])
    found = find_idiom(table, tokens, at) if not error.hint else None
    if found is not None:
        span = Span(found.first.start, found.last.end)
        words = " ".join(text[slice(*span)].split())
        return error.with_context(message=f"unexpected {words!r}", span=span, hint=found.idiom.hint)
    if not error.hint and at < len(tokens) and tokens[at].text in _STRUCTURES:
        return error.with_context(hint=_STRUCTURES[tokens[at].text])
    if error.hint or not error.expected:
        return error
    duration = explain_duration(f"{tokens[at - 1].text} {word}") if 0 < at < len(tokens) else None
    if duration is not None:
        return error.with_context(hint=duration)
    keyword_hint = _guess_keyword(text, tokens, at, table, try_parse)
    return error.with_context(hint=keyword_hint or describe_expected(error.expected))


# ---- quotes


def _explain_quotes(error: SqlSyntaxError, text: str, tokens: Sequence[Token], at: int) -> SqlSyntaxError | None:
    """Return the error with a hint about quotes, if they are what is wrong."""
    start = error.span.start if error.span else 0
    character = text[start : start + 1]
    if character in _LOOKALIKES and at < len(tokens) and tokens[at].kind == "OTHER":
        return _explain_lookalike(error, text, start)
    prefixed = _find_prefixed_text(tokens, at)
    if prefixed is not None:
        letter, string = prefixed
        hint = f"write {text[string.start : string.end]}: {_PREFIXES[letter.text.upper()]}"
        return error.with_context(
            message=f"unexpected {letter.text}'...'", span=Span(letter.start, string.end), hint=hint
        )
    apostrophe = _find_apostrophe(text, tokens, at)
    if apostrophe is not None:
        before, after = text[apostrophe.start : apostrophe.end], text[apostrophe.end :].partition("'")[0].split("\n")[0]
        hint = f"a ' inside a text is written '': {before}'{after}'"
        return error.with_context(span=Span(apostrophe.end - 1, apostrophe.end), hint=hint)
    hyphenated = _find_hyphenated(text, tokens, at)
    if hyphenated is not None:
        hint = f"text is written in single quotes: '{text[slice(*hyphenated)]}'"
        return error.with_context(span=hyphenated, hint=hint)
    return None


def _explain_lookalike(error: SqlSyntaxError, text: str, start: int) -> SqlSyntaxError:
    character = text[start]
    ordinary = _LOOKALIKES[character]
    if ordinary not in ("'", '"'):
        return error.with_context(message=f"unexpected character '{character}'", hint=f"write {ordinary}")
    quoted = _TYPOGRAPHIC_TEXT.match(text, start)
    hint = f"write '{quoted[1]}'" if quoted else "text is written in single quotes: '...'"
    return error.with_context(message=f"unexpected typographic quote {character}", hint=hint)


def _find_prefixed_text(tokens: Sequence[Token], at: int) -> tuple[Token, Token] | None:
    """Return the letter and the text of E'...' at the error, or just before it."""
    for index in (at - 1, at):
        if 0 <= index < len(tokens) - 1:
            letter, string = tokens[index : index + 2]
            if letter.text.upper() in _PREFIXES and string.kind == "STRING" and letter.end == string.start:
                return letter, string
    return None


def _find_apostrophe(text: str, tokens: Sequence[Token], at: int) -> Token | None:
    """Return the text that an apostrophe inside of it has ended: 'it's'."""
    # The rest of the text is read as SQL: the error is at its first words, or at the quote that is left over.
    is_unclosed = at < len(tokens) and tokens[at].kind == "UNCLOSED" and tokens[at].text[0] == "'"
    first = 0 if is_unclosed else max(0, at - 3)
    last_quote = text.rfind("'")
    pairs = zip(tokens[first:at], tokens[first + 1 : at + 1], strict=False)
    ended = (
        string
        for string, word in pairs
        if string.kind == "STRING" and string.end == word.start and word.kind == "NAME" and word.end <= last_quote
    )
    return next(ended, None)


def _find_hyphenated(text: str, tokens: Sequence[Token], at: int) -> Span | None:
    """Return the span of an unquoted word with hyphens in which the error is, such as the name of a workspace."""
    if at >= len(tokens):
        return None
    start = tokens[at].start
    for match in re.finditer(_HYPHENATED, text):
        if match.start() < start < match.end() and re.search(r"[^\W\d]", match[0]):
            return Span(*match.span())
    return None


# ---- keywords


def _guess_keyword(text: str, tokens: Sequence[Token], at: int, table: ParseTable, try_parse: TryParse) -> str | None:
    """Return the hint that names the keyword that was meant.

    The mistake may be in the word before the error: `SELECT a FORM t` reads FORM as an alias and fails at `t`.
    """
    # The parser must get further than the word behind both, so that the suggestion is not refused in its turn.
    following = tokens[at + 1].start if at + 1 < len(tokens) else len(text)
    for index in (at, at - 1):
        word = tokens[index] if 0 <= index < len(tokens) else None
        if word is None or word.kind != "NAME" or (index < at and word.text.upper() in table.keywords):
            continue
        reached = {
            keyword: _reach(text, word, keyword, try_parse)
            for keyword in near_words(word.text, table.keywords)
            if keyword != word.text.upper() and keyword not in NEVER_SUGGESTED - ({"SET"} if index else set())
        }
        best = max(reached, key=lambda keyword: reached[keyword], default="")
        if best and reached[best] > following:
            return f"did you mean {best} instead of {word.text!r}?"
    return None


def _reach(text: str, word: Token, keyword: str, try_parse: TryParse) -> int:
    """Return how far the parser gets with a keyword in the place of a word, as an offset in the text as it is."""
    replaced = f"{text[: word.start]}{keyword}{text[word.end :]}"
    failure = try_parse(replaced)
    # A text that only ends too early may still become a statement.
    if failure is None or failure.span is None or failure.span.start >= len(replaced.rstrip()):
        return len(text) + 1
    return failure.span.start - len(keyword) + len(word.text)


# ---- what was expected

_EXPRESSION = frozenset(
    [
        "a name",
        "a string",
        "a number",
        "x'...'",
        "{{ name }}",
        "?",
        "NULL",
        "TRUE",
        "FALSE",
        "CURRENT_DATE",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
        "CASE",
        "CAST",
        "CONVERT",
        "SUBSTR",
        "SUBSTRING",
        "EXISTS",
        "INTERVAL",
        "DATE",
        "TIME",
        "TIMESTAMP",
        "EXTRACT",
        "OVERLAY",
        "POSITION",
        "TRIM",
        "::",
        "NOT",
        "-",
        "+",
        "~",
        "!",
        "(",
    ]
)
_OPERATOR = frozenset(
    [
        "ILIKE",
        "=",
        "==",
        "<>",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "<=>",
        "AND",
        "OR",
        "&&",
        "LIKE",
        "ILIKE",
        "GLOB",
        "REGEXP",
        "RLIKE",
        "MATCH",
        "IN",
        "BETWEEN",
        "IS",
        "ISNULL",
        "NOTNULL",
        "NOT",
        "+",
        "-",
        "*",
        "/",
        "%",
        "DIV",
        "MOD",
        "||",
        "->",
        "->>",
        "<<",
        ">>",
        "&",
        "|",
        "COLLATE",
        "ESCAPE",
        "::",
    ]
)
_GROUPS: tuple[tuple[str, frozenset[str], frozenset[str]], ...] = (
    ("an expression", frozenset(("a number", "a string", "NULL", "(")), _EXPRESSION),
    ("an operator", frozenset(("=", "AND")), _OPERATOR),
    (
        "a join",
        frozenset(("JOIN", "INNER", "LEFT")),
        frozenset(["JOIN", "INNER", "CROSS", "LEFT", "RIGHT", "FULL", "NATURAL", "STRAIGHT_JOIN", "SEMI", "ANTI"]),
    ),
    ("an alias", frozenset(("AS", "a name")), frozenset(("AS", "a name", "a string"))),
    ("UNION", frozenset(("UNION", "EXCEPT")), frozenset(("UNION", "INTERSECT", "EXCEPT"))),
    ("a window frame", frozenset(("ROWS", "RANGE")), frozenset(("ROWS", "RANGE", "GROUPS"))),
    ("FOR UPDATE", frozenset(("FOR", "LOCK")), frozenset(("FOR", "LOCK"))),
)
"""Groups of what can follow: what to call one, the labels by which it is recognised, and those that it stands for."""
_RARE = frozenset(("DISTINCTROW", "SQL_CACHE", "SQL_NO_CACHE", "ALL"))
"""Words that are accepted and do nothing."""
_STATEMENT = frozenset(("SELECT", "INSERT", "SHOW", "DELETE"))
_OPENERS_SHOWN = ("SELECT", "INSERT", "DELETE", "EXEC", "SHOW", "DESCRIBE")
_WORD_PAIRS = {"GROUP": "GROUP BY", "ORDER": "ORDER BY", "PARTITION": "PARTITION BY", "NULLS": "NULLS FIRST"}
_RANKS = [
    "an expression",
    "a name",
    "a string",
    "a number",
    "@name",
    "@@json",
    "FROM",
    "SELECT",
    "VALUES",
    "WITH",
    "SET",
    "INTO",
    "BY",
    "ON",
    "USING",
    ",",
    ")",
    "=",
    "WHERE",
    "GROUP BY",
    "HAVING",
    "ORDER BY",
    "LIMIT",
    "RETURNING",
    "a join",
    "an operator",
    "end of statement",
    "OFFSET",
    "an alias",
    "(",
    ".",
    "UNION",
    "FOR UPDATE",
]
"""Likely entries first."""


def describe_expected(labels: Sequence[str]) -> str:
    """Return "expected A, B or C": related labels as one, likely ones first, at most six. `labels` must not be empty."""
    present = set(labels)
    if present >= _STATEMENT:
        return f"a statement begins with {', '.join(_OPENERS_SHOWN)}, ..."
    present -= _RARE if present - _RARE else frozenset()
    entries: list[str] = []
    for name, signs, members in _GROUPS:
        if present >= signs:
            entries.append(name)
            present -= members
    entries += (_WORD_PAIRS.get(label, label) for label in labels if label in present)
    ranks = {label: rank for rank, label in enumerate(_RANKS)}
    entries = sorted(dict.fromkeys(entries), key=lambda entry: ranks.get(entry, len(_RANKS)))
    if len(entries) > MOST_EXPECTED:
        entries = [*entries[: MOST_EXPECTED - 1], f"{len(entries) - MOST_EXPECTED + 1} others"]
    *others, last = map(_quote_punctuation, entries)
    return f"expected {', '.join(others)} or {last}" if others else f"expected {last}"


def _quote_punctuation(label: str) -> str:
    return label if any(map(str.isalnum, label)) else f"'{label}'"
