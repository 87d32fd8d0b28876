"""Read the shipped provider document, `--registry` trees and `--vars` files. PyYAML is used only here.

JSON is read with the standard library; PyYAML (36 ms) is imported when the first YAML text is read. Nothing is read at
import. A registry's services are read one by one, when they are needed: all 1,768 files of StackQL's registry are 289 MB.
The layout: https://github.com/stackql/any-sdk/blob/main/docs/provider_spec.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokensh._dataclasses import dataclass
from tokensh.errors import InterfaceError, ProviderDocumentError
from tokensh.provider.document_cache import DocumentCache
from tokensh.provider.model import ProviderInfo, ServiceInfo

if TYPE_CHECKING:
    import yaml

    from tokensh.provider.openapi import ServiceDocument

Node = dict[str, Any]
Scalar = str | int | float | bool | None

SHIPPED = Path(__file__).with_name("databricks_workspace.json")
# DIR may be a registry's root, its `src` folder, a provider's folder or one version's.
TREES = ("src/*/*/provider.*", "*/*/provider.*", "*/provider.*", "provider.*")
# Where a registry lists the versions that can be pulled.
INDEX = "dist/providers.yaml"
SUFFIXES = frozenset({".json", ".yaml", ".yml"})
# What the page's manifest prints as a value that is to be filled in.
TYPE_NAMES = frozenset({"string", "integer", "boolean", "number", "array", "object"})
# Levels of YAML up to which libyaml is used; above, PyYAML's own parser, which raises RecursionError.
SAFE_DEPTH = 10_000
# A bracket that can open a level: within a word, as in `/users/{id}`, it is a part of the text.
OPENING_BRACKET = r"(?<![^\s\ufeff\[{,:?\-])[\[{]"
# An anchor and an alias, by their first characters, where a level can open.
ANCHOR, ALIAS = (rf"(?<![^\s\ufeff\[{{,:?\-]){sign}[\w-]" for sign in (r"&", r"\*"))
# What can stand before the first word of a line: each level of blocks needs a column of it, and may share it with one other.
LINE_START = " \t?:-"
YAML_TAG = "tag:yaml.org,2002:"
_MERGE = f"{YAML_TAG}merge"
# The scalars of YAML 1.2's core schema, each with the characters it may begin with. YAML 1.1's would make a boolean of
# `no`, a date of 2026-01-01 and 754 of 12:34.
SCALARS = (
    ("null", r"(?:~|null|Null|NULL)?", [*"~nN", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", [*"-+0123456789"]),
    ("float", r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?", [*"-+0123456789"]),
    ("merge", r"<<", ["<"]),
)
# Characters that a document may have once its aliases are replaced by what they stand for, besides ten times its own. Nine lines
# of aliases that name aliases nine times each are a billion.
_MOST_EXPANDED = 1_000_000
# Tags that become Python values. Not among them: timestamps, sets, binary, and everything that creates objects.
CONSTRUCTED = ("null", "bool", "int", "float", "str", "seq", "map")


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider: what SHOW lists of it and its services, and how a service's document is read."""

    info: ProviderInfo
    services: tuple[ServiceInfo, ...]
    load: Callable[[str], ServiceDocument]
    """Takes a service's name. Raises ProviderDocumentError."""
    error: ProviderDocumentError | None = None
    """What is wrong with its document, so that it has no services."""


@cache
def load_shipped_provider() -> Provider:
    """Read the provider that tokensh ships, once for all connections of a process. Raises ProviderDocumentError."""
    root = _check_mapping(_read_document(SHIPPED), SHIPPED, "#")
    services: Mapping[str, Node] = root["services"]

    def load(name: str) -> ServiceDocument:
        document = services[name]
        # The second service names the first one's operations as the newer documents do.
        base = services.get(document.get("x-tokensh-extends", ""), {})
        components = {**base.get("components", {}), **document["components"]}
        from tokensh.provider.openapi import ServiceDocument  # noqa: PLC0415 (only for statements that name a resource)

        return ServiceDocument(info.name, name, SHIPPED.name, {**base, **document, "components": components})

    info, infos = _describe_provider(root["provider"], SHIPPED)
    return Provider(info, infos, load)


