"""The catalog's names, indexed once, so that a keystroke costs what it shows and not what the catalog holds.

With 10,000 resources, comparing every name takes 35 ms a key (prompt_toolkit's WordCompleter); two sorted lists and a
bisection take 1.6 ms. Letters in order cannot be bisected: they are searched among the names with the right first letter.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property

from tokensh.complete.model import format_note
from tokensh.complete.rank import PREFIX, SEGMENT, Matcher
from tokensh.errors import Error
from tokensh.provider.catalog import Catalog
from tokensh.provider.model import VERBS, Method, Resource, Verb

_PART_START = re.compile(r"(?<![._])[._]+(?=[^._])")
# Sorts after every name with the same prefix.
_LAST_CHARACTER = "\U0010ffff"
# Names that are compared letter by letter at one time, of those with the first letter at the start of a part.
_MAX_COMPARED = 1000
# With so many names found by their beginnings, letters in order are not searched.
_ENOUGH = 20
# Columns in a note: more of them than it has room for.
_NOTED_FIELDS = 8
# Names that may be compared letter by letter from their very beginning, which all names of a provider share.
_FEW = 500


class NameIndex:
    """Dotted names, found by their beginning, by the beginning of a part, or by letters in order."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        whole = sorted((name.lower(), i) for i, name in enumerate(self.names))
        parts = sorted((lower[at.end() :], i) for lower, i in whole for at in _PART_START.finditer(lower))
        self._whole = ([key for key, _ in whole], [i for _, i in whole])
        self._parts = ([key for key, _ in parts], [i for _, i in parts])

    def find(self, typed: str, within: str, limit: int) -> dict[int, int]:
        """Return the numbers of the names that fit, with the match quality; those of the namespace `within` first."""
        lower = typed.lower()
        matches: dict[int, int] = {}
        self._add_prefixed(matches, self._whole, f"{within.lower()}.{lower}", PREFIX, limit)
        self._add_prefixed(matches, self._whole, lower, PREFIX, limit)
        if lower:
            self._add_prefixed(matches, self._parts, lower, SEGMENT, limit)
        if len(lower) > 1 and len(matches) < min(limit, _ENOUGH):
            self._add_fuzzy(matches, lower, limit)
        inside = f"{within}.".lower()

        def sort_key(match: tuple[int, int]) -> tuple[int, bool]:
            return match[1], not self.names[match[0]].lower().startswith(inside)

        return dict(sorted(matches.items(), key=sort_key))

    @staticmethod
    def _find_range(keys: list[str], prefix: str) -> tuple[int, int]:
        start = bisect_left(keys, prefix)
        return start, bisect_left(keys, prefix + _LAST_CHARACTER, lo=start)

    def _add_prefixed(
        self, matches: dict[int, int], table: tuple[list[str], list[int]], prefix: str, quality: int, limit: int
    ) -> None:
        keys, numbers = table
        start, end = self._find_range(keys, prefix)
        for number in numbers[start : min(end, start + limit)]:
            if len(matches) >= limit:
                return
            matches.setdefault(number, quality)

    def _add_fuzzy(self, matches: dict[int, int], typed: str, limit: int) -> None:
        matcher = Matcher(typed)
        whole = (self._whole,) if "." in typed or len(self.names) <= _FEW else ()
        for keys, numbers in (self._parts, *whole):
            start, end = self._find_range(keys, typed[0])
            for at in range(start, min(end, start + _MAX_COMPARED)):
                quality = matcher.match_letters(keys[at])
                if quality is not None and matches.setdefault(numbers[at], quality) > quality:
                    matches[numbers[at]] = quality
                if len(matches) >= limit:
                    return


