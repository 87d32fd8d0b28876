r"""Every kind of SHOW_KINDS is planned, completed and shown by `\h SHOW`: a kind that one of them forgets fails here."""

from __future__ import annotations

import pytest

from tests.complete.session import texts
from tests.plan.planning import Planner
from tokensh.errors import ProgrammingError
from tokensh.plan.nodes import RowsPlan
from tokensh.provider.show_kinds import SHOW_KINDS, ShowKind
from tokensh.shell.commands.syntax_help import STATEMENTS

KINDS = pytest.mark.parametrize("kind", SHOW_KINDS.values(), ids=list(SHOW_KINDS))
PARENTS = {
    "provider": "databricks_workspace",
    "service": "databricks_workspace.workspace",
    "resource": "user_tokens",
}


@pytest.fixture(scope="module")
def planner() -> Planner:
    return Planner()


def statement(kind: ShowKind, *, extended: bool = False) -> str:
    parent = f" IN {PARENTS[kind.parent]}" if kind.parent else ""
    return f"SHOW {'EXTENDED ' if extended else ''}{kind.name}{parent}"


@KINDS
@pytest.mark.parametrize("extended", [False, True])
def test_the_planner_gives_each_kind_its_columns(kind: ShowKind, extended: bool, planner: Planner) -> None:
    if extended and not kind.extended_columns:
        with pytest.raises(ProgrammingError, match="EXTENDED adds nothing"):
            planner.plan(statement(kind, extended=True))
        return
    plan = planner.plan(statement(kind, extended=extended))
    assert isinstance(plan, RowsPlan)
    assert tuple(column.name for column in plan.rows.columns) == kind.result_columns(extended=extended)
    assert all(len(row) == len(plan.rows.columns) for row in plan.rows.rows)


@KINDS
def test_like_compares_a_column_of_the_result(kind: ShowKind, planner: Planner) -> None:
    plan = planner.plan(f"{statement(kind)} LIKE 'a%'")
    assert isinstance(plan, RowsPlan)
    assert f'"{kind.name_column}" LIKE' in (plan.sql or "")
    assert kind.name_column in kind.columns


@KINDS
def test_completion_offers_each_kind_its_parents_and_its_columns(kind: ShowKind) -> None:
    assert kind.name in texts("SHOW |")
    assert (kind.name in texts("SHOW EXTENDED |")) == bool(kind.extended_columns)
    if kind.parent:
        assert texts(f"SHOW {kind.name} |")[0] == "IN"
        assert PARENTS[kind.parent] in texts(f"SHOW {kind.name} IN |")
    else:
        assert not {"IN", "FROM"} & set(texts(f"SHOW {kind.name} |"))
        assert texts(f"SHOW {kind.name} IN |") == []
    for extended in (False, True):
        columns = kind.result_columns(extended=extended)
        assert tuple(texts(f"{statement(kind, extended=extended)} WHERE |")[: len(columns)]) == columns


@KINDS
def test_the_help_of_show_has_an_example_of_each_kind_that_runs(kind: ShowKind, planner: Planner) -> None:
    assert f"{kind.example};" in STATEMENTS["SHOW"][1]
    planner.plan(kind.example)
