"""The providers, services and resources that statements can name, in any case."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from tokensh.errors import Span, UnknownName
from tokensh.provider import document
from tokensh.provider.document import Provider
from tokensh.provider.model import ProviderInfo, Resource, ServiceInfo
from tokensh.provider.openapi import ServiceDocument
from tokensh.text import nearest

T = TypeVar("T")
DEFAULT = ("databricks_workspace", "workspace")
"""The provider and service in which unqualified names resolve at the start."""


class Catalog:
    """The providers and their resources; a service's document is read, and a resource built, when it is first needed."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        self._providers = {provider.info.name.lower(): provider for provider in providers}
        self._documents: dict[tuple[str, str], ServiceDocument] = {}
        self._resources: dict[tuple[str, str, str], Resource] = {}

    @classmethod
    def load_shipped(cls) -> Catalog:
        """Return a catalog of the provider that tokensh ships."""
        return cls([document.load_shipped_provider()])

    @classmethod
    def load(cls, registry: Path | None) -> Catalog:
        """Return the shipped provider and those of a registry tree, which replace a shipped one of the same name.

        Raises:
            InterfaceError: the folder holds no provider document.
            ProviderDocumentError: a document is broken.
        """
        if registry is None:
            return cls.load_shipped()
        return cls([document.load_shipped_provider(), *document.load_registry(registry)])

    def providers(self) -> tuple[ProviderInfo, ...]:
        """Return all providers, sorted by name."""
        return tuple(self._providers[name].info for name in sorted(self._providers))

    def services(self, provider: str, span: Span | None = None) -> tuple[ServiceInfo, ...]:
        """Return a provider's services, sorted by name. Raises UnknownName."""
        return tuple(sorted(self._find_provider(provider, span).services, key=lambda service: service.name))

    def resources(self, provider: str, service: str, span: Span | None = None) -> tuple[Resource, ...]:
        """Return a service's resources, sorted by name. Raises UnknownName, ProviderDocumentError."""
        names = self._load_document(provider, service, span).resource_names()
        return tuple(self.resource(provider, service, name) for name in names)

    def resource(self, provider: str, service: str, name: str, span: Span | None = None) -> Resource:
        """Return one resource. Raises UnknownName, ProviderDocumentError."""
        key = (provider.lower(), service.lower(), name.lower())
        if key not in self._resources:
            document = self._load_document(provider, service, span)
            by_name = {resource.lower(): resource for resource in document.resource_names()}
            self._resources[key] = document.build_resource(_find_name(by_name, "resource", name, span))
        return self._resources[key]

    def find(self, parts: tuple[str, ...], default: tuple[str, ...] = DEFAULT, span: Span | None = None) -> Resource:
        """Resolve a name of one to three parts in `default`, the provider and service that USE has set.

        Raises:
            UnknownName: the name is unknown.
            ProviderDocumentError: the service's document is broken.
        """
        # `tokens` is completed by both parts of the namespace, `settings.tokens` by the provider alone.
        full = (*default[: max(3 - len(parts), 0)], *parts)
        if len(full) != 3:
            raise UnknownName("resource", ".".join(parts), span=span, hint="a full name is provider.service.resource")
        return self.resource(*full, span=span)

    def find_or_none(self, parts: tuple[str, ...], default: tuple[str, ...] = DEFAULT) -> Resource | None:
        """Resolve a name as `find` does; None if no resource has it. Raises ProviderDocumentError."""
        try:
            return self.find(parts, default)
        except UnknownName:
            return None

    def _find_provider(self, name: str, span: Span | None) -> Provider:
        return _find_name(self._providers, "provider", name, span)

    def _load_document(self, provider: str, service: str, span: Span | None) -> ServiceDocument:
        key = (provider.lower(), service.lower())
        if key not in self._documents:
            owner = self._find_provider(provider, span)
            by_name = {service.name.lower(): service.name for service in owner.services}
            self._documents[key] = owner.load(_find_name(by_name, "service", service, span))
        return self._documents[key]


def _find_name(known: dict[str, T], kind: str, name: str, span: Span | None) -> T:
    try:
        return known[name.lower()]
    except KeyError:
        raise UnknownName(kind, name, near=nearest(name, list(known)), span=span) from None