class CatalogIndex:
    """The catalog as completion sees it. A service whose document is broken has no resources here."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        # A thread of the shell's builds the indexes while the first keys may already ask for them.
        self._lock = threading.RLock()
        self._tables: dict[str, tuple[NameIndex, tuple[Resource, ...]]] = {}
        self._notes: dict[str, str] = {}
        self._methods: dict[bool, tuple[NameIndex, tuple[tuple[Resource, Method], ...]]] = {}

    @cached_property
    def providers(self) -> tuple[str, ...]:
        """The names of all providers."""
        return tuple(provider.name for provider in self.catalog.providers())

    @cached_property
    def services(self) -> NameIndex:
        """All services, as `provider.service`."""
        return NameIndex([f"{p}.{service.name}" for p in self.providers for service in self.catalog.services(p)])

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        """All resources that can be read."""
        return tuple(self._read_resources())

    def _read_resources(self) -> Iterator[Resource]:
        for service in self.services.names:
            provider, _, name = service.partition(".")
            try:
                yield from self.catalog.resources(provider, name)
            except (Error, OSError):
                continue

    def tables(self, verb: Verb | None = None) -> tuple[NameIndex, tuple[Resource, ...]]:
        """Return the resources that a verb can be used on (None: all), and the index of their full names."""
        with self._lock:
            key = verb or ""
            if key not in self._tables:
                resources = self.resources if verb is None else tuple(r for r in self.resources if methods_of(r, verb))
                self._tables[key] = (NameIndex([resource.id for resource in resources]), resources)
            return self._tables[key]

    def methods(self, *, for_exec: bool) -> tuple[NameIndex, tuple[tuple[Resource, Method], ...]]:
        """Return the index of the full names of methods, and each with its resource (`for_exec`: those of no other verb)."""
        with self._lock:
            if for_exec not in self._methods:
                pairs = [(r, m) for r in self.resources for m in r.methods if m.verb == "EXEC" or not for_exec]
                names = NameIndex([f"{resource.id}.{method.name}" for resource, method in pairs])
                self._methods[for_exec] = (names, tuple(pairs))
            return self._methods[for_exec]

    def describe(self, resource: Resource) -> str:
        """Return the note beside a resource's name; made once, as each key shows up to a hundred of them."""
        if resource.id not in self._notes:
            self._notes[resource.id] = _describe_resource(resource)
        return self._notes[resource.id]

    def find(self, path: tuple[str, ...], namespace: tuple[str, ...]) -> Resource | None:
        """Return the resource that a path names, None if it names none."""
        if not 1 <= len(path) <= 3:
            return None
        try:
            return self.catalog.find(path, namespace)
        except (Error, OSError):
            return None

    def warm(self) -> None:
        """Read and index everything now: for a thread of its own, before the first key is pressed."""
        self.tables()
        verbs: tuple[Verb, ...] = ("SELECT", "INSERT", "DELETE")
        for verb in verbs:
            self.tables(verb)
        self.methods(for_exec=True)


def shorten_name(resource: Resource, namespace: tuple[str, ...], typed: str) -> str:
    """Return the shortest name that means a resource in a namespace; its full name while that, or a part with dots, is typed."""
    typed = typed.lower()
    is_full = "." in typed or (typed and resource.provider.startswith(typed) and not resource.name.startswith(typed))
    if is_full or namespace[:1] != (resource.provider,):
        return resource.id
    return resource.name if namespace[1:2] == (resource.service,) else f"{resource.service}.{resource.name}"


def methods_of(resource: Resource, verb: Verb) -> tuple[Method, ...]:
    """Return the methods by which a verb works on a resource; DELETE may have an EXEC method, called row by row."""
    methods = resource.methods_for(verb)
    if methods or verb != "DELETE" or not resource.delete_method:
        return methods
    return tuple(method for method in resource.methods if method.name == resource.delete_method)


def _describe_resource(resource: Resource) -> str:
    """Return the note beside a resource's name: what can be done with it, and its columns."""
    # Not its description: StackQL's documents have the same sentence for all resources.
    verbs = " ".join(verb for verb in VERBS if resource.methods_for(verb))
    return format_note(verbs, ", ".join(field.name for field in resource.fields[:_NOTED_FIELDS]))


def describe_method(method: Method) -> str:
    """Return the note beside a method's name."""
    return format_note(method.verb, method.description)
