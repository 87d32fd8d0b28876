"""The options of a read, by name and type, and what they must not be: a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NoReturn, get_args

from tokensh._dataclasses import dataclass, fields
from tokensh.errors import InterfaceError
from tokensh.redact import Redactor
from tokensh.text import escape_unsafe, nearest

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESOURCE = re.compile(r"\w+(?:\.\w+){0,2}")
_SECRET_NAMES = re.compile(r"token|secret|pat$|password|credential|auth|key", re.IGNORECASE)
_CATALOGS = frozenset({"path", "provider", "location", "owner", "serialization.format"})
"""What Spark itself adds for a table of its catalog, and for `load(path)`."""
_BY_NAME = (
    "name what holds it: option token_env names an environment variable of the executors, secret_scope with secret_key a "
    "secret of Databricks, profile a profile of ~/.databrickscfg"
)
OnError = Literal["fail", "rows"]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """The options, by their names; keys come in lower case.

    Attributes:
        resource: what to read whole, `provider.service.resource` or the end of it; by default user_tokens.
        query: a plain SELECT over one resource, instead.
        deployment_name: workspaces, separated by commas; a pattern (`prod-*`) stands for those of the configuration.
        profile: only this profile of ~/.databrickscfg may be used.
        token_env: the environment variable of the executors that holds the token.
        secret_scope: the scope of Databricks secrets, and
        secret_key: the key in it that holds the token.
        endpoint: another host template, as --endpoint.
        registry: a folder of provider documents on the driver, as --registry.
        workspaces_per_partition: how many one task reads.
        pushdown: `true` lets WHERE choose the workspaces; needs spark.sql.python.filterPushdown.enabled.
        errors: `fail`, or `rows`: a workspace that fails is a row whose column `error` says why.
        timeout: seconds for a request, its retries included.
        max_connections: requests at once of one task, 1 to 64; by default a partition's, so that it takes one round.
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
    timeout: float = 30.0
    max_connections: int = 20

    @classmethod
    def of(cls, options: Mapping[str, str]) -> ReadOptions:
        """Read the options. Raises InterfaceError, whose text never holds an option's value that may be a secret."""
        given = {key.lower(): value for key, value in options.items()}
        known = {one.name: one for one in fields(cls)}
        for name, value in given.items():
            if Redactor().clean(value) != value:
                _refuse_secret(name)
            if name not in known:
                _refuse_unknown(name, known)
        made = cls(**{name: _converted(name, value, known[name].default) for name, value in given.items()})
        _check_together(made)
        return made


def _refuse_secret(name: str) -> NoReturn:
    raise InterfaceError(
        f"option {name} holds a secret itself, and options are written to Spark's plans and event logs",
        hint=f"revoke that one if it is real, and {_BY_NAME}",
    )


def _refuse_unknown(name: str, known: Iterable[str]) -> NoReturn:
    near = nearest(name, known)
    hint = f"did you mean {near!r}?" if near else f"there are {', '.join(known)}"
    if name in _CATALOGS:
        hint = (
            "load() takes no path, and a table of the catalog forgets options: CREATE TEMPORARY VIEW .. USING tokensh"
        )
    if _SECRET_NAMES.search(name):
        hint = f"a secret is never an option: {_BY_NAME}"
    raise InterfaceError(f"there is no option {escape_unsafe(name)!r}", hint=hint)


def _converted(name: str, text: str, default: object) -> Any:
    """An option's text in the type of its default."""
    match default:
        case bool():
            if text.lower() in ("true", "false"):
                return text.lower() == "true"
        case int() if re.fullmatch(r"0*[1-9][0-9]{0,8}", text):
            return int(text)
        case float() if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text):
            return float(text)
        case None if text.strip():
            return text
        case str() if text.lower() in get_args(OnError):
            return text.lower()
    wanted = {bool: "true or false", int: "a whole number above 0", float: "a number of seconds", str: "fail or rows"}
    raise InterfaceError(f"option {name} takes {wanted.get(type(default), 'a text that is not empty')}")


def _check_together(made: ReadOptions) -> None:
    """What options must not be, together or alone."""
    if made.query is not None and made.resource is not None:
        raise InterfaceError("options query and resource both say what to read", hint="give one of them")
    if made.resource is not None and not _RESOURCE.fullmatch(made.resource):
        raise InterfaceError("option resource takes a name such as databricks_workspace.workspace.user_tokens")
    if made.token_env is not None and not _VARIABLE.fullmatch(made.token_env):
        raise InterfaceError("option token_env takes the name of an environment variable, not what it holds")
    if (made.secret_scope is None) != (made.secret_key is None):
        raise InterfaceError("options secret_scope and secret_key go together", hint="give both")
    if sum(one is not None for one in (made.profile, made.token_env, made.secret_scope)) > 1:
        raise InterfaceError("options profile, token_env and secret_scope are three ways", hint="give one of them")
