"""Hypothesis strategies for expressions of every kind."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tokensh.sql import nodes

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8) | st.sampled_from(
    ["it's", 'a "b"', "`", "--", "/*", ";", "\\", "{{ x }}", "select", "\n"]
)
NAMES = st.builds(nodes.Name, TEXTS)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(tuple)
NUMBERS = st.sampled_from(["0", "1", "12.5", ".5", "1.", "1e9", "2E-3", "0xFF", "9223372036854775808"])

LEAVES: st.SearchStrategy[nodes.Expr] = st.one_of(
    st.builds(nodes.Literal, st.just("string"), TEXTS),
    st.builds(nodes.Literal, st.just("number"), NUMBERS),
    st.builds(nodes.Literal, st.just("blob"), st.sampled_from(["x''", "X'0aFF'", "b'0101'"])),
    st.builds(nodes.Literal, st.sampled_from(["null", "true", "false"])),
    st.builds(
        nodes.Literal, st.just("current"), st.sampled_from(["CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"])
    ),
    st.builds(nodes.ColumnRef, PATHS),
    st.builds(nodes.Placeholder, st.sampled_from(["x", "deployment_name"])),
    st.builds(nodes.Variable, st.sampled_from(["?", ":x"])),
)
OPERATORS = ["=", "!=", "<", "<=", ">", ">=", "|", "&", "<<", ">>", "+", "-", "*", "/", "%", "||", "->", "->>"]
AMOUNTS = st.sampled_from([nodes.Literal("number", "3"), nodes.Literal("string", "-1")])
TYPES = ["INTEGER", "TEXT", "VARCHAR(20)", "DECIMAL(10, 2)", "UNSIGNED INTEGER", "SIGNED"]

Exprs = st.SearchStrategy[nodes.Expr]


def _is_no_literal(tree: nodes.Expr) -> bool:
    return not isinstance(tree, nodes.Literal)


def _make_chain(operator: Any, operands: list[nodes.Expr]) -> nodes.Logical:
    """Return a chain as the parser builds it: a chain on the left is continued."""
    first, *rest = operands
    if isinstance(first, nodes.Logical) and first.operator == operator:
        return nodes.Logical(operator, (*first.operands, *rest))
    return nodes.Logical(operator, (first, *rest))


def _make_in_list(operand: nodes.Expr, items: list[nodes.Expr], negated: bool) -> nodes.Expr:
    """Return a list; a subquery alone in a list is a query."""
    if len(items) == 1 and isinstance(items[0], nodes.Subquery):
        return nodes.InQuery(operand, items[0].query, negated)
    return nodes.InList(operand, tuple(items), negated)


def _frame_strategy(inner: Exprs) -> st.SearchStrategy[nodes.Frame]:
    bounds = st.one_of(
        st.builds(nodes.FrameBound, st.sampled_from(["UNBOUNDED PRECEDING", "CURRENT ROW", "UNBOUNDED FOLLOWING"])),
        st.builds(nodes.FrameBound, st.sampled_from(["PRECEDING", "FOLLOWING"]), inner),
    )
    excluded = st.sampled_from([None, "EXCLUDE NO OTHERS", "EXCLUDE CURRENT ROW", "EXCLUDE GROUP", "EXCLUDE TIES"])
    return st.builds(nodes.Frame, st.sampled_from(["ROWS", "RANGE", "GROUPS"]), bounds, st.none() | bounds, excluded)


def _call_strategy(inner: Exprs) -> Exprs:
    few = st.lists(inner, min_size=1, max_size=3).map(tuple)
    orders = st.lists(
        st.builds(
            nodes.OrderItem, inner, st.sampled_from([None, "ASC", "DESC"]), st.sampled_from([None, "FIRST", "LAST"])
        ),
        max_size=2,
    ).map(tuple)
    windows = st.builds(nodes.Window, st.none() | NAMES, st.just(()) | few, orders, st.none() | _frame_strategy(inner))
    over = st.none() | NAMES | windows
    return st.one_of(
        st.builds(nodes.Call, PATHS, st.just(()) | few, over=over),
        st.builds(nodes.Call, PATHS, star=st.just(True), filter=st.none() | inner, over=over),
        st.builds(
            nodes.Call, PATHS, few, st.booleans(), st.just(False), orders, st.none() | TEXTS, st.none() | inner, over
        ),
    )


def _query_strategy(inner: Exprs) -> st.SearchStrategy[nodes.Query]:
    items = st.lists(st.builds(nodes.Item, inner, st.none() | NAMES), min_size=1, max_size=2).map(tuple)
    source = st.none() | st.builds(nodes.TableRef, PATHS, st.none() | NAMES)
    return st.builds(nodes.Query, st.builds(nodes.Select, items, source, st.none() | inner, distinct=st.booleans()))


def _compose(inner: Exprs) -> Exprs:
    query = _query_strategy(inner)
    negated = st.booleans()
    arms = st.lists(st.builds(nodes.When, inner, inner), min_size=1, max_size=2).map(tuple)

    def many(least: int) -> st.SearchStrategy[list[nodes.Expr]]:
        return st.lists(inner, min_size=least, max_size=3)

    return st.one_of(
        st.builds(nodes.Unary, st.sampled_from(["-", "+", "~", "NOT"]), inner),
        st.builds(nodes.Binary, st.sampled_from(OPERATORS), inner, inner),
        st.builds(_make_chain, st.sampled_from(["AND", "OR"]), many(2)),
        st.builds(nodes.Between, inner, inner, inner, negated),
        st.builds(_make_in_list, inner, many(0), negated),
        st.builds(nodes.InQuery, inner, query, negated),
        st.builds(
            nodes.Match, st.sampled_from(["LIKE", "GLOB", "REGEXP", "MATCH"]), inner, inner, st.none() | inner, negated
        ),
        st.builds(nodes.Is, inner, inner, negated, st.booleans()),
        st.builds(nodes.Exists, query),
        st.builds(nodes.Subquery, query),
        st.builds(nodes.RowExpr, many(2).map(tuple)),
        st.builds(nodes.Case, st.none() | inner, arms, st.none() | inner),
        st.builds(nodes.Cast, inner, st.sampled_from(TYPES)),
        st.builds(nodes.Collate, inner, NAMES),
        st.builds(nodes.Interval, inner.filter(_is_no_literal) | AMOUNTS, st.sampled_from(["DAY", "MONTHS"])),
        st.builds(nodes.Interval, st.just(nodes.Literal("string", "1 day 2 hours"))),
        _call_strategy(inner),
    )


EXPRESSIONS: Exprs = st.recursive(LEAVES, _compose, max_leaves=12)