def load_registry(folder: Path, cache: DocumentCache | None = None) -> tuple[Provider, ...]:
    """Read the newest version of each provider of a registry tree; parsed documents are kept in `cache`.

    Raises InterfaceError if the folder holds no provider document. A provider whose document is broken has its error.
    """
    return tuple(_read_or_disable(file, cache) for file in find_provider_files(folder))


def _read_or_disable(file: Path, cache: DocumentCache | None) -> Provider:
    try:
        return _read_provider(file, cache)
    except ProviderDocumentError as error:
        # An `except` variable is gone afterwards.
        failure = error

    def refuse(_: str) -> ServiceDocument:
        raise failure

    return Provider(ProviderInfo(file.parent.parent.name, ""), (), refuse, failure)


def find_provider_files(folder: Path) -> list[Path]:
    """Return the newest document of each provider of a registry tree. Raises InterfaceError without one."""
    for pattern in TREES:
        newest: dict[Path, Path] = {}
        files = (file.absolute() for file in folder.glob(pattern) if file.suffix in SUFFIXES)
        for file in sorted(files, key=lambda file: version_key(file.parent.name)):
            newest[file.parent.parent] = file
        if newest:
            return [file for _, file in sorted(newest.items())]
    raise InterfaceError(
        f"no provider document under {str(folder)!r}", hint="a registry holds src/PROVIDER/VERSION/provider.yaml"
    )


def _read_provider(file: Path, cache: DocumentCache | None) -> Provider:
    root = _check_mapping(_read_document(file, cache), file, "#")
    services = _service_nodes(root, file)

    def load(name: str) -> ServiceDocument:
        where = f"#/providerServices/{name}/service"
        reference = _check_mapping(services[name].get("service"), file, where).get("$ref")
        if not isinstance(reference, str):
            raise ProviderDocumentError(f"{file}: {where}: expected a $ref")
        # `PROVIDER/VERSION/services/NAME.yaml`, counted from the folder above the provider's.
        document = file.parents[2] / reference
        configs = (services[name].get("config") or {}, root.get("config") or {})
        node = _check_mapping(_read_document(document, cache), document, "#")
        from tokensh.provider.openapi import ServiceDocument  # noqa: PLC0415 (as above)

        return ServiceDocument(info.name, name, str(document), node, configs)

    info, infos = _describe_provider(root, file)
    return Provider(info, infos, load)


def _service_nodes(provider: Node, file: Path) -> dict[str, Node]:
    services = _check_mapping(provider.get("providerServices"), file, "#/providerServices")
    return {
        str(name): _check_mapping(service, file, f"#/providerServices/{name}") for name, service in services.items()
    }


def _describe_provider(provider: Node, file: Path) -> tuple[ProviderInfo, tuple[ServiceInfo, ...]]:
    # The folder's name need not be the name in SQL.
    name = provider.get("name") or provider.get("id") or file.parent.parent.name
    services = (
        ServiceInfo(
            id=str(node.get("id", service)),
            name=service,
            title=str(node.get("title", "")),
            description=str(node.get("description", "")),
            version=str(node.get("version", "")),
            preferred=node.get("preferred") is not False,
        )
        for service, node in _service_nodes(provider, file).items()
    )
    return ProviderInfo(str(name), str(provider.get("version", ""))), tuple(services)


def version_key(name: str) -> tuple[list[int], bool, list[int]]:
    """Return a sort key: `v0.2.0-alpha01` comes before `v0.2.0`, and both before `v0.10.0`."""
    release, _, pre = name.partition("-")
    return _find_numbers(release), not pre, _find_numbers(pre)


