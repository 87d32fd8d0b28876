"""Options are checked by name and type, and a secret is refused as an option and never quoted."""

from __future__ import annotations

import pytest

import tests.spark.needs  # noqa: F401 (skips without PySpark)
from tokensh import sandbox
from tokensh._dataclasses import fields
from tokensh.dbapi.options import OPTIONS
from tokensh.errors import InterfaceError
from tokensh.spark.options import ReadOptions

SECRETS = [
    sandbox.seed.TOKEN,
    "dose" + "0123456789abcdef" * 2,
    "Bearer abcdefghijklmnop0123",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl",
]
NAMES = ["token_env", "pat", "token", "Authorization", "deployment_name", "query", "profile", "secret_key", "anything"]


def refusal(options: dict[str, str]) -> InterfaceError:
    with pytest.raises(InterfaceError) as caught:
        ReadOptions.parse(options)
    return caught.value


@pytest.mark.parametrize("secret", SECRETS, ids=["token", "oauth secret", "bearer", "web token"])
@pytest.mark.parametrize("name", NAMES)
def test_a_literal_secret_is_refused_under_whatever_name_and_not_told_again(name: str, secret: str) -> None:
    error = refusal({name: secret})
    assert "holds a secret, and Spark" in error.message
    assert "token_env names an environment variable" in str(error.hint)
    assert secret not in f"{error.message} {error.hint}"


@pytest.mark.parametrize("name", ["token", "pat", "password", "access_token", "client_secret"])
def test_a_secret_without_a_known_shape_has_no_option_to_be_in(name: str) -> None:
    error = refusal({name: "hunter2-hunter2"})
    assert error.message == f"unknown option '{name}'"
    assert str(error.hint).startswith("a secret is never an option: name what holds it")
    assert "hunter2" not in f"{error.message} {error.hint}"


def test_token_env_is_a_name() -> None:
    error = refusal({"token_env": "hunter2-hunter2"})
    assert (
        error.message
        == "invalid value of option token_env; expected the name of an environment variable, not its value"
    )


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"deploymentname": "a"}, "unknown option 'deploymentname'", "did you mean 'deployment_name'?"),
        (
            {"provider": "tokensh", "path": "spark-warehouse/t"},
            "unknown option 'provider'",
            "load() takes no path, and a table of the catalog forgets options: CREATE TEMPORARY VIEW ... USING tokensh",
        ),
        ({"query": "SELECT 1", "resource": "user_tokens"}, "options query and resource exclude each other", None),
        ({"resource": "user_tokens WHERE 1"}, "invalid value of option resource; expected a name such as", None),
        ({"secret_scope": "a"}, "options secret_scope and secret_key go together", "give both"),
        ({"profile": "a", "token_env": "B"}, "options profile, token_env and secret_scope exclude each other", None),
        (
            {"workspaces_per_partition": "0"},
            "invalid value of option workspaces_per_partition; expected a whole number above 0",
            None,
        ),
        (
            {"workspaces_per_partition": "many"},
            "invalid value of option workspaces_per_partition; expected a whole number above 0",
            None,
        ),
        ({"pushdown": "yes"}, "invalid value of option pushdown; expected true or false", None),
        ({"timeout": "-1"}, "invalid value of option timeout; expected seconds, more than 0", None),
        ({"errors": "ignore"}, "invalid value of option errors; expected fail or rows", None),
        ({"profile": " "}, "invalid value of option profile; expected a text that is not empty", None),
    ],
)
def test_what_is_wrong_is_said(options: dict[str, str], message: str, hint: str | None) -> None:
    error = refusal(options)
    assert error.message.startswith(message)
    assert hint is None or error.hint == hint


def test_options_have_the_types_of_their_defaults_and_no_case() -> None:
    made = ReadOptions.parse(
        {"Timeout": "2.5", "PUSHDOWN": "True", "errors": "ROWS", "workspaces_per_partition": "100"}
    )
    assert (made.timeout, made.pushdown, made.errors, made.workspaces_per_partition) == (2.5, True, "rows", 100)


def test_the_options_of_a_connection_that_are_marked_for_spark_are_offered() -> None:
    assert {field.name for field in fields(ReadOptions)} & set(OPTIONS) == {
        name for name, option in OPTIONS.items() if option.in_spark
    }
