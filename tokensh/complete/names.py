"""The catalog's names, indexed once, so that a keystroke costs what it shows and not what the catalog holds."""

from __future__ import annotations

import re
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from tokensh.complete.model import note
from tokensh.complete.rank import PREFIX, SEGMENT, Matcher
from tokensh.errors import Error
from tokensh.provider.catalog import Catalog
from tokensh.provider.model import Method, Resource, Verb

_PART = re.compile(r"[._]+(?=[^._])")
_AFTER_ALL = "\U0010ffff"
_SCANNED = 1000
"""Names that are compared letter by letter at one time, of those that have the first letter where a part begins."""
_ENOUGH = 20
"""Names found by their beginnings; with so many, letters in order are not looked for."""
_FEW = 500
"""Names that may be compared letter by letter from their very beginning, which all of a provider share."""


class NameIndex:
    """Dotted names, found by their beginning, by the beginning of a part, or by letters in order."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        whole = sorted((name.lower(), i) for i, name in enumerate(self.names))
        parts = sorted((low[at.end() :], i) for low, i in whole for at in _PART.finditer(low))
        self._whole = ([key for key, _ in whole], [i for _, i in whole])
        self._parts = ([key for key, _ in parts], [i for _, i in parts])

    def find(self, typed: str, within: str, limit: int) -> dict[int, int]:
        """The numbers of the names that fit, with how well; those of the namespace `within` first."""
        low = typed.lower()
        found: dict[int, int] = {}
        self._take(found, self._whole, f"{within.lower()}.{low}", PREFIX, limit)
        self._take(found, self._whole, low, PREFIX, limit)
        if low:
            self._take(found, self._parts, low, SEGMENT, limit)
        if len(low) > 1 and len(found) < min(limit, _ENOUGH):
            self._fuzzy(found, low, limit)
        inside = f"{within}.".lower()
        return dict(sorted(found.items(), key=lambda hit: (hit[1], not self.names[hit[0]].lower().startswith(inside))))

    @staticmethod
    def _range(keys: list[str], prefix: str) -> tuple[int, int]:
        low = bisect_left(keys, prefix)
        return low, bisect_left(keys, prefix + _AFTER_ALL, lo=low)

    def _take(
        self, found: dict[int, int], of: tuple[list[str], list[int]], prefix: str, quality: int, limit: int
    ) -> None:
        start, end = self._range(of[0], prefix)
        for number in of[1][start : min(end, start + limit)]:
            if len(found) >= limit:
                return
            found.setdefault(number, quality)

    def _fuzzy(self, found: dict[int, int], typed: str, limit: int) -> None:
        matcher = Matcher(typed)
        whole = (self._whole,) if "." in typed or len(self.names) <= _FEW else ()
        for keys, numbers in (self._parts, *whole):
            start, end = self._range(keys, typed[0])
            for at in range(start, min(end, start + _SCANNED)):
                quality = matcher.fuzzy(keys[at])
                if quality is not None and found.setdefault(numbers[at], quality) > quality:
                    found[numbers[at]] = quality
                if len(found) >= limit:
                    return


class CatalogIndex:
    """The catalog as completion sees it. A service whose document is broken has no resources here."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._lock = threading.RLock()
        self._tables: dict[str, tuple[NameIndex, tuple[Resource, ...]]] = {}
        self._methods: dict[bool, tuple[NameIndex, tuple[Method, ...]]] = {}

    @cached_property
    def providers(self) -> tuple[str, ...]:
        """All providers."""
        return tuple(one.name for one in self.catalog.providers())

    @cached_property
    def services(self) -> NameIndex:
        """All services, as `provider.service`."""
        return NameIndex([f"{p}.{s.name}" for p in self.providers for s in self.catalog.services(p)])

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        """All resources that can be read."""
        return tuple(self._read())

    def _read(self) -> Iterator[Resource]:
        for service in self.services.names:
            provider, _, name = service.partition(".")
            try:
                yield from self.catalog.resources(provider, name)
            except (Error, OSError):
                continue

    def tables(self, verb: Verb | None = None) -> tuple[NameIndex, tuple[Resource, ...]]:
        """The resources that a verb can be used on (None: all), and the index of their full names."""
        with self._lock:
            key = verb or ""
            if key not in self._tables:
                found = self.resources if verb is None else tuple(r for r in self.resources if callable_by(r, verb))
                self._tables[key] = (NameIndex([r.id for r in found]), found)
            return self._tables[key]

    def methods(self, *, executed: bool) -> tuple[NameIndex, tuple[Method, ...]]:
        """The methods (only those that no other verb reaches, if `executed`), and the index of their full names."""
        with self._lock:
            if executed not in self._methods:
                pairs = [(r, m) for r in self.resources for m in r.methods if m.verb == "EXEC" or not executed]
                self._methods[executed] = (
                    NameIndex([f"{r.id}.{m.name}" for r, m in pairs]),
                    tuple(m for _, m in pairs),
                )
            return self._methods[executed]

    def find(self, path: tuple[str, ...], namespace: tuple[str, ...]) -> Resource | None:
        """The resource that a path names, if there is one."""
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
        self.methods(executed=True)


def callable_by(resource: Resource, verb: Verb) -> tuple[Method, ...]:
    """The methods by which a verb works on a resource; DELETE may have an EXEC method row by row."""
    found = resource.methods_for(verb)
    if found or verb != "DELETE" or not resource.delete_method:
        return found
    return tuple(m for m in resource.methods if m.name == resource.delete_method)


Described = Callable[[int], str]


def resource_note(resource: Resource) -> str:
    """What stands beside a resource's name."""
    return note(resource.description or resource.title)


def method_note(method: Method) -> str:
    """What stands beside a method's name."""
    return note(method.verb, method.description)