def _find_numbers(text: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", text)]


def _check_mapping(node: object, file: Path, where: str) -> Node:
    if not isinstance(node, dict):
        raise ProviderDocumentError(f"{file}: {where}: expected a mapping")
    return node


def _read_document(file: Path, cache: DocumentCache | None = None) -> object:
    """Parse a document. Raises ProviderDocumentError."""
    try:
        content = file.read_bytes()
        if file.suffix == ".json":
            return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_unique_keys)
        return _parse_once(content, cache)
    except OSError as error:
        raise ProviderDocumentError(f"cannot read {file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        line, problem = _explain_failure(error)
        raise ProviderDocumentError(f"{file}:{line}: {problem}") from error


def parse_yaml_text(content: bytes, name: str) -> object:
    """Parse a YAML file, called `name` in messages. Raises InterfaceError."""
    try:
        return _parse_yaml(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        line, problem = _explain_failure(error)
        raise InterfaceError(f"{name}:{line}: {problem}") from error


def _parse_once(content: bytes, cache: DocumentCache | None) -> object:
    """Parse a YAML document, or take it from the cache. Raises ValueError, RecursionError."""
    if cache is None:
        return _parse_yaml(content.decode("utf-8-sig"))
    if (known := cache.read(content)) is not None:
        return known
    parsed = _parse_yaml(content.decode("utf-8-sig"))
    cache.write(content, parsed)
    return parsed


class _YamlError(ValueError):
    """A text is not valid YAML; `line` counts from 1."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


def _explain_failure(error: Exception) -> tuple[int, str]:
    """Return the line and the reason of a parser's error, without the text at fault: it may be a secret."""
    match error:
        case _YamlError():
            return error.line, f"not YAML: {error}"
        case json.JSONDecodeError():
            return error.lineno, f"not JSON: {error.msg}"
        case UnicodeDecodeError():
            return error.object[: error.start].count(b"\n") + 1, "not UTF-8"
        case RecursionError():
            return 1, "nested too deeply"
        case _DuplicateKeyError():
            return 1, "a key stands twice in one object"
        case _:
            return 1, "not readable"


def _parse_yaml(text: str) -> object:
    """Parse YAML 1.2. Raises _YamlError, RecursionError."""
    import yaml  # noqa: PLC0415 (36 ms, and only YAML needs it)

    loader = _yaml_loader(may_be_deep(text))
    try:
        reader: Any = loader(text)
        try:
            root = reader.get_single_node()
            if root is None:
                return None
            # Before values are made: `<<` copies what an alias stands for.
            if re.search(ALIAS, text) and re.search(ANCHOR, text):
                _check_expansion(root, _MOST_EXPANDED + 10 * len(text))
            return reader.construct_document(root)
        finally:
            reader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _YamlError(mark.line + 1 if mark else 1, error.problem or "unreadable") from error
    except yaml.reader.ReaderError as error:
        # libyaml counts bytes, the pure parser characters: near enough for a line.
        raise _YamlError(text.count("\n", 0, error.position) + 1, error.reason) from error


def _check_expansion(root: yaml.Node, most: int) -> None:
    """Raise _YamlError if a document has more than `most` characters with its aliases replaced, or contains itself."""
    # Children first, without recursion: each node once, whatever the number of aliases that name it.
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()
    waiting: list[tuple[Any, bool]] = [(root, False)]
    while waiting:
        node, counted = waiting.pop()
        children = _child_nodes(node)
        if counted:
            open_nodes.discard(id(node))
            sizes[id(node)] = size = 1 + sum(sizes[id(child)] for child in children)
            if size > most:
                raise _YamlError(node.start_mark.line + 1, "its aliases stand for too much text")
        elif id(node) in open_nodes:
            raise _YamlError(node.start_mark.line + 1, "an alias stands for what contains it")
        elif id(node) not in sizes:
            if not children:
                sizes[id(node)] = 1 + len(node.value)
                continue
            open_nodes.add(id(node))
            waiting.append((node, True))
            waiting += ((child, False) for child in children)


def _child_nodes(node: Any) -> list[Any]:
    match node.value:
        case [(_, _), *_] as pairs:
            return [child for pair in pairs for child in pair]
        case [*items]:
            return items
        case _:
            return []


def may_be_deep(text: str) -> bool:
    """Return True if nesting could overflow the stack of libyaml, which has no limit and would crash the process."""
    columns = max((len(line) - len(line.lstrip(LINE_START)) for line in text.splitlines()), default=0)
    return len(re.findall(OPENING_BRACKET, text)) + 2 * columns > SAFE_DEPTH


@cache
def _yaml_loader(pure: bool) -> type[yaml.SafeLoader]:
    """Return a safe loader with YAML 1.2's scalars that ignores unknown tags.

    A published document has `!!js/undefined` (godaddy/provider.yaml), which a plain safe loader rejects.
    """
    import yaml  # noqa: PLC0415 (as above)

    base: Any = yaml.SafeLoader if pure else getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    constructors = {YAML_TAG + name: base.yaml_constructors[YAML_TAG + name] for name in CONSTRUCTED}

    def construct_mapping(self: Any, node: Any, deep: bool = False) -> object:
        """Construct a mapping whose keys are unique; those that `<<` brings may be given anew."""
        names: set[str] = set()
        for key, _ in node.value:
            if key.tag == _MERGE or not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in names:
                raise _YamlError(key.start_mark.line + 1, "a key stands twice in one mapping")
            names.add(key.value)
        return base.construct_mapping(self, node, deep)

    own = {"yaml_implicit_resolvers": {}, "yaml_constructors": constructors, "construct_mapping": construct_mapping}
    loader: Any = type("Loader", (base,), own)
    for name, pattern, first in SCALARS:
        loader.add_implicit_resolver(YAML_TAG + name, re.compile(rf"(?:{pattern})\Z"), first)
    loader.add_multi_constructor("", _construct_untagged)
    return loader  # type: ignore[no-any-return]


def _construct_untagged(loader: Any, _suffix: str, node: Any) -> object:
    import yaml  # noqa: PLC0415 (as above)

    match node:
        case yaml.ScalarNode():
            return loader.construct_scalar(node)
        case yaml.SequenceNode():
            return loader.construct_sequence(node, deep=True)
        case _:
            return loader.construct_mapping(node, deep=True)


def read_variables(text: str, name: str) -> dict[str, Scalar]:
    """Read the text of a `--vars` file, called `name` in messages, into values for placeholders.

    It is a YAML or JSON mapping of names to values, or the manifest that provider pages print: a list whose entries have
    `props`, a list of `name` and `value`. A value that is only the name of a type is not filled in yet, and is skipped.
    Objects and arrays become their JSON text.

    Raises:
        InterfaceError: the text is neither; the message names file and line, and never a value.
    """
    try:
        return _to_variables(_parse_variables(text.removeprefix("\ufeff")), text, name)
    except (ValueError, RecursionError) as error:
        line, problem = _explain_failure(error)
        raise InterfaceError(f"{name}:{line}: {problem}") from error


def _parse_variables(text: str) -> object:
    """Parse JSON, else YAML: for JSON, PyYAML is not imported."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique_keys)
    except _DuplicateKeyError:
        raise
    except ValueError:
        return _parse_yaml(text)


class _DuplicateKeyError(ValueError):
    """An object of a JSON text has a key twice."""


def _unique_keys(pairs: list[tuple[str, Any]]) -> Node:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise _DuplicateKeyError
    return mapping


def _refuse_constant(name: str) -> Scalar:
    raise ValueError(name)


def _to_variables(root: object, text: str, name: str) -> dict[str, Scalar]:
    match root:
        case None:
            return {}
        case dict():
            return {str(key): _to_scalar(value) for key, value in root.items()}
        case list():
            return _read_manifest(root, text, name)
        case _:
            raise _layout_error(name, 1)


def _read_manifest(entries: list[object], text: str, name: str) -> dict[str, Scalar]:
    values: dict[str, Scalar] = {}
    for index, entry in enumerate(entries):
        match entry:
            case {"props": list(props)} if all(isinstance(prop, dict) and "name" in prop for prop in props):
                filled = (prop for prop in props if not _is_unfilled(prop.get("value", "string")))
                values |= {str(prop["name"]): _to_scalar(prop["value"]) for prop in filled}
            case _:
                raise _layout_error(name, _line_of_entry(text, index))
    return values


def _is_unfilled(value: object) -> bool:
    """Return True if a value contains only names of types, as the page prints it."""
    match value:
        case str():
            return value in TYPE_NAMES
        case list():
            return bool(value) and all(map(_is_unfilled, value))
        case dict():
            return bool(value) and all(map(_is_unfilled, value.values()))
        case _:
            return False


def _to_scalar(value: Any) -> Scalar:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return value  # type: ignore[no-any-return]


def _line_of_entry(text: str, index: int) -> int:
    import yaml  # noqa: PLC0415 (as above)

    root: Any = yaml.compose(text, _yaml_loader(True))
    return int(root.value[index].start_mark.line) + 1


def _layout_error(name: str, line: int) -> InterfaceError:
    return InterfaceError(
        f"{name}:{line}: neither names with values nor a manifest",
        hint="write `name: value` lines, or a list of entries with `props` of `name` and `value`",
    )
