"""The options of a connection: one table for `tokensh.connect`, the command line, URLs, notebooks and Spark.

`ConnectionOptions` holds the names, types and defaults; `OPTIONS` adds what a front end needs that takes text: how a text
becomes the value, the flags and the help. Front ends loop over the table, so a new option is added here and nowhere else.
The module imports nothing that is slow to load, because the command line reads it before anything else.
"""

from __future__ import annotations

from tokensh._dataclasses import dataclass
from tokensh.api import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from tokensh.api.hosts import Hosts
    from tokensh.engine.callbacks import Callbacks
    from tokensh.environment import Environment
    from tokensh.sandbox import Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOptions:
    """The options of a connection, all by keyword and all optional.

    Attributes:
        environment: variables, standard streams and clocks; by default the process's own.
        callbacks: functions to call while statements run.
        workspace: the deployment_name for statements that name none, or the workspace's URL.
        profile: the only profile of ~/.databrickscfg that may be used; its workspace is the default.
        token: the only token that may be used.
        auth: StackQL's JSON that says where the only credential is.
        sandbox: use an emulated workspace, one in this process (True) or one that is running.
        endpoint: a template that replaces every workspace's address: https, or http on loopback.
        registry: a folder of StackQL provider documents, or the https address that REGISTRY PULL reads.
        store: the file of views and local tables.
        partial: return the rows of the workspaces that answer; failures go to `callbacks.on_failure`.
        yes: change rows that had to be listed first without asking.
        timeout: seconds for a request; by default more for a create than for others (`api.limits`).
        max_connections: requests at a time.
        write_connections: revokes of one DELETE that are sent to a workspace at a time.
        max_reply: the most bytes that a response may have; None means the default.
        max_pages: the most pages of one list that are read; a longer list is an error.
        log: a file that gets a line for each attempt of a request.
        hosts: the host rule of another connection, instead of `endpoint` and config.toml.
    """

    environment: Environment | None = None
    callbacks: Callbacks | None = None
    workspace: str | None = None
    profile: str | None = None
    token: str | None = None
    auth: str | None = None
    sandbox: bool | Sandbox = False
    endpoint: str | None = None
    registry: Path | str | None = None
    store: Path | str | None = None
    partial: bool = False
    yes: bool = False
    timeout: float | None = None
    max_connections: int = limits.CONNECTIONS
    write_connections: int = limits.WRITE_CONNECTIONS
    max_reply: int | None = limits.RESPONSE_SIZE
    max_pages: int = limits.PAGES
    log: Path | str | None = None
    hosts: Hosts | None = None


# The first object also compiles the constructor (see `_dataclasses`), whose signature `connect` shows.
DEFAULTS = ConnectionOptions()


def _parse_boolean(text: str) -> bool:
    match text.lower():
        case "true" | "1":
            return True
        case "false" | "0":
            return False
        case _:
            raise ValueError


def _parse_seconds(text: str) -> float:
    seconds = float(text)
    # Written so that NaN, which compares to nothing, is refused too.
    if not 0 < seconds <= limits.MAX_TIMEOUT:
        raise ValueError
    return seconds


def _parse_connections(text: str) -> int:
    count = int(text)
    if not 1 <= count <= limits.MAX_CONNECTIONS:
        raise ValueError
    return count


def _parse_pages(text: str) -> int:
    count = int(text)
    if not 1 <= count <= limits.MAX_PAGES:
        raise ValueError
    return count


_SIZE_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}


def _parse_size(text: str) -> int:
    unit = _SIZE_UNITS.get(text[-1:].upper(), 1)
    digits = text[:-1] if unit > 1 else text
    # int() would take `1_000` and digits of other scripts.
    if not (digits.isascii() and digits.isdecimal()) or not int(digits):
        raise ValueError
    return int(digits) * unit


