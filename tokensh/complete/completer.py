"""From a text and a cursor to suggestions: where the cursor is, what the grammar allows there, what fits what is typed.

A key goes through these stages, each pure and in a module of its own: `cursor_context` (which statement, and in what of it),
`outline` (tables and clauses of the unfinished statement), `expected_tokens` (keywords and the role of a name, from the
parser's own tables), `candidates` (the names of that role), `rank`. The parser's tree cannot be used: while a statement is
being typed, it mostly does not parse.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from tokensh._dataclasses import replace
from tokensh.complete import arguments, commands, json_body, values
from tokensh.complete.candidates import CandidateFinder
from tokensh.complete.columns import ColumnLookup
from tokensh.complete.cursor_context import CursorContext, is_closed, locate
from tokensh.complete.expected_tokens import ExpectedTokens, compute_expected_tokens
from tokensh.complete.model import Candidate, Facts, Suggestion, is_inert
from tokensh.complete.names import CatalogIndex
from tokensh.complete.outline import Outline, build_outline
from tokensh.complete.rank import MAX_SUGGESTIONS, rank
from tokensh.provider.catalog import Catalog
from tokensh.sql.parse import Parser
from tokensh.text import escape_unsafe, truncate

_PLAIN_NAME = re.compile(r"[^\W\d][\w$]*")
_PLAIN_PATH = re.compile(rf"{_PLAIN_NAME.pattern}(?:\.{_PLAIN_NAME.pattern})*\.?")
_PLACEHOLDER_NAME = re.compile(r"\{\{\s*([^\W\d][\w.-]*)\s*\}\}")
# Terminal cells of a suggestion in the menu; a full name of the shipped catalog has about 50.
_DISPLAY_CELLS = 80
# Words after which a keyword is more likely than a name.
_KEYWORDS_FIRST = frozenset(("EXPLAIN", "INSERT"))
# The keyword that is most likely in a statement, where it is allowed.
_LIKELY_KEYWORD = {"SHOW": "IN", "UPDATE": "WHERE", "REPLACE": "WHERE"}
# Kinds whose text is inserted as it is; the others are names, quoted where they have to be.
_NEVER_QUOTED = frozenset(("keyword", "function", "value", "type", "command", "file", "placeholder"))


class Completer:
    """Completes over one catalog, whose names it indexes once; can be used from several threads."""

    def __init__(self, parser: Parser, catalog: Catalog) -> None:
        self._parser = parser
        self._index = CatalogIndex(catalog)

    def warm(self) -> None:
        """Index the catalog now: for a thread of its own, before the first key is pressed."""
        self._index.warm()

    def complete(self, text: str, cursor: int, facts: Facts) -> list[Suggestion]:
        """Return the suggestions at a cursor, best first."""
        cursor = max(0, min(cursor, len(text)))
        context = locate(self._parser, text, cursor)
        match context.kind:
            case "nothing":
                return []
            case "command":
                return self._suggest_commands(context, facts)
            case "placeholder":
                return _suggest_placeholders(context, facts)
            case "json" | "string" | "argument" | "word":
                return self._suggest_in_statement(context, build_outline(context.before, context.after), facts)

    def _suggest_in_statement(self, context: CursorContext, outline: Outline, facts: Facts) -> list[Suggestion]:
        match context.kind:
            case "json":
                method = arguments.find_called_method(outline, self._index, facts)
                return json_body.suggest_in_body(context, method, outline, facts) if method else []
            case "string":
                return _suggest_in_string(context, outline, facts)
            case "argument":
                return self._suggest_arguments(context, outline, facts)
            case _:
                return self._suggest_words(context, outline, facts)

    # ---- words

    def _suggest_words(self, context: CursorContext, outline: Outline, facts: Facts) -> list[Suggestion]:
        expected = self._compute_expected_tokens(context)
        lookup = ColumnLookup(self._index, facts, outline.ctes)
        finder = CandidateFinder(context, outline, self._index, facts, lookup)
        role = expected.name_role()
        candidates = [*self._call_candidates(context, outline, facts, expected), *finder.for_role(role)]
        if not context.qualifier and not context.quote:
            keywords = self._keywords(context, finder, expected)
            before = context.before[-1].text.upper() if context.before else ""
            if before in _KEYWORDS_FIRST:
                candidates = [*keywords, *(replace(candidate, first=False) for candidate in candidates)]
            else:
                candidates += keywords
            if role == "column":
                candidates += finder.functions()
        # If several parts are typed, a candidate of several parts is compared with, and replaces, all of them.
        path = ".".join((*context.qualifier, context.typed))
        parts = [candidate for candidate in candidates if not _replaces_path(candidate, context)]
        paths = [candidate for candidate in candidates if _replaces_path(candidate, context)]
        ranked = [(candidate, context.start) for candidate in rank(context.typed, parts)]
        ranked += [(candidate, context.path_start) for candidate in rank(path, paths)]
        suggestions = (self._to_suggestion(candidate, start, context, expected) for candidate, start in ranked)
        # What is typed already is not a suggestion.
        return [s for s in suggestions if s.text != context.text[s.start : context.cursor]][:MAX_SUGGESTIONS]

    def _compute_expected_tokens(self, context: CursorContext) -> ExpectedTokens:
        return compute_expected_tokens(self._parser.table, context.text, context.statement_start, context.path_start)

    def _call_candidates(
        self, context: CursorContext, outline: Outline, facts: Facts, expected: ExpectedTokens
    ) -> Iterable[Candidate]:
        """Return what is neither name nor keyword: the arguments of a call, the beginning of its body."""
        if context.qualifier or context.quote or context.typed:
            return ()
        method = arguments.find_called_method(outline, self._index, facts)
        if method is None:
            return ()
        if expected.allows("PARAMETER"):
            return arguments.exec_arguments(method, outline, facts)
        if [token.kind for token in context.before[-2:]] == ["JSON_PARAMETER", "OPERATOR"]:
            body = json_body.open_body(method)
            return (body,) if body else ()
        return ()

    def _keywords(
        self, context: CursorContext, finder: CandidateFinder, expected: ExpectedTokens
    ) -> Iterator[Candidate]:
        # In the case of the typed part of the word, else of the word that opens the statement.
        typed = context.typed or (context.before[0].text if context.before else "")
        lower = bool(typed) and typed == typed.lower()
        likely = _LIKELY_KEYWORD.get(finder.outline.verb, "")
        # Behind the number of LIMIT an operator is allowed too, and hardly ever meant.
        if [token.text.upper() for token in context.before[-2:-1]] == ["LIMIT"]:
            likely = "OFFSET"
        words = list(expected.keywords(context.typed, likely))
        # A comment that ends with `;` may or may not end the statement, so both its keywords and openers are offered.
        if context.may_open_statement:
            at_start = ExpectedTokens(self._parser.table, [self._parser.table.start_state])
            openers = (
                word for word in at_start.keywords(context.typed) if word.split()[0] in self._parser.table.openers
            )
            words = [*openers, *words]
        show_kind = finder.show_kind
        for word in words:
            # The grammar takes IN after every kind of SHOW; a kind without a parent ignores it.
            if show_kind and not show_kind.parent and word in ("IN", "FROM"):
                continue
            yield Candidate(word.lower() if lower else word, "keyword", looseness=0)

    def _to_suggestion(
        self, candidate: Candidate, start: int, context: CursorContext, expected: ExpectedTokens
    ) -> Suggestion:
        text = candidate.text or candidate.name
        if candidate.kind not in _NEVER_QUOTED and not text.startswith("@"):
            text = self._quote_path(text, context, expected)
        return Suggestion(text, start, _display_name(candidate), candidate.kind, candidate.note)

    def _quote_path(self, path: str, context: CursorContext, expected: ExpectedTokens) -> str:
        """Return a dotted name with the quotes that it needs."""
        keywords = self._parser.table.keywords
        if context.quote:
            return ".".join(f"{context.quote}{part}{context.quote}" if part else "" for part in path.split("."))
        # The usual case, checked first: this runs for each of up to 200 suggestions.
        if _PLAIN_PATH.fullmatch(path) and keywords.keys().isdisjoint(path.upper().split(".")):
            return path
        return ".".join(
            part if not part or self._is_plain_name(part, expected) else _quote_name(part) for part in path.split(".")
        )

    def _is_plain_name(self, part: str, expected: ExpectedTokens) -> bool:
        if not _PLAIN_NAME.fullmatch(part):
            return False
        table = self._parser.table
        word = table.keywords.get(part.upper())
        return word is None or (word not in table.reserved and not expected.allows(word))

    # ---- the rest

    def _suggest_arguments(self, context: CursorContext, outline: Outline, facts: Facts) -> list[Suggestion]:
        expected = self._compute_expected_tokens(context)
        method = arguments.find_called_method(outline, self._index, facts)
        if method is None or not expected.allows("PARAMETER"):
            return []
        typed = context.typed.lstrip("@")
        # `@` matches @name and @@json, `@@` only the latter.
        signs = context.typed[: len(context.typed) - len(typed)]
        candidates = (c for c in arguments.exec_arguments(method, outline, facts) if c.text.startswith(signs))
        has_equals = context.rest_of_line.lstrip().startswith("=")
        return [
            Suggestion(c.text.rstrip("=") if has_equals else c.text, context.start, _display_name(c), c.kind, c.note)
            for c in rank(typed, candidates)
            if signs == "@@" or not typed or not c.text.startswith("@@")
        ]

    def _suggest_commands(self, context: CursorContext, facts: Facts) -> list[Suggestion]:
        name, rest = commands.split_command(context.typed)
        if rest is None:
            typed, candidates = name, commands.command_candidates(facts)
        else:
            typed, candidates = commands.argument_candidates(name, rest, facts, self._index)
        start = context.cursor - len(typed)
        return [
            Suggestion(c.text or c.name, start, _display_name(c), c.kind, c.note)
            for c in rank(typed, candidates)
            if c.name != typed
        ]


def _display_name(candidate: Candidate) -> str:
    """Return what the menu shows, inert."""
    name = candidate.text.rstrip("=") if candidate.text.startswith("@") else candidate.display or candidate.name
    return truncate(escape_unsafe(name), _DISPLAY_CELLS)


def _replaces_path(candidate: Candidate, context: CursorContext) -> bool:
    """Return True if a candidate replaces everything that is typed, the parts before the last dot included."""
    if not context.qualifier:
        return False
    text = (candidate.text or candidate.name).lower()
    return candidate.quality is not None or text.startswith(f"{'.'.join(context.qualifier).lower()}.")


def _quote_name(part: str) -> str:
    doubled = part.replace('"', '""')
    return f'"{doubled}"'


def _suggest_in_string(context: CursorContext, outline: Outline, facts: Facts) -> list[Suggestion]:
    target = values.find_value_target(context.before, outline)
    if target is None or "\n" in context.typed:
        return []
    # The editor may have closed the quotes already.
    closing = "" if is_closed(context.rest_of_line, "'") else "'"
    typed = context.typed.replace("''", "'")
    return [
        Suggestion(value.name.replace("'", "''") + closing, context.start, _display_name(value), value.kind, value.note)
        for value in rank(typed, values.known_values(target, facts, outline.tokens, typed))
    ]


def _suggest_placeholders(context: CursorContext, facts: Facts) -> list[Suggestion]:
    names = dict.fromkeys((*facts.variables, *_PLACEHOLDER_NAME.findall(context.text)))
    blank = "" if context.text[context.start - 1 : context.start].isspace() else " "
    has_braces = context.rest_of_line.lstrip().startswith("}")
    closing = "" if has_braces else " }}"
    return [
        Suggestion(f"{blank}{c.name}{closing}", context.start, c.name, c.kind, c.note)
        for c in rank(context.typed, (Candidate(name, "placeholder") for name in names if is_inert(name)))
    ]


@lru_cache(maxsize=4)
def _completer_for(parser: Parser, catalog: Catalog) -> Completer:
    return Completer(parser, catalog)


def complete(text: str, cursor: int, parser: Parser, catalog: Catalog, facts: Facts) -> list[Suggestion]:
    """Return the suggestions at a cursor, best first. The completers of the last four catalogs are kept."""
    return _completer_for(parser, catalog).complete(text, cursor, facts)
