"""Expressions of every kind, as hypothesis makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tokensh.sql import nodes as n

TEXTS = st.text(max_size=8) | st.sampled_from(["it's", 'a "b"', "`", "--", "/*", ";", "\\", "{{ x }}", "select", "\n"])
NAMES = st.builds(n.Name, TEXTS)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(tuple)
NUMBERS = st.sampled_from(["0", "1", "12.5", ".5", "1.", "1e9", "2E-3", "0xFF", "9223372036854775808"])

LEAVES: st.SearchStrategy[n.Expr] = st.one_of(
    st.builds(n.Literal, st.just("string"), TEXTS),
    st.builds(n.Literal, st.just("number"), NUMBERS),
    st.builds(n.Literal, st.just("blob"), st.sampled_from(["x''", "X'0aFF'", "b'0101'"])),
    st.builds(n.Literal, st.sampled_from(["null", "true", "false"])),
    st.builds(n.Literal, st.just("current"), st.sampled_from(["CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"])),
    st.builds(n.ColumnRef, PATHS),
    st.builds(n.Placeholder, st.sampled_from(["x", "deployment_name"])),
    st.builds(n.Variable, st.sampled_from(["?", ":x"])),
)
OPERATORS = ["=", "!=", "<", "<=", ">", ">=", "|", "&", "<<", ">>", "+", "-", "*", "/", "%", "||", "->", "->>"]
TYPES = ["INTEGER", "TEXT", "VARCHAR(20)", "DECIMAL(10, 2)", "UNSIGNED INTEGER", "SIGNED"]

Exprs = st.SearchStrategy[n.Expr]


def _logical(operator: Any, operands: list[n.Expr]) -> n.Logical:
    """A chain as the parser makes it: what continues to the left is one chain."""
    first, *rest = operands
    if isinstance(first, n.Logical) and first.operator == operator:
        return n.Logical(operator, (*first.operands, *rest))
    return n.Logical(operator, (first, *rest))


def _in_list(operand: n.Expr, items: list[n.Expr], negated: bool) -> n.Expr:
    """A list; a subquery alone in one is the query itself."""
    if len(items) == 1 and isinstance(items[0], n.Subquery):
        return n.InQuery(operand, items[0].query, negated)
    return n.InList(operand, tuple(items), negated)


def _frames(inner: Exprs) -> st.SearchStrategy[n.Frame]:
    bounds = st.one_of(
        st.builds(n.FrameBound, st.sampled_from(["UNBOUNDED PRECEDING", "CURRENT ROW", "UNBOUNDED FOLLOWING"])),
        st.builds(n.FrameBound, st.sampled_from(["PRECEDING", "FOLLOWING"]), inner),
    )
    excluded = st.sampled_from([None, "EXCLUDE NO OTHERS", "EXCLUDE CURRENT ROW", "EXCLUDE GROUP", "EXCLUDE TIES"])
    return st.builds(n.Frame, st.sampled_from(["ROWS", "RANGE", "GROUPS"]), bounds, st.none() | bounds, excluded)


def _calls(inner: Exprs) -> Exprs:
    few = st.lists(inner, min_size=1, max_size=3).map(tuple)
    orders = st.lists(
        st.builds(n.OrderItem, inner, st.sampled_from([None, "ASC", "DESC"]), st.sampled_from([None, "FIRST", "LAST"])),
        max_size=2,
    ).map(tuple)
    windows = st.builds(n.Window, st.none() | NAMES, st.just(()) | few, orders, st.none() | _frames(inner))
    over = st.none() | NAMES | windows
    return st.one_of(
        st.builds(n.Call, PATHS, st.just(()) | few, over=over),
        st.builds(n.Call, PATHS, star=st.just(True), filter=st.none() | inner, over=over),
        st.builds(
            n.Call, PATHS, few, st.booleans(), st.just(False), orders, st.none() | TEXTS, st.none() | inner, over
        ),
    )


def _queries(inner: Exprs) -> st.SearchStrategy[n.Query]:
    items = st.lists(st.builds(n.Item, inner, st.none() | NAMES), min_size=1, max_size=2).map(tuple)
    source = st.none() | st.builds(n.TableRef, PATHS, st.none() | NAMES)
    return st.builds(n.Query, st.builds(n.Select, items, source, st.none() | inner, distinct=st.booleans()))


def _larger(inner: Exprs) -> Exprs:
    query = _queries(inner)
    negated = st.booleans()
    arms = st.lists(st.builds(n.When, inner, inner), min_size=1, max_size=2).map(tuple)
    many: Callable[[int], st.SearchStrategy[list[n.Expr]]] = lambda least: st.lists(inner, min_size=least, max_size=3)  # noqa: E731 (a name for three uses)
    return st.one_of(
        st.builds(n.Unary, st.sampled_from(["-", "+", "~", "NOT"]), inner),
        st.builds(n.Binary, st.sampled_from(OPERATORS), inner, inner),
        st.builds(_logical, st.sampled_from(["AND", "OR"]), many(2)),
        st.builds(n.Between, inner, inner, inner, negated),
        st.builds(_in_list, inner, many(0), negated),
        st.builds(n.InQuery, inner, query, negated),
        st.builds(
            n.Match, st.sampled_from(["LIKE", "GLOB", "REGEXP", "MATCH"]), inner, inner, st.none() | inner, negated
        ),
        st.builds(n.Is, inner, inner, negated, st.booleans()),
        st.builds(n.Exists, query),
        st.builds(n.Subquery, query),
        st.builds(n.RowExpr, many(2).map(tuple)),
        st.builds(n.Case, st.none() | inner, arms, st.none() | inner),
        st.builds(n.Cast, inner, st.sampled_from(TYPES)),
        st.builds(n.Collate, inner, NAMES),
        st.builds(n.Interval, inner, NAMES),
        _calls(inner),
    )


EXPRESSIONS: Exprs = st.recursive(LEAVES, _larger, max_leaves=12)
