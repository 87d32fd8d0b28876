"""Names are found in a catalog of ten thousand resources, and the better match comes first."""

from __future__ import annotations

from copy import copy

from tests.shared_parser import shared_parser
from tokensh.complete import Completer, Facts
from tokensh.errors import Span
from tokensh.provider.catalog import DEFAULT, Catalog
from tokensh.provider.model import ProviderInfo, Resource, ServiceInfo

WORDS = "data access grant token user group role policy share index job run cluster pool query alert".split()  # noqa: SIM905


def _rename(resource: Resource, name: str) -> Resource:
    """Return a resource under another name, without the checks of a new one, which take 1 ms each."""
    renamed = copy(resource)
    object.__setattr__(renamed, "name", name)
    return renamed


class Many(Catalog):
    """A catalog of many resources."""

    def __init__(self, count: int, others: tuple[str, ...] = ()) -> None:
        super().__init__(())
        sample = Catalog.load_shipped().resource(*DEFAULT, "user_tokens")
        names = (f"{WORDS[i % 16]}_{WORDS[i // 16 % 16]}_{i}" for i in range(count))
        self.all = tuple(_rename(sample, name) for name in (*names, *others))

    def providers(self) -> tuple[ProviderInfo, ...]:
        return (ProviderInfo(DEFAULT[0], "1"),)

    def services(self, provider: str, span: Span | None = None) -> tuple[ServiceInfo, ...]:
        return (ServiceInfo(DEFAULT[1], DEFAULT[1], "", "", "1"),)

    def resources(self, provider: str, service: str, span: Span | None = None) -> tuple[Resource, ...]:
        return self.all


def test_a_name_is_found_among_many() -> None:
    catalog = Many(10_000)
    wanted = catalog.all[4711].name
    text = f"SELECT * FROM {wanted[:-1]}"
    found = Completer(shared_parser(), catalog).complete(text, len(text), Facts())
    assert any(suggestion.text.endswith(wanted) for suggestion in found)


def test_initials_of_a_dotted_name_are_better_than_letters_in_it() -> None:
    text = "SELECT * FROM dw.w.ut"
    suggestions = Completer(shared_parser(), Many(0, ("current_user", "user_tokens"))).complete(
        text, len(text), Facts()
    )
    names = [suggestion.text.rpartition(".")[2] for suggestion in suggestions]
    assert names == ["user_tokens", "current_user"]
