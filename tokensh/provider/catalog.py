"""The providers, services and resources that statements can name, in any case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tokensh.errors import Span, UnknownName
from tokensh.provider import document
from tokensh.provider.document import Provider
from tokensh.provider.document_cache import DocumentCache
from tokensh.provider.model import ProviderInfo, Resource, ServiceInfo
from tokensh.text import nearest

if TYPE_CHECKING:
    from tokensh.provider.openapi import ServiceDocument

T = TypeVar("T")
DEFAULT = ("databricks_workspace", "workspace")
"""The provider and service in which unqualified names resolve at the start."""
_MOST_DOCUMENTS = 4
_MOST_RESOURCES = 500
"""Services and resources that a catalog keeps in memory."""


class Catalog:
    """The providers and their resources; a service's document is read, and a resource built, when it is first needed."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._providers: dict[str, list[Provider]] = {}
        for provider in providers:
            self._providers.setdefault(provider.info.name.lower(), []).append(provider)
        self._documents: dict[tuple[str, str], list[ServiceDocument]] = {}
        self._resources: dict[tuple[str, str, str], Resource] = {}

    @classmethod
    @cache
    def load_shipped(cls) -> Catalog:
        """Return the catalog of the provider that tokensh ships, one for all connections of a process."""
        return cls([document.load_shipped_provider()])

    @classmethod
    def load(cls, registry: Path | None, cache: Path | None = None) -> Catalog:
        """Return the shipped provider and those of a registry tree; a shipped resource goes before another of its name.

        Parsed documents are kept in the folder `cache`. Raises InterfaceError if the folder holds no provider document.
        """
        if registry is None:
            return cls.load_shipped()
        documents = DocumentCache(cache / "documents") if cache else None
        return cls([document.load_shipped_provider(), *document.load_registry(registry, documents)])

    def providers(self) -> tuple[ProviderInfo, ...]:
        """Return all providers, sorted by name."""
        # The last of a name: a registry's version says more than the shipped one's.
        return tuple(self._providers[name][-1].info for name in sorted(self._providers))

    def services(self, provider: str, span: Span | None = None) -> tuple[ServiceInfo, ...]:
        """Return a provider's services, sorted by name. Raises UnknownName."""
        services = {
            service.name.lower(): service for owner in self._find_provider(provider, span) for service in owner.services
        }
        return tuple(sorted(services.values(), key=lambda service: service.name))

    def resources(self, provider: str, service: str, span: Span | None = None) -> tuple[Resource, ...]:
        """Return a service's resources, sorted by name. Raises UnknownName, ProviderDocumentError."""
        documents = self._load_documents(provider, service, span)
        names = {name.lower(): name for loaded in documents for name in loaded.resource_names()}
        return tuple(self.resource(provider, service, name) for name in sorted(names.values()))

    def describe_resources(self, provider: str, service: str, span: Span | None = None) -> tuple[Resource, ...]:
        """Return a service's resources as `resources` does, without their methods, which take most of the time."""
        documents = [*self._load_documents(provider, service, span)]
        # The shipped document comes first, and goes before a registry's.
        found = {
            name.lower(): loaded.describe_resource(name)
            for loaded in reversed(documents)
            for name in loaded.resource_names()
        }
        return tuple(sorted(found.values(), key=lambda resource: resource.name))

    def resource(self, provider: str, service: str, name: str, span: Span | None = None) -> Resource:
        """Return one resource. Raises UnknownName, ProviderDocumentError."""
        key = (provider.lower(), service.lower(), name.lower())
        if key not in self._resources:
            if len(self._resources) >= _MOST_RESOURCES:
                self._resources.clear()
            self._resources[key] = self._build_resource(provider, service, name, span)
        return self._resources[key]

    def _build_resource(self, provider: str, service: str, name: str, span: Span | None) -> Resource:
        known: dict[str, str] = {}
        # One document after the other: a registry's broken document does not hide the resources that are shipped.
        for loaded in self._load_documents(provider, service, span):
            by_name = {resource.lower(): resource for resource in loaded.resource_names()}
            if name.lower() in by_name:
                return loaded.build_resource(by_name[name.lower()])
            known |= by_name
        raise UnknownName("resource", name, near=nearest(name, list(known)), span=span)

    def find(self, parts: tuple[str, ...], default: tuple[str, ...] = DEFAULT, span: Span | None = None) -> Resource:
        """Resolve a name of one to three parts in `default`, the provider and service that USE has set.

        Raises:
            UnknownName: the name is unknown.
            ProviderDocumentError: the service's document is broken.
        """
        full = _complete_name(parts, default)
        if len(full) != 3:
            raise UnknownName("resource", ".".join(parts), span=span, hint="a full name is provider.service.resource")
        return self.resource(*full, span=span)

    def find_or_none(self, parts: tuple[str, ...], default: tuple[str, ...] = DEFAULT) -> Resource | None:
        """Resolve a name as `find` does; None if no resource has it. Raises ProviderDocumentError."""
        # Asked for each local table: no error is made, which would compare its name with all others.
        full = _complete_name(parts, default)
        return self.resource(*full) if len(full) == 3 and self._has_resource(*map(str.lower, full)) else None

    def _has_resource(self, provider: str, service: str, name: str) -> bool:
        if (provider, service, name) in self._resources:
            return True
        if provider not in self._providers:
            return False
        services = (info.name.lower() for owner in self._find_provider(provider, None) for info in owner.services)
        return service in services and any(
            name == resource.lower()
            for loaded in self._load_documents(provider, service, None)
            for resource in loaded.resource_names()
        )

    def has_provider(self, name: str) -> bool:
        """Return whether a provider has that name, in any case."""
        return any(owner.lower() == name.lower() for owner in self._providers)

    def _find_provider(self, name: str, span: Span | None) -> list[Provider]:
        """Return what is shipped of a provider and what a registry has of it. Raises UnknownName, ProviderDocumentError."""
        owners = _find_name(self._providers, "provider", name, span)
        usable = [owner for owner in owners if owner.error is None]
        if not usable and owners[0].error is not None:
            raise owners[0].error
        return usable

    def _load_documents(self, provider: str, service: str, span: Span | None) -> Iterator[ServiceDocument]:
        """Yield the documents of a service, the shipped one first, each read when it is asked for."""
        # The last ones stay in memory; a document is ten times as large there as its text.
        key = (provider.lower(), service.lower())
        loaded = self._documents[key] = self._documents.pop(key, [])
        if len(self._documents) > _MOST_DOCUMENTS:
            del self._documents[next(iter(self._documents))]
        owners = self._find_provider(provider, span)
        names = [{info.name.lower(): info.name for info in owner.services} for owner in owners]
        known = {name: name for by_name in names for name in by_name}
        _find_name(known, "service", service, span)
        having = [(owner, by_name) for owner, by_name in zip(owners, names, strict=True) if service.lower() in by_name]
        for position, (owner, by_name) in enumerate(having):
            if position == len(loaded):
                loaded.append(owner.load(by_name[service.lower()]))
            yield loaded[position]


def _complete_name(parts: tuple[str, ...], default: tuple[str, ...]) -> tuple[str, ...]:
    # `tokens` is completed by both parts of the namespace, `settings.tokens` by the provider alone.
    return (*default[: max(3 - len(parts), 0)], *parts)


def _find_name(known: dict[str, T], kind: str, name: str, span: Span | None) -> T:
    try:
        return known[name.lower()]
    except KeyError:
        raise UnknownName(kind, name, near=nearest(name, list(known)), span=span) from None
