"""Bind a statement: the parsed statement and the catalog -> a plan. Pure: nothing is sent.

Every name is resolved, and it is known where each value will come from, so that what is wrong with a statement is reported before
anything happens.
"""

from __future__ import annotations

from tokensh.errors import NotSupportedError, UnknownName, assert_never
from tokensh.plan.names import Names
from tokensh.plan.nodes import ExplainPlan, Plan, RegistryPlan, TransactionPlan
from tokensh.sql import nodes

__all__ = ["Names", "bind"]

# Binding gives every name of a statement its meaning, and every parameter the place that its values come
# from. One `match` in `bind` dispatches on the class of the statement, with `assert_never` at its end: a
# statement that is added to the grammar and not here is an error of mypy, not a surprise at run time.
# Queries (`planner`), writes (`dml`, `inserts`), the store (`ddl`) and what the catalog answers
# (`catalog_statements`) have planners of their own. A query, the statement of most runs, loads only its own.
#
# It is pure because its callers need the plan without the effect: EXPLAIN prints it, and
# Spark plans on the driver what executors fetch. A wrong name in the last line of an INSERT
# must also be reported before the first token is created, because a create cannot be taken back.


def bind(statement: nodes.Statement, names: Names) -> Plan:
    """Return the plan of a statement.

    Raises:
        UnknownName: a name means nothing; the nearest one that would is named.
        MissingParameter: a required parameter's values cannot be worked out.
        ProgrammingError: the statement is wrong in another way.
        NotSupportedError: it is understood, and not offered.
    """
    try:
        return _bind(statement, names)
    except UnknownName as error:
        from tokensh.plan.name_hints import explain_unknown_name  # noqa: PLC0415 (needed only after a mistake)

        raise explain_unknown_name(error, statement, names) from error.__cause__
    except RecursionError:
        # Each query is a few calls deep; SQLite's own limits are wider.
        raise NotSupportedError(
            "the queries of this statement read one another over too many levels",
            hint="CREATE TABLE ... AS SELECT keeps the rows of an inner one",
        ) from None


def _bind(statement: nodes.Statement, names: Names) -> Plan:
    # Views are not looked into: they were checked when they were created.
    # These checks come first, for the whole statement: they need no scope, and no planner has to repeat
    # them.
    if isinstance(statement, nodes.Insert):
        from tokensh.plan.inserts import drop_defaults  # noqa: PLC0415 (a query loads no writes)

        statement = drop_defaults(statement, names)
    if nodes.has_expressions(statement):
        from tokensh.plan.checks import check_statement  # noqa: PLC0415 (SHOW and DESCRIBE do without)

        check_statement(statement, names.functions)
    match statement:
        case nodes.Query():
            from tokensh.plan.planner import plan_query  # noqa: PLC0415 (SHOW and DESCRIBE do without)

            return plan_query(statement, names)
        case nodes.Insert() | nodes.Update() | nodes.Delete() | nodes.Exec():
            return _bind_write(statement, names)
        case nodes.Explain():
            return ExplainPlan(_bind(statement.statement, names))
        case nodes.Show() | nodes.ShowInsert() | nodes.Describe() | nodes.Use():
            return _bind_catalog_statement(statement, names)
        case nodes.CreateView() | nodes.CreateTable() | nodes.CreateIndex() | nodes.Drop() | nodes.Refresh():
            return _bind_definition(statement, names)
        case nodes.Transaction():
            name = statement.name
            return TransactionPlan(statement.verb, name.text if name else "", name.span if name else None)
        case nodes.Registry():
            return RegistryPlan(statement.verb, statement.provider, statement.version)
        case nodes.Unsupported():
            raise _error_for_unsupported(statement)
        case _:
            assert_never(statement)


def _bind_write(statement: nodes.Insert | nodes.Update | nodes.Delete | nodes.Exec, names: Names) -> Plan:
    from tokensh.plan import ddl, dml, inserts  # noqa: PLC0415 (a query loads no writes)

    match statement:
        case nodes.Insert():
            table = ddl.local_table(statement.target, names)
            return inserts.local_insert(statement, table, names) if table else dml.plan_insert(statement, names)
        case nodes.Update() | nodes.Delete():
            table = ddl.local_table(statement.target, names, deletes=isinstance(statement, nodes.Delete))
            return ddl.local_change(statement, table, names) if table else dml.plan_change(statement, names)
        case nodes.Exec():
            return dml.plan_exec(statement, names)
        case _:
            assert_never(statement)


def _bind_definition(
    statement: nodes.CreateView | nodes.CreateTable | nodes.CreateIndex | nodes.Drop | nodes.Refresh, names: Names
) -> Plan:
    from tokensh.plan import ddl  # noqa: PLC0415 (a query defines nothing)

    match statement:
        case nodes.CreateView():
            return ddl.create_view(statement, names)
        case nodes.CreateTable():
            return ddl.create_table(statement, names)
        case nodes.CreateIndex():
            return ddl.create_index(statement, names)
        case nodes.Drop():
            return ddl.drop(statement, names)
        case nodes.Refresh():
            return ddl.refresh(statement, names)
        case _:
            assert_never(statement)


def _bind_catalog_statement(
    statement: nodes.Show | nodes.ShowInsert | nodes.Describe | nodes.Use, names: Names
) -> Plan:
    from tokensh.plan import catalog_statements  # noqa: PLC0415 (a query shows nothing of the catalog)

    match statement:
        case nodes.Show():
            return catalog_statements.plan_show(statement, names)
        case nodes.ShowInsert():
            return catalog_statements.plan_show_insert(statement, names)
        case nodes.Describe():
            return catalog_statements.plan_describe(statement, names)
        case nodes.Use():
            return catalog_statements.plan_use(statement, names)
        case _:
            assert_never(statement)


_INSTEAD = {
    "AUTH": "credentials come from ~/.databrickscfg or DATABRICKS_TOKEN; \\conninfo shows which one is used",
    "NATIVEQUERY": "SELECT runs in SQLite already: write the query itself",
    "PURGE": "a document that changes is read again by itself",
    "SLEEP": "the shell that runs tokensh can wait",
    "SET": "\\set NAME VALUE in the shell, -v NAME=VALUE in a batch",
}
"""What to do instead of statements that StackQL has and tokensh does not offer."""


def _error_for_unsupported(statement: nodes.Unsupported) -> NotSupportedError:
    verb = statement.verb.upper()
    return NotSupportedError(f"{verb} is not offered", span=statement.span, hint=_INSTEAD.get(verb))
