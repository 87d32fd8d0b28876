"""Options of a connection are stated once: `connect` and the command line offer those of the table, with its defaults.

Notebooks, URLs and Spark have the same test in tests/interfaces and tests/spark.
"""

from __future__ import annotations

import inspect
import re

import pytest

import tokensh
from tests.cases import each_case
from tests.support import ROOT
from tokensh.api import limits
from tokensh.api.client import Client
from tokensh.cli.arguments import build_parser, format_help
from tokensh.dbapi.options import DEFAULTS, OPTIONS, ConnectionOptions

NOT_TEXT = {"environment", "callbacks", "hosts"}
"""Options whose values are objects."""
CREDENTIALS = {"token", "auth"}
"""Options that command lines and URLs must not hold; `tokensh exec` takes `--auth`, which names where a credential is."""


def test_every_option_is_in_the_table_but_objects_and_credentials() -> None:
    names = {parameter.name for parameter in inspect.signature(ConnectionOptions).parameters.values()}
    assert names - NOT_TEXT - CREDENTIALS == set(OPTIONS)


def test_connect_takes_every_option_by_keyword_with_its_default() -> None:
    parameters = inspect.signature(tokensh.connect).parameters
    assert {name: parameter.default for name, parameter in parameters.items() if name in OPTIONS} == {
        name: option.default for name, option in OPTIONS.items()
    }
    assert {parameter.kind for parameter in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert all(f"    {name}: " in str(tokensh.connect.__doc__) for name in parameters)


def test_the_command_line_offers_every_option_with_its_default() -> None:
    parsed = vars(build_parser("").parse_args([]))
    for name, option in OPTIONS.items():
        assert parsed[name] == option.default
        assert ", ".join(option.flags) in format_help()


def test_the_command_line_reads_values_as_the_table_does() -> None:
    parsed = build_parser("").parse_args(
        ["--max-reply", "64M", "--timeout", "2.5", "--max-connections", "3", "--partial"]
    )
    assert (parsed.max_reply, parsed.timeout, parsed.max_connections, parsed.partial) == (64 * 2**20, 2.5, 3, True)


def test_the_defaults_of_the_client_are_those_of_the_table() -> None:
    parameters = inspect.signature(Client).parameters
    assert parameters["max_connections"].default == DEFAULTS.max_connections == limits.CONNECTIONS
    assert parameters["max_reply"].default == DEFAULTS.max_reply == limits.RESPONSE_SIZE
    assert parameters["timeout"].default == limits.REQUEST_TIMEOUT


def test_none_stands_for_the_default_of_max_reply() -> None:
    with tokensh.connect(sandbox=True, max_reply=None) as connection:
        assert list(connection.cursor().execute("SELECT count(*) > 0 FROM user_tokens")) == [(1,)]


def test_the_manual_states_the_default_of_connections_wherever_it_does() -> None:
    text = "".join(path.read_text("utf-8") for path in (ROOT / "tokensh" / "manual").glob("*.md"))
    assert set(re.findall(r"`--max-connections`\W+(\d+)", text)) == {str(limits.CONNECTIONS)}


@each_case(
    ("name", "text", "message"),
    [
        ("timeout", "0", "invalid timeout: '0'; expected seconds, more than 0 and at most 86400"),
        ("timeout", "soon", "invalid timeout: 'soon'"),
        ("max_connections", "65", "invalid max_connections: '65'; expected 1 to 64"),
        ("max_connections", "-1", "invalid max_connections: '-1'"),
        ("max_reply", "64X", "invalid max_reply: '64X'; expected bytes, such as 64M"),
        ("max_reply", "0", "invalid max_reply: '0'"),
        ("max_pages", "0", "invalid max_pages: '0'; expected a number from 1 to 1000000"),
        ("yes", "maybe", "invalid yes: 'maybe'; expected true or false"),
    ],
)
def test_a_wrong_text_is_refused_with_what_is_expected(name: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match="invalid") as caught:
        OPTIONS[name].read(text)
    assert str(caught.value).startswith(message)
