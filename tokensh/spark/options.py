"""The options of a read, by name and type. A secret is never one of them: Spark writes options to plans and event logs.

Options that open a connection are read as `dbapi.options` reads them everywhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NoReturn, get_args

from tokensh._dataclasses import dataclass, fields
from tokensh.api import limits
from tokensh.dbapi.options import OPTIONS
from tokensh.errors import InterfaceError
from tokensh.redact import Redactor
from tokensh.text import did_you_mean, escape_unsafe

# Messages name the option and never quote its value: users do put secrets into the wrong option, and
# Spark logs errors.

_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESOURCE_NAME = re.compile(r"\w+(?:\.\w+){0,2}")
_SECRET_NAMES = re.compile(r"token|secret|pat$|password|credential|auth|key", re.IGNORECASE)
_SPARK_NAMES = frozenset({"path", "provider", "location", "owner", "serialization.format"})
"""Options that Spark itself adds for a table of its catalog, and for `load(path)`."""
_INDIRECT_HINT = (
    "name what holds it: option token_env names an environment variable of the executors, secret_scope with secret_key a "
    "secret of Databricks, profile a profile of ~/.databrickscfg"
)
OnError = Literal["fail", "rows"]
_ANY_TEXT = "a text that is not empty"


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """The options of a read.

    Attributes:
        resource: the resource to read, `provider.service.resource` or the end of it; by default user_tokens.
        query: a plain SELECT over one resource, instead of `resource`.
        deployment_name: workspaces, separated by commas; a pattern (`prod-*`) selects from the configured ones.
        profile: only this profile of ~/.databrickscfg may be used.
        token_env: the environment variable of the executors that holds the token.
        secret_scope: the scope of the Databricks secret that holds the token.
        secret_key: the key of that secret.
        endpoint: another host template, as --endpoint.
        registry: a folder of provider documents on the driver, as --registry.
        workspaces_per_partition: the number of workspaces that one task reads.
        pushdown: `true` lets WHERE choose the workspaces; needs spark.sql.python.filterPushdown.enabled.
        errors: `fail`, or `rows`: a workspace that fails is a row whose column `error` says why.
        timeout: seconds for a request, its retries included; by default 30.
        max_connections: requests at a time of one task, 1 to 64; by default those of one partition, so that it takes one round.
        max_pages: the most pages of one list that are read; a longer list is an error.
    """

    resource: str | None = None
    query: str | None = None
    deployment_name: str | None = None
    profile: str | None = None
    token_env: str | None = None
    secret_scope: str | None = None
    secret_key: str | None = None
    endpoint: str | None = None
    registry: str | None = None
    workspaces_per_partition: int = 20
    pushdown: bool = False
    errors: OnError = "fail"
    timeout: float | None = None
    max_connections: int = 20
    max_pages: int = limits.PAGES

    @classmethod
    def parse(cls, options: Mapping[str, str]) -> ReadOptions:
        """Parse Spark's texts; names have no case. Raises InterfaceError without the text of a value: it may be a secret."""
        texts = {key.lower(): text for key, text in options.items()}
        known = {field.name: field for field in fields(cls)}
        for name, text in texts.items():
            # By its shape, whatever the option is called: `deployment_name`, too, is written to the event log.
            if Redactor().clean(text) != text:
                _refuse_secret(name)
            if name not in known:
                _refuse_unknown(name, known)
        parsed = cls(**{name: _parse_option(name, text, known[name].default) for name, text in texts.items()})
        _check_combination(parsed)
        return parsed


def _refuse_secret(name: str) -> NoReturn:
    raise InterfaceError(
        f"option {name} holds a secret, and Spark writes options to its plans and event logs",
        hint=f"revoke it if it is real, and {_INDIRECT_HINT}",
    )


def _refuse_unknown(name: str, known: Iterable[str]) -> NoReturn:
    # A name near to a known one may still be meant as a secret (`token`, `secret_token`): that hint comes last and wins.
    hint = did_you_mean(name, known) or f"the options are {', '.join(known)}"
    if name in _SPARK_NAMES:
        hint = (
            "load() takes no path, and a table of the catalog forgets options: CREATE TEMPORARY VIEW ... USING tokensh"
        )
    if _SECRET_NAMES.search(name):
        hint = f"a secret is never an option: {_INDIRECT_HINT}"
    raise InterfaceError(f"unknown option {escape_unsafe(name)!r}", hint=hint)


def _parse_option(name: str, text: str, default: object) -> Any:
    """Return an option's value, of the type of its default."""
    parse, expected = _find_parser(name, default)
    try:
        if text.strip():
            return parse(text)
    except ValueError:
        pass
    raise InterfaceError(f"invalid value of option {name}; expected {expected}")


def _find_parser(name: str, default: object) -> tuple[Callable[[str], Any], str]:
    """Return a function that parses an option, and what it expects."""
    if name in OPTIONS:
        return OPTIONS[name].parse, OPTIONS[name].expected or _ANY_TEXT
    match default:
        case bool():
            return OPTIONS["partial"].parse, OPTIONS["partial"].expected
        case int():
            return _parse_count, "a whole number above 0"
        case str():
            return _parse_on_error, " or ".join(get_args(OnError))
        case _:
            return str, _ANY_TEXT


def _parse_count(text: str) -> int:
    # Nine digits: Spark passes any text, and int() would take spaces, underscores and digits of other scripts.
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text):
        raise ValueError
    return int(text)


def _parse_on_error(text: str) -> str:
    if text.lower() not in get_args(OnError):
        raise ValueError
    return text.lower()


def _check_combination(options: ReadOptions) -> None:
    """Raise InterfaceError for options that exclude each other or lack a partner, and for names with other characters."""
    if options.query is not None and options.resource is not None:
        raise InterfaceError("options query and resource exclude each other", hint="give one of the two")
    if options.resource is not None and not _RESOURCE_NAME.fullmatch(options.resource):
        raise InterfaceError(
            "invalid value of option resource; expected a name such as databricks_workspace.workspace.user_tokens"
        )
    if options.token_env is not None and not _VARIABLE_NAME.fullmatch(options.token_env):
        raise InterfaceError(
            "invalid value of option token_env; expected the name of an environment variable, not its value"
        )
    if (options.secret_scope is None) != (options.secret_key is None):
        raise InterfaceError("options secret_scope and secret_key go together", hint="give both")
    if sum(value is not None for value in (options.profile, options.token_env, options.secret_scope)) > 1:
        raise InterfaceError(
            "options profile, token_env and secret_scope exclude each other", hint="give one of the three"
        )
