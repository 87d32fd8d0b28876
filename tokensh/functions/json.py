"""Functions on JSON that SQLite lacks: comparison of documents, and values below a path of keys."""

from __future__ import annotations

import json

from tokensh.errors import DataError
from tokensh.functions.declaration import FunctionTable
from tokensh.functions.text import text_of
from tokensh.rows import Value

FUNCTIONS = FunctionTable()


@FUNCTIONS.implement(
    "json_equal(a: json, b: json) -> boolean | whether two JSON texts say the same, whatever the order of their keys"
)
def _are_equal(left: Value, right: Value) -> Value:
    if left is None or right is None:
        return None
    try:
        return int(bool(_mark_booleans(json.loads(text_of(left))) == _mark_booleans(json.loads(text_of(right)))))
    except (ValueError, RecursionError):
        return 0  # what is not JSON equals nothing, not even itself


def _mark_booleans(value: object) -> object:
    """Return a JSON value in which true differs from 1, which Python takes for equal."""
    match value:
        case bool():
            return (value,)
        case dict():
            return {key: _mark_booleans(member) for key, member in value.items()}
        case list():
            return [_mark_booleans(member) for member in value]
        case _:
            return value


@FUNCTIONS.implement("aws_policy_equal(a: json, b: json) -> boolean | whether two AWS policies say the same")
def _are_equal_policies(left: Value, right: Value) -> Value:
    if left is None or right is None:
        return None
    try:
        return int(_normalize_policy(json.loads(text_of(left))) == _normalize_policy(json.loads(text_of(right))))
    except (ValueError, RecursionError):
        return 0


def _normalize_policy(value: object) -> object:
    """Return a policy without what AWS ignores: the order and repetition in lists, and lists around one value."""
    match value:
        case dict():
            return frozenset((key, _normalize_policy(member)) for key, member in value.items())
        case list():
            # AWS treats a statement's "Action": "x" and "Action": ["x"] alike, and the order of actions does not matter.
            members = frozenset(_normalize_policy(member) for member in value)
            return next(iter(members)) if len(members) == 1 else members
        case _:
            return _mark_booleans(value)


@FUNCTIONS.implement("json_extract_path_text(json: json, key: any, ...) -> json | the value below keys, as text")
def _extract_text(document: Value, *keys: Value) -> Value:
    if document is None:
        return None
    try:
        value = json.loads(text_of(document))
    except (ValueError, RecursionError) as error:
        raise DataError(f"malformed JSON: {error}") from None
    for key in keys:
        try:
            value = value[int(text_of(key))] if isinstance(value, list) else value[text_of(key)]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    # As PostgreSQL's: a string without its quotes, everything else as JSON text.
    return value if isinstance(value, str) or value is None else json.dumps(value)
