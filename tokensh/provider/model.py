"""The parts of a provider document that the rest of tokensh uses, as frozen dataclasses.

StackQL describes the document's format in https://github.com/stackql/any-sdk/blob/main/docs/provider_spec.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from tokensh._dataclasses import dataclass
from tokensh.rows import UNIT_DESCRIPTIONS, ColumnType, Unit

ANONYMOUS_COLUMN = "column_anon"
"""What StackQL calls the column of a reply whose rows have no fields: a list of texts, for example."""

# The model is small on purpose: the rest of tokensh never sees a document's YAML, so the format can
# change in one folder.

Location = Literal["server", "path", "query", "header", "body"]
Verb = Literal["SELECT", "INSERT", "UPDATE", "REPLACE", "DELETE", "EXEC"]
VERBS: tuple[Verb, ...] = ("SELECT", "INSERT", "UPDATE", "REPLACE", "DELETE", "EXEC")


def _join_description(description: str, unit: Unit | None) -> str:
    return "; ".join(filter(None, (description.rstrip("."), UNIT_DESCRIPTIONS[unit]))) if unit else description


@dataclass(frozen=True, slots=True)
class Field:
    """A property of a response's rows."""

    name: str
    type: ColumnType
    description: str = ""
    shape: str = ""
    """Of an object or array: its schema as compact JSON text, nested properties included, down to a few levels."""
    unit: Unit | None = None
    """What a number counts (tokensh's extension `x-tokensh-unit`)."""
    wire_name: str = ""
    """The name in the reply, empty where it is `name`."""

    @property
    def key(self) -> str:
        """The name in the reply."""
        return self.wire_name or self.name

    @property
    def full_description(self) -> str:
        """The document's description, and the unit."""
        return _join_description(self.description, self.unit)


@dataclass(frozen=True, slots=True)
class Parameter:
    """An input of a method. `example` is the document's default: shown, never used for a host.

    A body attribute has `location` "body"; in SQL it is `data__name`, or `name` alone.
    `bare` marks the attributes of a method whose document names them without the prefix (requestBodyTranslate `naive`).
    """

    name: str
    location: Location
    type: ColumnType
    required: bool
    description: str = ""
    example: str | None = None
    shape: str = ""
    """As `Field.shape`."""
    bare: bool = False
    free: bool = False
    """Whether values of several types are taken, or an object of which nothing is said: text that is not JSON goes as text."""
    unit: Unit | None = None
    """As `Field.unit`."""
    newer: bool = False
    """Whether the pages do not list it (tokensh's extension `x-tokensh-newer`): no template has it."""
    wire_name: str = ""
    """The name in the request, empty where it is `name`."""

    @property
    def key(self) -> str:
        """The name in the request."""
        return self.wire_name or self.name

    @property
    def full_description(self) -> str:
        """The document's description, and the unit."""
        return _join_description(self.description, self.unit)

    @property
    def sql_name(self) -> str:
        """The name that the document's own pages give it in SQL."""
        return f"data__{self.name}" if self.location == "body" and not self.bare else self.name


PageLocation = Literal["query", "header", "body", "url"]


@dataclass(frozen=True, slots=True)
class Paging:
    """How a reply names its next page, and how that page is asked for (`pagination` of a document).

    Keys of replies are names or JSONPaths. `request_location` "url": the reply gives the whole address. `counts_pages`: the
    reply has the number of its page at `response_key`, and that of the last one at `last_key`.
    """

    request_key: str
    request_location: PageLocation
    response_key: str
    response_location: Literal["body", "header"]
    counts_pages: bool = False
    last_key: str = ""

    @property
    def description(self) -> str:
        """What EXPLAIN says of it."""
        source = f"the header {self.response_key}" if self.response_location == "header" else self.response_key
        match self.request_location:
            case "url":
                return f"{source} of each reply is the address of the next page, on the same host"
            case location:
                step = f"{self.response_key} + 1, up to {self.last_key}," if self.counts_pages else source
                return f"{step} of each reply is sent for the next page, as {self.request_key} in the {location}"


