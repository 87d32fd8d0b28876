"""A server that answers the SELECT methods of any provider document, and the rows that its answers mean.

Both are made from the document's own schemas, by a reader that shares no code with `tokensh.provider`. As a program,
`python -m tests.provider.synthetic FOLDER [PROVIDER ...]` asks for every SELECT method of a registry's folder, and counts the
answers that are equal to what is expected, the refusals by kind, and what differs.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.engine.sessions import connect
from tests.resilience.faulty_server import Exchange, FaultyServer
from tokensh.dbapi.connection import Connection
from tokensh.errors import Error

Node = Any
RESOURCES = "x-stackQL-resources"
VARIABLE = r"\{([^{}:]+)(?::[^{}]*)?\}"
MOST_LEVELS = 8
TEXT = "a,b\n1,2\n"
VALUES: dict[str, Node] = {"integer": 5, "number": 5, "boolean": True, "array": '["a"]', "object": '{"a": "b"}'}
# The resources that tokensh ships, which stay whatever a registry holds.
SHIPPED = {("workspace", "user_tokens"), ("workspace", "tokens")} | {
    ("settings", f"token{name}") for name in ("s", "_management", "_permissions", "_permission_levels")
}
# JSON's names for types that documents give other names.
KINDS = {"int32": "integer", "int64": "integer", "double": "number", "float": "number", "json": "object"}


@dataclass(frozen=True)
class Service:
    """One service's document, and how references in it are followed."""

    provider: str
    name: str
    root: Node

    def find(self, reference: str) -> Node:
        node = self.root
        for step in reference.removeprefix("#/").split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            node = node[int(key)] if isinstance(node, list) else node[key]
        return node

    def follow(self, node: Node) -> Node:
        for _ in range(50):
            if not isinstance(node, dict):
                return {}
            if "$ref" not in node:
                return node
            node = self.find(node["$ref"])
        return {}

    def parts_of(self, schema: Node, branch: int, depth: int = 0) -> Iterator[Node]:
        """Yield a schema and what it is composed of; of alternatives the one that `branch` says."""
        node = self.follow(schema)
        yield node
        if depth > MOST_LEVELS:
            return
        for part in node.get("allOf") or []:
            yield from self.parts_of(part, branch, depth + 1)
        for key in ("oneOf", "anyOf"):
            if options := [part for part in node.get(key) or [] if self.follow(part).get("type") != "null"]:
                yield from self.parts_of(options[branch], branch, depth + 1)

    def properties_of(self, schema: Node, branch: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for part in self.parts_of(schema, branch):
            properties = part.get("properties")
            for name, node in (properties if isinstance(properties, dict) else {}).items():
                if isinstance(node, dict):
                    found.setdefault(str(name), node)
        return found

    def kind_of(self, schema: Node, branch: int) -> str:
        for part in self.parts_of(schema, branch):
            kinds = part.get("type")
            kind = next((k for k in (kinds if isinstance(kinds, list) else [kinds]) if k and k != "null"), None)
            if isinstance(kind, str):
                kind = kind.strip().lower()
                return "array" if kind.startswith("array of") else KINDS.get(kind, kind)
            if "items" in part:
                return "array"
        return "object" if self.properties_of(schema, branch) else "string"


@dataclass
class Samples:
    """Values that fit schemas; numbers and texts count up, so that no two rows are equal."""

    service: Service
    branch: int
    count: int = 0

    def make(self, schema: Node, name: str = "x", depth: int = 0) -> Node:
        service, branch = self.service, self.branch
        kind = service.kind_of(schema, branch)
        self.count += 1
        match kind:
            case "array" if depth < MOST_LEVELS:
                items: Node = next((part["items"] for part in service.parts_of(schema, branch) if "items" in part), {})
                return [self.make(items, name, depth + 1) for _ in range(2 if depth < 3 else 1)]
            case "object" if depth < MOST_LEVELS:
                properties = service.properties_of(schema, branch)
                made = {key: self.make(node, key, depth + 1) for key, node in properties.items()}
                return made or {"key": f"value-{self.count}"}
            case "array":
                return []
            case "object":
                return {}
            case "integer":
                return self.count
            case "number":
                return self.count + 0.5
            case "boolean":
                return self.count % 2 == 0
            case _:
                texts = [text for part in service.parts_of(schema, branch) for text in part.get("enum") or []]
                return next((text for text in texts if isinstance(text, str)), f"{name}-{self.count}")


@dataclass(frozen=True)
class Call:
    """A SELECT method: how it is asked for, and what its document says of the answer."""

    service: Service
    resource: str
    name: str
    path: str
    parameters: dict[str, Node] = field(repr=False)
    """The required parameters and their schemas."""
    servers: tuple[str, ...]
    schema: Node = field(repr=False)
    """Of the answer; empty if it has no content."""
    object_key: str
    paging: Node = field(repr=False)
    is_text: bool = False

    @property
    def label(self) -> str:
        return f"{self.service.provider}.{self.service.name}.{self.resource}.{self.name}"

    @property
    def table(self) -> str:
        return f"{self.service.provider}.{self.service.name}.{self.resource}"

    def is_asked_by(self, path: str) -> bool:
        pattern = re.sub(VARIABLE, "\0", self.path.partition("?")[0])
        return re.search(re.escape(pattern).replace("\0", ".+") + r"\Z", path) is not None

    def values(self, branch: int) -> dict[str, Node]:
        """Return a value for each required parameter, which a field of the same name can have too."""
        fields = {name.lower(): node for name, node in self.row_properties(branch).items()}
        values: dict[str, Node] = {}
        for name, schema in self.parameters.items():
            kind = self.service.kind_of(schema, branch)
            named = fields.get(name.lower())
            is_number = named is not None and self.service.kind_of(named, branch) in {"integer", "number"}
            enum = self.service.follow(schema).get("enum") or [None]
            value = enum[0] if isinstance(enum[0], str) else f"p{name}"
            values[name] = VALUES.get(kind, "5" if is_number else re.sub(r"\W", "", value) or "p")
        return {**dict.fromkeys(self.servers, "w1"), **values}

    def row_properties(self, branch: int) -> dict[str, Node]:
        node = self._item_of(self.schema, branch)
        for step in self.steps:
            node = self._item_of(self.service.properties_of(node, branch).get(step, {}), branch)
        return self.service.properties_of(node, branch)

    def _item_of(self, schema: Node, branch: int) -> Node:
        return next((part["items"] for part in self.service.parts_of(schema, branch) if "items" in part), schema)

    @property
    def steps(self) -> list[str]:
        return [first or second for first, second in re.findall(r"\.([^.\[\]]+)|\['([^']+)'\]", self.object_key)]

    def statement(self, branch: int) -> str:
        def literal(value: Node) -> str:
            return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"

        conditions = [f'"{name}" = {literal(value)}' for name, value in self.values(branch).items()]
        return f"SELECT * FROM {self.table}" + (f" WHERE {' AND '.join(conditions)}" if conditions else "")

    def pages(self, branch: int) -> list[Node]:
        """Return the bodies of the one or two pages of the answer, each with rows of its own."""
        if self.is_text:
            return [TEXT]
        samples = Samples(self.service, branch)
        bodies = [samples.make(self.schema), samples.make(self.schema)]
        for body in bodies:
            for row in self.rows_of(body):
                self._give_parameters(row, branch)
        if self.is_paged and (isinstance(self.find_rows(bodies[0]), list) or self._names_token(bodies[0])):
            self._set_token(bodies[0], "t2")
            self._set_token(bodies[1], None)
            return bodies
        return bodies[:1]

    def _names_token(self, body: Node) -> bool:
        return isinstance(body, dict) and self.paging["responseToken"]["key"] in body

    def _set_token(self, body: Node, token: str | None) -> None:
        """Let a page name the next one, or none."""
        if not isinstance(body, dict) or self.paging["responseToken"].get("location") == "header":
            return
        if token is None:
            body.pop(self.paging["responseToken"]["key"], None)
        else:
            body[self.paging["responseToken"]["key"]] = token

    def _give_parameters(self, row: dict[str, Node], branch: int) -> None:
        """Let a row have the values that it was asked for with."""
        kinds = self.row_properties(branch)
        for name, value in self.values(branch).items():
            for key in [key for key in row if key.lower() == name.lower()]:
                match self.service.kind_of(kinds.get(key, {}), branch):
                    case "integer" | "number":
                        row[key] = int(value) if str(value).isdecimal() else row[key]
                    case "boolean" | "array" | "object":
                        row[key] = value if isinstance(value, bool) else row[key]
                    case _:
                        row[key] = str(value)

    @property
    def is_paged(self) -> bool:
        return bool((self.paging.get("responseToken") or {}).get("key"))

    def find_rows(self, body: Node) -> Node:
        for step in self.steps:
            body = body.get(step) if isinstance(body, dict) else None
        return body

    def rows_of(self, body: Node) -> list[dict[str, Node]]:
        """Return the rows of a body; a value without fields is in the column that StackQL calls `column_anon`."""
        rows = self.find_rows(body)
        found = rows if isinstance(rows, list) else [rows]
        return [row if isinstance(row, dict) else {"column_anon": row} for row in found if self.schema]


def read_calls(folder: Path, wanted: Sequence[str] = ()) -> Iterator[Call]:
    """Yield the SELECT methods of a registry's providers."""
    pattern = "src/*/*/provider.yaml" if (folder / "src").exists() else "*/*/provider.yaml"
    for file in sorted(folder.glob(pattern)):
        provider = _load(file)
        if wanted and provider["name"] not in wanted:
            continue
        for name, entry in provider["providerServices"].items():
            place = file.parents[2] / entry["service"]["$ref"]
            if place.exists():
                yield from _read_service(Service(provider["name"], name, _load(place)))


def _load(file: Path) -> Node:
    return yaml.load(file.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _read_service(service: Service) -> Iterator[Call]:
    for resource, node in (service.root["components"].get(RESOURCES) or {}).items():
        if (node.get("config") or {}).get("views") or (service.name, resource) in SHIPPED:
            continue
        for reference in (node.get("sqlVerbs") or {}).get("select") or []:
            name = reference["$ref"].rpartition("/")[2]
            yield _read_call(service, resource, name, node["methods"][name], node)


def _read_call(service: Service, resource: str, name: str, method: Node, owner: Node) -> Call:
    reference = method["operation"]["$ref"]
    path = reference.split("/")[2].replace("~1", "/").replace("~0", "~")
    item, operation = service.root["paths"][path], service.find(reference)
    servers = (operation.get("servers") or item.get("servers") or service.root.get("servers") or [{}])[:1]
    declared = [service.follow(p) for p in (*(item.get("parameters") or []), *(operation.get("parameters") or []))]
    by_name = {p["name"]: p for p in declared}
    in_path = {name: (by_name.get(name) or {}).get("schema") or {} for name in re.findall(VARIABLE, path)}
    others = {
        p["name"]: p.get("schema") or {}
        for p in declared
        if p.get("required") is True and p["in"] in {"query", "header"}
    }
    response = method.get("response") or {}
    responses = {str(key): node for key, node in operation.get("responses", {}).items()}
    first = next((key for key in responses if key.startswith("2")), "default")
    answer = service.follow(responses.get(str(response.get("openAPIDocKey"))) or responses.get(first))
    content = answer.get("content") or {}
    media_type = str(response.get("overrideMediaType") or response.get("mediaType"))
    media = content.get(response.get("mediaType")) or content.get("application/json") or {}
    settings = (method.get("config"), owner.get("config"), service.root.get("x-stackQL-config"))
    paging: Node = next((config["pagination"] for config in settings if (config or {}).get("pagination")), {})
    return Call(
        service,
        resource,
        name,
        path,
        {**in_path, **others},
        tuple(re.findall(VARIABLE, servers[0].get("url", ""))),
        media.get("schema") or {},
        str(response.get("objectKey") or ""),
        paging,
        is_text=str((response.get("transform") or {}).get("type", "")).startswith("golang_template_text")
        or ("json" not in media_type and (media.get("schema") or {}).get("type") == "string"),
    )


@dataclass
class Workbench:
    """The server, and the methods of the resource that is being asked for."""

    calls: Sequence[Call] = ()
    branch: int = 0
    served: Call | None = None

    def forget(self) -> None:
        self.served = None

    def answer(self, exchange: Exchange) -> None:
        path, _, query = exchange.request.path.partition("?")
        call = next((call for call in self.calls if call.is_asked_by(path)), None)
        if call is None:
            return exchange.reply(404, b'{"error_code": "ENDPOINT_NOT_FOUND", "message": "no such path"}')
        self.served = call
        pages = call.pages(self.branch)
        if call.is_text:
            return exchange.reply(200, pages[0].encode())
        request, response = (call.paging.get(key) or {} for key in ("requestToken", "responseToken"))
        is_header = response.get("location") == "header"
        key = request.get("key") or "after"
        is_second = f"{key}=" in query
        body = pages[-1] if is_second else pages[0]
        headers = {}
        if len(pages) > 1 and not is_second and is_header:
            host = exchange.request.headers.get("host", "")
            joined = f"{query}&{key}=2" if query else f"{key}=2"
            headers["Link"] = f'<http://{host}{path}?{joined}>; rel="next"'
        if not call.schema:
            return exchange.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        return exchange.reply(200, json.dumps(body).encode(), **headers)


@dataclass(frozen=True)
class Outcome:
    """What came of a statement: `kind` is empty if the rows are those that the answer means."""

    call: Call
    kind: str
    detail: str = ""


def check_calls(calls: Sequence[Call], home: Path, registry: Path, branch: int = 0) -> Iterator[Outcome]:
    """Ask for each method, and yield what came of it."""
    bench = Workbench(branch=branch)
    with FaultyServer(bench.answer) as server:
        for servers in sorted({call.servers for call in calls}):
            endpoint = server.origin + "".join(f"/w/{{{name}}}" for name in servers)
            with connect(None, home, {"DATABRICKS_TOKEN": "dapi0"}, endpoint=endpoint, registry=registry) as session:
                for call in calls:
                    if call.servers == servers:
                        bench.calls = [call, *(other for other in calls if other.table == call.table)]
                        yield _check_call(call, session, bench)
                        server.log.clear()


def _check_call(call: Call, session: Connection, bench: Workbench) -> Outcome:
    cursor = session.cursor()
    bench.forget()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cursor.execute(call.statement(bench.branch))
            rows = cursor.fetchall()
    except Error as error:
        text = str(error).partition("\n")[0]
        return Outcome(call, f"{type(error).__name__}: {re.sub(r'.* is not offered: ', 'not offered: ', text)}", text)
    names = [column[0].lower() for column in cursor.description or ()]
    found = [dict(zip(names, row, strict=True)) for row in rows]
    served = bench.served or call
    if served.is_text:
        return Outcome(
            call, "" if TEXT in (row.get("contents", row.get("column_anon")) for row in found) else "no text"
        )
    expected = [row for body in served.pages(bench.branch) for row in served.rows_of(body)]
    if len(found) != len(expected):
        return Outcome(call, "another number of rows", f"{len(found)} for {len(expected)}")
    for got, meant in zip(found, expected, strict=True):
        if problem := _compare_row(got, meant, call.values(bench.branch)):
            return Outcome(call, problem.partition(":")[0], problem)
    return Outcome(call, "" if served is call else "equal to the first method with the same parameters")


def _compare_row(got: dict[str, Node], meant: dict[str, Node], given: dict[str, Node]) -> str:
    lower = {name.lower(): value for name, value in meant.items()}
    for name, value in lower.items():
        if name not in got:
            return f"no column: {name}"
        cell = json.loads(got[name]) if isinstance(value, dict | list) and isinstance(got[name], str) else got[name]
        if cell != value:
            return f"another value: {name} is {cell!r}, not {value!r}"
    parameters = {name.lower() for name in given}
    for name, cell in got.items():
        if name not in lower and cell is not None and name not in parameters:
            return f"a value that was not sent: {name} is {cell!r}"
    return ""


def main() -> int:
    """Check the methods of a folder, and print the counts."""
    folder, *wanted = sys.argv[1:]
    failed = 0
    by_provider: dict[str, list[Call]] = {}
    for call in read_calls(Path(folder), wanted):
        by_provider.setdefault(call.service.provider, []).append(call)
    for provider, calls in by_provider.items():
        for branch, title in ((0, "first"), (-1, "last")):
            with tempfile.TemporaryDirectory() as home:
                outcomes = list(check_calls(calls, Path(home), Path(folder), branch))
            counts = Counter(re.sub(r"'[^']*'|\d+", "…", outcome.kind) for outcome in outcomes)
            print(f"## {provider}, {title} alternatives: {len(calls)} methods, {counts.pop('', 0)} equal")
            for kind, count in counts.most_common():
                print(f"  {count:4} {kind}")
            for outcome in outcomes:
                if outcome.kind:
                    print(f"       {outcome.call.label}: {outcome.detail or outcome.kind}"[:260])
            failed += sum(1 for outcome in outcomes if outcome.kind)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
