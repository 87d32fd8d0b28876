"""From a text and a cursor to suggestions: where the cursor is, what the grammar takes there, what fits what is typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from tokensh.complete import arguments, commands, json_body, values
from tokensh.complete.candidates import CandidateFinder
from tokensh.complete.columns import ColumnLookup
from tokensh.complete.cursor_context import CursorContext, is_closed, locate
from tokensh.complete.expected_tokens import ExpectedTokens, compute_expected_tokens
from tokensh.complete.model import Candidate, Facts, Suggestion, is_inert
from tokensh.complete.names import CatalogIndex
from tokensh.complete.outline import Outline, build_outline
from tokensh.complete.rank import MOST, ranked
from tokensh.provider.catalog import Catalog
from tokensh.sql.parse import Parser
from tokensh.text import escape_unsafe, truncate

_PLAIN = re.compile(r"[^\W\d][\w$]*")
_PLAIN_PATH = re.compile(rf"{_PLAIN.pattern}(?:\.{_PLAIN.pattern})*\.?")
_USED = re.compile(r"\{\{\s*([^\W\d][\w.-]*)\s*\}\}")
_DISPLAY_CELLS = 80
_WORDS_FIRST = frozenset(("EXPLAIN", "INSERT"))
"""Words after which a keyword is more likely than a name."""
_FAVOURED = {"SHOW": "IN", "UPDATE": "WHERE", "REPLACE": "WHERE"}
"""The keyword that is most likely in a statement, where it can stand."""
_FREE = frozenset(("keyword", "function", "value", "type", "command", "file", "placeholder"))
"""Kinds whose text is inserted as it is; the others are names, quoted where they have to be."""


class Completer:
    """Completes over one catalog, whose names it indexes once; may be used from several threads."""

    def __init__(self, parser: Parser, catalog: Catalog) -> None:
        self._parser = parser
        self._names = CatalogIndex(catalog)

    def warm(self) -> None:
        """Index the catalog now: for a thread of its own, before the first key is pressed."""
        self._names.warm()

    def complete(self, text: str, cursor: int, facts: Facts) -> list[Suggestion]:
        """The suggestions at a cursor, best first."""
        cursor = max(0, min(cursor, len(text)))
        place = locate(self._parser, text, cursor)
        match place.kind:
            case "nothing":
                return []
            case "command":
                return self._command(place, facts)
            case "placeholder":
                return _placeholders(place, facts)
            case "json" | "string" | "argument" | "word":
                return self._in_statement(place, build_outline(place.before, place.after), facts)

    def _in_statement(self, place: CursorContext, found: Outline, facts: Facts) -> list[Suggestion]:
        match place.kind:
            case "json":
                method = arguments.called(found, self._names, facts)
                return json_body.suggestions(place, method, found, facts) if method else []
            case "string":
                return _in_string(place, found, facts)
            case "argument":
                return self._arguments(place, found, facts)
            case _:
                return self._words(place, found, facts)

    # ---- words

    def _words(self, place: CursorContext, found: Outline, facts: Facts) -> list[Suggestion]:
        state = compute_expected_tokens(self._parser.table, place.text, place.statement, place.begin)
        sources = CandidateFinder(place, found, self._names, facts, ColumnLookup(self._names, facts, found.ctes))
        role = state.role()
        candidates = [*self._of_grammar(place, found, facts, state), *sources.of_role(role)]
        if not place.qualifier and not place.quote:
            keywords = self._keywords(place, found, state, sources)
            before = place.before[-1].text.upper() if place.before else ""
            candidates = [*keywords, *candidates] if before in _WORDS_FIRST else [*candidates, *keywords]
            if role == "column":
                candidates += sources.functions()
        # Several parts are typed: they are compared, and replaced, together where the candidate has several parts.
        whole = ".".join((*place.qualifier, place.typed))
        parts = [one for one in candidates if not _is_whole(one, place)]
        wholes = [one for one in candidates if _is_whole(one, place)]
        chosen = [(one, place.start) for one in ranked(place.typed, parts)]
        chosen += [(one, place.begin) for one in ranked(whole, wholes)]
        made = (self._suggestion(one, start, place, state) for one, start in chosen)
        return [one for one in made if one.text != place.text[one.start : place.cursor]][:MOST]

    def _of_grammar(
        self, place: CursorContext, found: Outline, facts: Facts, state: ExpectedTokens
    ) -> Iterable[Candidate]:
        """What is neither name nor keyword: the arguments of a call, the body of one."""
        if place.qualifier or place.quote or place.typed:
            return ()
        method = arguments.called(found, self._names, facts)
        if method is None:
            return ()
        if state.takes("PARAMETER"):
            return arguments.of_exec(method, found, facts)
        if [t.kind for t in place.before[-2:]] == ["JSON_PARAMETER", "OPERATOR"]:
            opening = json_body.opening(method)
            return (opening,) if opening else ()
        return ()

    def _keywords(
        self, place: CursorContext, found: Outline, state: ExpectedTokens, sources: CandidateFinder
    ) -> Iterator[Candidate]:
        lower = bool(place.typed) and place.typed == place.typed.lower()
        words = list(state.keywords(place.typed, _FAVOURED.get(found.verb, "")))
        if place.reopened:
            openers = ExpectedTokens(self._parser.table, [self._parser.table.start_state]).keywords(place.typed)
            words = [*(word for word in openers if word.split()[0] in self._parser.table.openers), *words]
        show_kind = sources.show_kind
        for word in words:
            if show_kind and not show_kind.parent and word in ("IN", "FROM"):
                continue
            yield Candidate(word.lower() if lower else word, "keyword", loose=0)

    def _suggestion(self, one: Candidate, start: int, place: CursorContext, state: ExpectedTokens) -> Suggestion:
        text = one.text or one.name
        if one.kind not in _FREE and not text.startswith("@"):
            text = self._written(text, place, state)
        return Suggestion(text, start, _shown(one), one.kind, one.note)

    def _written(self, name: str, place: CursorContext, state: ExpectedTokens) -> str:
        """A dotted name as it must be written."""
        parts = name.split(".")
        if (
            not place.quote
            and _PLAIN_PATH.fullmatch(name)
            and self._parser.table.keywords.keys().isdisjoint(name.upper().split("."))
        ):
            return name
        if place.quote:
            parts = [f"{place.quote}{part}{place.quote}" if part else "" for part in parts]
            return ".".join(parts)
        return ".".join(part if not part or self._is_plain(part, state) else _quoted(part) for part in parts)

    def _is_plain(self, part: str, state: ExpectedTokens) -> bool:
        if not _PLAIN.fullmatch(part):
            return False
        table = self._parser.table
        word = table.keywords.get(part.upper())
        return word is None or (word not in table.reserved and not state.takes(word))

    # ---- the rest

    def _arguments(self, place: CursorContext, found: Outline, facts: Facts) -> list[Suggestion]:
        state = compute_expected_tokens(self._parser.table, place.text, place.statement, place.begin)
        method = arguments.called(found, self._names, facts)
        if method is None or not state.takes("PARAMETER"):
            return []
        typed = place.typed.lstrip("@")
        signs = place.typed[: len(place.typed) - len(typed)]
        fitting = (one for one in arguments.of_exec(method, found, facts) if one.text.startswith(signs))
        given = place.following.lstrip().startswith("=")
        return [
            Suggestion(one.text.rstrip("=") if given else one.text, place.start, _shown(one), one.kind, one.note)
            for one in ranked(typed, fitting)
            if signs == "@@" or not typed or not one.text.startswith("@@")
        ]

    def _command(self, place: CursorContext, facts: Facts) -> list[Suggestion]:
        name, rest = commands.parts(place.typed)
        if rest is None:
            typed, found = name, commands.names(facts)
        else:
            typed, found = commands.arguments(name, rest, facts, self._names)
        start = place.cursor - len(typed)
        return [
            Suggestion(one.text or one.name, start, _shown(one), one.kind, one.note)
            for one in ranked(typed, found)
            if one.name != typed
        ]


def _shown(one: Candidate) -> str:
    """What a menu shows."""
    name = one.text.rstrip("=") if one.text.startswith("@") else one.name
    return truncate(escape_unsafe(name), _DISPLAY_CELLS)


def _is_whole(one: Candidate, place: CursorContext) -> bool:
    """Whether a candidate stands for everything that is typed, the parts before the last dot included."""
    if not place.qualifier:
        return False
    return one.found is not None or (one.text or one.name).lower().startswith(f"{'.'.join(place.qualifier).lower()}.")


def _quoted(part: str) -> str:
    doubled = part.replace('"', '""')
    return f'"{doubled}"'


def _in_string(place: CursorContext, found: Outline, facts: Facts) -> list[Suggestion]:
    name = values.target(place.before, found)
    if name is None or "\n" in place.typed:
        return []
    closing = "" if is_closed(place.following, "'") else "'"
    typed = place.typed.replace("''", "'")
    return [
        Suggestion(one.name.replace("'", "''") + closing, place.start, one.name, one.kind, one.note)
        for one in ranked(typed, values.candidates(name, facts, found.tokens, typed))
    ]


def _placeholders(place: CursorContext, facts: Facts) -> list[Suggestion]:
    names = dict.fromkeys((*facts.variables, *_USED.findall(place.text)))
    blank = "" if place.text[place.start - 1 : place.start].isspace() else " "
    closing = "" if place.following.lstrip().lstrip("}") != place.following.lstrip() else " }}"
    return [
        Suggestion(f"{blank}{one.name}{closing}", place.start, one.name, one.kind, one.note)
        for one in ranked(place.typed, (Candidate(n, "placeholder") for n in names if is_inert(n)))
    ]


@lru_cache(maxsize=4)
def _completer(parser: Parser, catalog: Catalog) -> Completer:
    return Completer(parser, catalog)


def complete(text: str, cursor: int, parser: Parser, catalog: Catalog, facts: Facts) -> list[Suggestion]:
    """The suggestions at a cursor, best first: what `Completer` gives, one kept for each of the last few catalogs."""
    return _completer(parser, catalog).complete(text, cursor, facts)
