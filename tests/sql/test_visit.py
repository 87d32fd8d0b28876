"""Walks reach every node of a tree, and rewriting changes only what it is asked to change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from hypothesis import given

from tests.shared_parser import shared_parser
from tests.sql import corpus, trees
from tokensh.errors import SqlSyntaxError
from tokensh.sql import nodes
from tokensh.sql.visit import rewrite, walk


def walk_every_field(tree: object) -> Iterator[object]:
    """Yield the nodes that a walk over all fields finds, whatever their annotations say."""
    if type(tree) is tuple:
        for item in tree:
            yield from walk_every_field(item)
    elif is_dataclass(tree) and not isinstance(tree, nodes.Name):
        yield tree
        for field in fields(tree):
            yield from walk_every_field(getattr(tree, field.name))


@given(trees.EXPRESSIONS)
def test_a_walk_finds_every_node_of_an_expression(tree: nodes.Expr) -> None:
    assert list(walk(tree, deep=True)) == list(walk_every_field(tree))


def test_a_walk_finds_every_node_of_the_statements_of_the_corpus() -> None:
    for sample in list(corpus.samples())[::3]:
        try:
            tree = shared_parser().parse(sample.sql)
        except SqlSyntaxError:
            continue
        assert list(walk(tree, deep=True)) == list(walk_every_field(tree)), sample.sql


def test_a_shallow_walk_stops_at_a_query_inside() -> None:
    tree = shared_parser().parse("SELECT a, (SELECT b) FROM t WHERE c IN (SELECT d)")
    assert isinstance(tree, nodes.Query)
    names = [node.name.text for node in walk(tree.body) if isinstance(node, nodes.ColumnRef)]
    assert names == ["a", "c"]


def test_rewriting_replaces_nodes_and_shares_the_rest() -> None:
    tree = shared_parser().parse("SELECT a, upper(b) FROM t WHERE a = 1")
    assert isinstance(tree, nodes.Query)
    assert isinstance(tree.body, nodes.Select)
    changed = rewrite(tree.body, {nodes.Literal: lambda literal: nodes.Literal("string", literal.text)})
    assert changed.where == nodes.Binary("=", nodes.ColumnRef((nodes.Name("a"),)), nodes.Literal("string", "1"))
    assert changed.items is tree.body.items


@given(trees.EXPRESSIONS)
def test_rewriting_nothing_gives_the_same_tree(tree: nodes.Expr) -> None:
    assert rewrite(tree, {}) is tree
