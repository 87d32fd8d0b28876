"""The driver plans a read without sending anything: its workspaces are known, and what Spark SQL can do is left to it."""

from __future__ import annotations

from pathlib import Path

import pytest

import tests.spark.needs  # noqa: F401 (skips without PySpark)
from tokensh.errors import Error
from tokensh.sandbox import Sandbox
from tokensh.spark.options import ReadOptions
from tokensh.spark.planning import ReadPlan, plan_read

LOCAL = "http://127.0.0.1:1/w/{deployment_name}"


def plan(**options: str) -> ReadPlan:
    return plan_read(ReadOptions.parse({"endpoint": LOCAL, **options}))


def refusal(**options: str) -> str:
    with pytest.raises(Error) as caught:
        plan(**options)
    return str(caught.value)


def workspaces(**options: str) -> tuple[str, ...] | None:
    return plan(**options).workspaces


def test_the_option_lists_the_workspaces_each_once() -> None:
    assert workspaces(deployment_name="b, a,b") == ("b", "a")


def test_a_workspaces_url_stands_for_its_name() -> None:
    assert workspaces(deployment_name="https://dbc-a.cloud.databricks.com/?o=1,b") == ("dbc-a", "b")


def test_the_query_may_say_them_itself() -> None:
    query = "SELECT token_id FROM user_tokens WHERE deployment_name IN ('a', lower('B')) OR deployment_name = 'c';"
    assert sorted(workspaces(query=query) or ()) == ["a", "b", "c"]


def test_a_subquery_over_values_says_them() -> None:
    query = "SELECT comment FROM user_tokens WHERE deployment_name IN (SELECT column1 FROM (VALUES ('a'), ('b')))"
    assert workspaces(query=query) == ("a", "b")


def test_a_query_that_does_not_say_them_takes_them_from_the_option() -> None:
    assert workspaces(query="SELECT token_id FROM user_tokens WHERE expiry_time = -1", deployment_name="a,b") == (
        "a",
        "b",
    )


def test_a_filter_may_be_the_one_to_say_them() -> None:
    assert workspaces(pushdown="true") is None


def test_a_pattern_or_a_profile_stands_for_configured_workspaces(home: Path) -> None:
    (home / ".databrickscfg").touch(0o600)
    (home / ".databrickscfg").write_text(
        "[a]\nhost = https://prod-1.cloud.databricks.com\n[b]\nhost = https://prod-2.cloud.databricks.com\n"
        "[c]\nhost = https://test-1.cloud.databricks.com\n"
    )
    try:
        assert workspaces(deployment_name="PROD-*,other") == ("prod-1", "prod-2", "other")
        assert "no configured workspace matches 'stage-*'" in refusal(deployment_name="stage-*")
        assert workspaces(profile="b") == ("prod-2",)
        assert "has no profile 'd'" in refusal(profile="d")
    finally:
        (home / ".databrickscfg").unlink()


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("SELECT count(*) FROM user_tokens", "an aggregate or a window function"),
        ("SELECT (SELECT max(token_id)) FROM user_tokens", "an aggregate or a window function"),
        ("SELECT row_number() OVER (ORDER BY token_id) FROM user_tokens", "an aggregate or a window function"),
        ("SELECT comment FROM user_tokens GROUP BY comment", "GROUP BY"),
        ("SELECT DISTINCT comment FROM user_tokens", "DISTINCT"),
        ("SELECT comment FROM user_tokens ORDER BY comment", "ORDER BY"),
        ("SELECT comment FROM user_tokens LIMIT 3", "LIMIT"),
        ("SELECT comment FROM user_tokens UNION ALL SELECT comment FROM user_tokens", "a set operation or VALUES"),
        ("SELECT a.comment FROM user_tokens a JOIN user_tokens b USING (token_id)", "FROM with anything but"),
        ("SELECT comment FROM (SELECT * FROM user_tokens LIMIT 3)", "FROM with anything but one resource"),
        ("WITH t AS (SELECT * FROM user_tokens LIMIT 3) SELECT * FROM t", "WITH"),
        ("SELECT 1", "FROM with anything but one resource"),
    ],
)
def test_what_is_more_than_a_plain_select_is_left_to_spark(query: str, what: str) -> None:
    message = refusal(query=query, deployment_name="a")
    assert message.startswith(f"{what}")
    assert "is not part of a plain SELECT over one resource" in message
    assert "leave it to Spark SQL" in message


def test_a_second_resource_in_a_subquery_is_left_to_spark() -> None:
    query = "SELECT comment FROM user_tokens WHERE token_id IN (SELECT token_id FROM user_tokens)"
    assert "reads one resource" in refusal(query=query, deployment_name="a")


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO user_tokens(deployment_name, comment) SELECT 'a', 'b'",
        "DELETE FROM user_tokens WHERE deployment_name = 'a'",
        "EXEC user_tokens.revoketoken @deployment_name = 'a' @@json = '{}'",
    ],
)
def test_minting_and_revoking_are_refused_with_the_reason(query: str) -> None:
    message = refusal(query=query)
    assert "Spark only reads tokens: it retries failed tasks" in message
    assert "run it with tokensh itself" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "hint: give option deployment_name, or say it in the query"),
        (
            {"query": "SELECT * FROM user_tokens WHERE deployment_name = 'a'", "deployment_name": "b"},
            "the query and option deployment_name both name workspaces",
        ),
        ({"deployment_name": "a.example.com"}, "is neither one DNS label nor a Databricks host"),
        ({"deployment_name": ","}, "option deployment_name is empty"),
        ({"deployment_name": "a", "query": "SELECT toke_id FROM user_tokens"}, "hint: did you mean 'token_id'?"),
        ({"deployment_name": "a", "query": "SELECT FROM user_tokens"}, "\n       ^^^^"),
        ({"deployment_name": "a", "query": "SELECT '{{ x }}' FROM user_tokens"}, "no value for x"),
        ({"deployment_name": "a", "resource": "user_token"}, "unknown resource 'user_token'"),
        (
            {"deployment_name": "a", "max_connections": "65"},
            "invalid value of option max_connections; expected 1 to 64",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_hint_before_anything_is_sent(options: dict[str, str], message: str) -> None:
    assert message in refusal(**options)


def test_planning_asks_nobody(site: Sandbox) -> None:
    plan_read(ReadOptions.parse({"endpoint": site.endpoint, "deployment_name": "a,b"}))
    assert site.log == []