@dataclass(frozen=True, slots=True)
class Method:
    """One operation: `verb` is how SQL reaches it (EXEC where no other does)."""

    name: str
    verb: Verb
    http_method: str
    server: str
    """The server's URL template, e.g. `https://{deployment_name}.cloud.databricks.com`."""
    path: str
    parameters: tuple[Parameter, ...]
    """Server variables, then path, query, header parameters, then body attributes, in document order."""
    fields: tuple[Field, ...]
    """The columns of the response's rows; empty where the response is an empty object."""
    object_key: str | None = None
    """Where in the response the rows are, e.g. `$.token_infos`; None: the whole response is the only row."""
    returns_list: bool = False
    """Whether the rows are the items of an array."""
    description: str = ""
    response_description: str = ""
    has_body: bool = False
    undocumented_fields: tuple[Field, ...] = ()
    """Fields that a response may hold and the pages do not list (tokensh's extension `x-tokensh-newer`)."""
    reply_keys: tuple[str, ...] | None = None
    """The keys of the response's object; empty where it is an empty object, None where the document does not say."""
    fixed_query: tuple[tuple[str, str], ...] = ()
    """What the path's template says after `?`, whose values may hold variables of the path."""
    problem: str = ""
    """Why it cannot be called; empty if it can."""
    paging: Paging | None = None
    """How further pages of a list are asked for, None where the document does not say."""
    text_field: str = ""
    """The field that takes the whole reply as text; empty where the reply is JSON."""
    view: str = ""
    """Of a view: the text of its query, in which `'{{ name }}'` stands for a parameter. Nothing is called for it."""

    @property
    def is_anonymous(self) -> bool:
        """Whether the rows are values without names, which become a column."""
        return not self.text_field and [field.name for field in self.fields] == [ANONYMOUS_COLUMN]

    @property
    def required(self) -> tuple[Parameter, ...]:
        """The parameters without which it cannot be called."""
        return tuple(p for p in self.parameters if p.required)

    @property
    def body(self) -> tuple[Parameter, ...]:
        """The body's attributes."""
        return tuple(p for p in self.parameters if p.location == "body")

    @property
    def documented_body(self) -> tuple[Parameter, ...]:
        """The body's attributes that the pages list."""
        return tuple(p for p in self.body if not p.newer)

    @property
    def routing(self) -> tuple[Parameter, ...]:
        """The parameters that are not attributes of the body."""
        return tuple(p for p in self.parameters if p.location != "body")

    @property
    def required_routing(self) -> frozenset[str]:
        """The names, in lower case, of the required parameters that are not the body's."""
        return frozenset(p.name.lower() for p in self.parameters if p.required and p.location != "body")


# The intersection: a parameter that only some methods need can choose between them, and must not be
# demanded of all.
def always_required(methods: Iterable[Method]) -> frozenset[str]:
    """Return the parameters, in lower case, without which none of the methods can be called."""
    names = [method.required_routing for method in methods]
    return frozenset.intersection(*names) if names else frozenset()


@dataclass(frozen=True, slots=True)
class Resource:
    """A table of the catalog."""

    provider: str
    service: str
    name: str
    methods: tuple[Method, ...]
    """In the order of SHOW METHODS: SELECT, INSERT, UPDATE, REPLACE, DELETE, EXEC; in a verb, the document's order."""
    title: str = ""
    description: str = ""
    delete_method: str | None = None
    """An EXEC method that DELETE may call row by row (tokensh's extension `x-tokensh-delete`)."""

    @property
    def view(self) -> str:
        """The text of the query that SELECT reads; empty if SELECT calls a method."""
        return next((method.view for method in self.methods if method.view), "")

    @property
    def id(self) -> str:
        """The full name, `provider.service.resource`."""
        return f"{self.provider}.{self.service}.{self.name}"

    def methods_for(self, verb: Verb) -> tuple[Method, ...]:
        """Return the methods that a verb may choose from, in document order."""
        return tuple(m for m in self.methods if m.verb == verb)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields of all SELECT methods, in document order, each name once."""
        fields: dict[str, Field] = {}
        for method in self.methods_for("SELECT"):
            for item in method.fields:
                fields.setdefault(item.name.lower(), item)
        return tuple(fields.values())

    @property
    def expiry_fields(self) -> tuple[Field, ...]:
        """The fields in which -1 means never."""
        return tuple(field for field in self.fields if field.unit == "expiry_ms")

    @property
    def undocumented_fields(self) -> tuple[Field, ...]:
        """Fields that the pages do not list: a query can name them, but `*` does not include them."""
        fields = (item for method in self.methods_for("SELECT") for item in method.undocumented_fields)
        return tuple({item.name.lower(): item for item in fields}.values())


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """A provider as SHOW PROVIDERS lists it."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class ServiceInfo:
    """A service as SHOW SERVICES lists it; its resources are loaded when they are first asked for."""

    id: str
    name: str
    title: str
    description: str
    version: str
    preferred: bool = True
