"""Statements about the connection itself, which PostgreSQL's clients send: SET, SHOW, BEGIN, `SELECT version()` and the like."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tokensh import __version__
from tokensh._dataclasses import dataclass
from tokensh.integrations.pgwire.values import BOOL, INT8, TEXT
from tokensh.rows import Value

SERVER_VERSION = "16.0"
"""The PostgreSQL whose catalog and functions clients can expect."""
VERSION = f"PostgreSQL {SERVER_VERSION} (tokensh {__version__})"


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a statement: a command's tag, and for one with a result its columns and one row.

    `transaction` is the status that the statement leaves: `I` outside of a transaction, `T` inside; None: as it was.
    """

    tag: str
    columns: tuple[tuple[str, int], ...] = ()
    row: tuple[Value, ...] = ()
    transaction: str | None = None
    notice: str = ""


class Settings:
    """The settings of one connection, which SET changes and SHOW shows; they change nothing else."""

    def __init__(self, startup: Mapping[str, str]) -> None:
        self.user = startup.get("user", "")
        self.database = startup.get("database") or self.user
        self._values = {
            "server_version": SERVER_VERSION,
            "server_version_num": "160000",
            "server_encoding": "UTF8",
            "client_encoding": "UTF8",
            "application_name": startup.get("application_name", ""),
            "is_superuser": "off",
            "session_authorization": self.user,
            "datestyle": "ISO, MDY",
            "intervalstyle": "postgres",
            "timezone": "UTC",
            "integer_datetimes": "on",
            "standard_conforming_strings": "on",
            "default_transaction_read_only": "off",
            "in_hot_standby": "off",
            "search_path": "workspace",
            "transaction_isolation": "read committed",
            "default_transaction_isolation": "read committed",
            "max_identifier_length": "63",
            "extra_float_digits": "1",
            "statement_timeout": "0",
        }

    REPORTED = (
        "server_version", "server_encoding", "client_encoding", "application_name", "is_superuser",
        "session_authorization", "DateStyle", "IntervalStyle", "TimeZone", "integer_datetimes",
        "standard_conforming_strings", "default_transaction_read_only", "in_hot_standby",
    )  # fmt: skip
    """Those that a server reports at the start and whenever they change."""

    def get(self, name: str) -> str:
        """Return a setting, empty if it has never been set."""
        return self._values.get(name.lower(), "")

    def list_all(self) -> list[tuple[str, str]]:
        """Return the names and values of all settings."""
        return sorted(self._values.items())

    def set(self, name: str, value: str) -> None:
        """Change a setting; what a client sends stays UTF-8."""
        if name.lower() not in (
            "client_encoding",
            "server_version",
            "server_version_num",
            "standard_conforming_strings",
        ):
            self._values[name.lower()] = value


_SPACE = re.compile(r"(?s)\s+|--[^\n]*\n|/\*(?:[^*]|\*(?!/))*\*/")
_SET = re.compile(
    r"(?is)SET\s+(?:SESSION\s+|LOCAL\s+)?(?P<name>[\w.]+|TIME\s+ZONE)\s*(?:=|\s+TO\s+|\s)\s*(?P<value>.+)"
)
_SHOW = re.compile(r"(?is)SHOW\s+(?P<name>[\w.]+|transaction\s+isolation\s+level|time\s+zone)")
_QUIET = re.compile(
    r"(?is)(?P<tag>DISCARD\s+ALL|DEALLOCATE(?:\s+PREPARE)?|CLOSE|UNLISTEN|LISTEN|RESET|SAVEPOINT|RELEASE)\b.*"
)
_TRANSACTION = re.compile(
    r"(?is)(?P<verb>BEGIN|START\s+TRANSACTION|COMMIT|END|ROLLBACK|ABORT)\b(?P<rest>(?:\s+TO\b)?)[\w\s,]*"
)
_CALL = re.compile(
    r"(?is)SELECT\s+(?:pg_catalog\s*\.\s*)?(?P<name>\w+)\s*(?:\((?P<arguments>[^()]*)\))?(?:\s+AS\s+\"?(?P<alias>\w+)\"?)?"
)
_SHELL_SHOWS = ("resources", "services", "providers", "methods", "functions", "tables", "views", "extensions", "all")


def strip_statement(text: str) -> str:
    """Return a statement without the comments before it and the `;` behind it."""
    position = 0
    while found := _SPACE.match(text, position):
        position = found.end()
    return text[position:].strip().rstrip(";").strip()


def answer_utility(text: str, settings: Settings, status: str, *, wrote: bool) -> Reply | None:
    """Return the reply to a statement about the connection; None for every other one.

    Args:
        text: what `strip_statement` returned.
        settings: the connection's.
        status: the transaction's: `I`, `T`, or `E` after an error.
        wrote: whether something was changed since BEGIN.
    """
    if match := _TRANSACTION.fullmatch(text):
        return _control_transaction(match, status, wrote=wrote)
    if match := _QUIET.fullmatch(text):
        return Reply(" ".join(match["tag"].upper().split()))
    if match := _SET.fullmatch(text):
        name = re.sub(r"(?i)time\s+zone", "timezone", match["name"])
        settings.set(name, match["value"].strip().strip("'\""))
        return Reply("SET")
    if (match := _SHOW.fullmatch(text)) and match["name"].lower() not in _SHELL_SHOWS:
        name = {"transaction isolation level": "transaction_isolation", "time zone": "timezone"}.get(
            " ".join(match["name"].lower().split()), match["name"].lower()
        )
        return Reply("SHOW", ((name, TEXT),), (settings.get(name),))
    if match := _CALL.fullmatch(text):
        return _call(match, settings)
    return None


def _control_transaction(match: re.Match[str], status: str, *, wrote: bool) -> Reply:
    verb = match["verb"].upper().split()[0]
    notice = "what was changed in this transaction stays changed: the API has no transactions" if wrote else ""
    if match["rest"]:
        return Reply("ROLLBACK", transaction="T" if status != "I" else None, notice=notice)
    if verb in ("BEGIN", "START"):
        return Reply("BEGIN" if verb == "BEGIN" else "START TRANSACTION", transaction="T")
    if verb in ("COMMIT", "END") and status != "E":
        return Reply("COMMIT", transaction="I")
    return Reply("ROLLBACK", transaction="I", notice=notice)


def _call(match: re.Match[str], settings: Settings) -> Reply | None:
    name = match["name"].lower()
    arguments = re.findall(r"'((?:[^']|'')*)'", match["arguments"] or "")
    values: dict[str, tuple[int, Value]] = {
        "version": (TEXT, VERSION),
        "current_schema": (TEXT, "workspace"),
        "current_database": (TEXT, settings.database),
        "current_catalog": (TEXT, settings.database),
        "current_user": (TEXT, settings.user),
        "session_user": (TEXT, settings.user),
        "user": (TEXT, settings.user),
        "pg_backend_pid": (INT8, 0),
        "pg_is_in_recovery": (BOOL, 0),
        "pg_advisory_unlock_all": (TEXT, ""),
        "txid_current": (INT8, 1),
    }
    if name == "set_config" and len(arguments) >= 2:
        settings.set(arguments[0], arguments[1])
        values[name] = TEXT, arguments[1]
    if name == "current_setting" and arguments:
        values[name] = TEXT, settings.get(arguments[0])
    is_word = match["arguments"] is None
    words = ("current_catalog", "current_user", "session_user", "user", "current_schema")
    if name not in values or (is_word and name not in words):
        return None
    type_number, value = values[name]
    return Reply("SELECT 1", ((match["alias"] or name, type_number),), (value,))