@dataclass(frozen=True, slots=True)
class Option:
    """How front ends that take text offer an option.

    Attributes:
        name: the attribute of `ConnectionOptions`.
        help: what it means, for `--help`.
        metavar: the word for its value in `--help`; empty: a switch.
        letter: its one-letter flag; empty: none.
        parse: returns the value of a text. Raises ValueError.
        expected: what `parse` accepts, for its error.
        variable: the environment variable that is read where the option is not given; empty: none.
        brief: its meaning where a line has room for 52 characters; empty: `help` is that short.
        in_spark: the Spark data source takes it too. The others say what Spark cannot do, or must not.
    """

    name: str
    help: str
    metavar: str = ""
    letter: str = ""
    parse: Callable[[str], Any] = str
    expected: str = ""
    variable: str = ""
    brief: str = ""
    in_spark: bool = False

    @property
    def flags(self) -> tuple[str, ...]:
        """The spellings on a command line, such as `-w` and `--workspace`."""
        long = "--" + self.name.replace("_", "-")
        return (f"-{self.letter}", long) if self.letter else (long,)

    def read(self, text: str) -> Any:
        """Return the value of a text. Raises ValueError with a message that quotes the text."""
        try:
            return self.parse(text)
        except ValueError:
            raise ValueError(f"invalid {self.name}: {text!r}; expected {self.expected}") from None

    @property
    def default(self) -> Any:
        """The value where none is given."""
        return getattr(DEFAULTS, self.name)


# `token` and `auth` are missing on purpose: command lines, URLs and notebooks end up in logs and histories.
OPTIONS = {
    option.name: option
    for option in (
        Option(
            "workspace",
            "the deployment_name where a statement names none, or the workspace's URL",
            "NAME",
            letter="w",
            brief="the default deployment_name, or a workspace's URL",
        ),
        Option(
            "profile",
            "a profile of ~/.databrickscfg: use its workspace, and only its credential",
            "PROFILE",
            letter="p",
            variable="DATABRICKS_CONFIG_PROFILE",
            brief="a profile of ~/.databrickscfg, and only that",
            in_spark=True,
        ),
        Option(
            "sandbox",
            "an emulated workspace in this process, nothing real",
            parse=_parse_boolean,
            expected="true or false",
        ),
        Option(
            "endpoint",
            "addresses of workspaces, such as https://{deployment_name}.example.com, or http on loopback",
            "TEMPLATE",
            variable="TOKENSH_ENDPOINT",
            brief="other addresses of workspaces than Databricks' own",
            in_spark=True,
        ),
        Option(
            "partial",
            "rows of the workspaces that answer; exit status 1 if one does not answer",
            brief="accept that a workspace does not answer (status 1)",
            parse=_parse_boolean,
            expected="true or false",
        ),
        Option(
            "timeout",
            f"seconds for a request ({limits.REQUEST_TIMEOUT:.0f}, {limits.CREATE_TIMEOUT:.0f} for a create)",
            "S",
            parse=_parse_seconds,
            expected=f"seconds, more than 0 and at most {limits.MAX_TIMEOUT:.0f}",
            in_spark=True,
        ),
        Option(
            "max_connections",
            f"requests at a time, 1 to {limits.MAX_CONNECTIONS} ({limits.CONNECTIONS})",
            "N",
            parse=_parse_connections,
            expected=f"1 to {limits.MAX_CONNECTIONS}",
            in_spark=True,
        ),
        Option(
            "write_connections",
            f"revokes of one DELETE at a time in each workspace, 1 to {limits.MAX_CONNECTIONS} ({limits.WRITE_CONNECTIONS})",
            "N",
            brief=f"revokes at a time of one DELETE in a workspace ({limits.WRITE_CONNECTIONS})",
            parse=_parse_connections,
            expected=f"1 to {limits.MAX_CONNECTIONS}",
        ),
        Option(
            "max_reply",
            f"bytes that a response may have, such as 64M ({limits.RESPONSE_SIZE >> 20}M)",
            "SIZE",
            parse=_parse_size,
            expected="bytes, such as 64M",
        ),
        Option(
            "max_pages",
            f"pages that are read of one list ({limits.PAGES}); more are an error",
            "N",
            brief=f"pages that are read of one list ({limits.PAGES})",
            parse=_parse_pages,
            expected=f"a number from 1 to {limits.MAX_PAGES}",
            in_spark=True,
        ),
        Option(
            "log",
            "add a line for each request to a file: what, where, how long; no secrets",
            "FILE",
            brief="add a line for each request to a file; no secrets",
        ),
        Option(
            "yes",
            "skip the confirmation for changes that list rows first",
            brief="do not ask before changes that list rows first",
            parse=_parse_boolean,
            expected="true or false",
        ),
        Option(
            "registry",
            "more providers: a folder of StackQL provider documents, or the https address that REGISTRY PULL reads",
            "DIR|URL",
            brief="more providers: a folder or address of documents",
            in_spark=True,
        ),
        Option("store", "where views and local tables are kept", "FILE"),
    )
}
"""The options that are offered as text, by name."""
