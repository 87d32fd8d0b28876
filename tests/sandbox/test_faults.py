"""A fault hits exactly the requests that it describes, and spoils their replies as it says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cases import each_case
from tokensh.sandbox.faults import Fault, Faults, HangUp, parse_fault
from tokensh.sandbox.http import RefusedError, Reply, Request, json_reply


def request(method: str = "GET", target: str = "/w/dbc-1/api/2.0/token/list?x=1") -> Request:
    return Request.parse(method, target, {}, b"", "id")


class Handler:
    """Counts its effects."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def handle(self) -> Reply:
        self.events.append("effect")
        return json_reply({"true": 1}, headers={"A": "own"})

    def play(self, fault: Fault) -> Reply | HangUp:
        return fault.apply(self.handle, self.events.append)


@each_case(
    ("pattern", "hit"),
    [
        ("*", True),
        ("GET *", True),
        ("POST *", False),
        ("*/token/list", True),
        ("GET /api/2.0/token/list", True),
        ("/api/2.0/token/list", True),
        ("GET /w/dbc-1/*", True),
        ("GET /w/dbc-2/*", False),
        ("*/token", False),
    ],
)
def test_patterns(pattern: str, hit: bool) -> None:
    faults = Faults()
    faults.add(Fault(pattern))
    assert (faults.take(request()) is not None) is hit


@each_case(
    ("times", "skip", "hits"),
    [(1, 0, [True, False, False]), (2, 1, [False, True, True]), (None, 1, [False, True, True]), (0, 0, [False] * 3)],
)
def test_a_rule_skips_then_hits_so_many_times(times: int | None, skip: int, hits: list[bool]) -> None:
    faults = Faults()
    rule = Fault("*", times=times, skip=skip)
    faults.add(rule)
    assert [faults.take(request()) is rule for _ in range(3)] == hits
    assert rule.hits == sum(hits)


def test_the_first_rule_that_still_applies_has_the_request() -> None:
    faults = Faults()
    rules = [Fault("POST *"), Fault("*"), Fault("*")]
    for rule in rules:
        faults.add(rule)
    assert [faults.take(request()) for _ in range(3)] == [rules[1], rules[2], None]
    faults.clear()
    assert faults.take(request("POST")) is None


@each_case(
    ("rule", "expected"),
    [
        ({"status": 503}, []),
        ({"status": 503, "delay": 2.0}, [2.0]),
        ({"status": 503, "after_handler": True, "delay": 2.0}, ["effect", 2.0]),
        ({"drop": True}, []),
        ({"drop": True, "after_handler": True}, ["effect"]),
        ({"delay": 2.0}, [2.0, "effect"]),
        ({"delay": 2.0, "after_handler": True}, ["effect", 2.0]),
        ({"headers": {"X": "1"}}, ["effect"]),
    ],
)
def test_effect_and_delay_come_in_the_order_the_rule_says(rule: dict[str, Any], expected: list[object]) -> None:
    handler = Handler()
    handler.play(Fault("*", **rule))
    assert [event for event in handler.events if event != 0] == expected


def test_a_delay_leaves_the_true_answer() -> None:
    answer = Handler().play(Fault("*", delay=1, headers={"a2": "b"}))
    assert isinstance(answer, Reply)
    assert (answer.status, json.loads(answer.body)) == (200, {"true": 1})
    assert (answer.headers["A"], answer.headers["a2"]) == ("own", "b")


@pytest.mark.parametrize(("rule", "reset"), [({"drop": True}, True), ({"close": True}, False)])
def test_hanging_up(rule: dict[str, Any], reset: bool) -> None:
    assert Handler().play(Fault("*", **rule)) == HangUp(reset)


@each_case(
    ("rule", "status", "body"),
    [
        ({"status": 429}, 429, b'"error_code": "REQUEST_LIMIT_EXCEEDED"'),
        ({"status": 418}, 418, b'"error_code": "HTTP_418"'),
        ({"status": 302, "body": ""}, 302, b""),
        ({"body": "<html>"}, 200, b"<html>"),
        ({"body": b"\x1f\x8b"}, 200, b"\x1f\x8b"),
        ({"body": {"a": 1}, "status": 500}, 500, b'{"a": 1}'),
    ],
)
def test_an_own_answer(rule: dict[str, Any], status: int, body: bytes) -> None:
    answer = Handler().play(Fault("*", **rule))
    assert isinstance(answer, Reply)
    assert answer.status == status
    assert body in answer.body
    assert body or not answer.body


def test_a_rule_may_come_as_json() -> None:
    rule = parse_fault(
        {"pattern": "GET *", "status": "503", "times": None, "drop": False, "delay": 1, "headers": {"A": "b"}}
    )
    assert rule == Fault("GET *", status=503, times=None, delay=1.0, headers={"A": "b"})
    assert parse_fault({"pattern": "*"}).times == 1


@each_case(
    "fields",
    [
        {},
        {"pattern": 1},
        {"pattern": "*", "unknown": 1},
        {"pattern": "*", "hits": 1},
        {"pattern": "*", "status": "x"},
        {"pattern": "*", "body": 1},
        {"pattern": "*", "headers": {"A": 1}},
        {"pattern": "*", "drop": 1},
        {"pattern": "*", "delay": -1},
        {"pattern": "*", "delay": float("inf")},
        {"pattern": "*", "delay": "1"},
    ],
)
def test_a_bad_rule_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as caught:
        parse_fault(fields)
    assert caught.value.status == 400
