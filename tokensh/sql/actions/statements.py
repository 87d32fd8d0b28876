"""Actions of statements other than queries: changes, EXEC, the catalog, views, tables and transactions."""

from __future__ import annotations

from typing import Any, Literal, cast

from tokensh._dataclasses import replace
from tokensh.errors import Span, SqlSyntaxError
from tokensh.sql import nodes
from tokensh.sql.actions.query import as_query
from tokensh.sql.actions.registry import (
    Children,
    child_rules,
    join_keywords,
    keyword_rules,
    list_rules,
    make_name,
    rule,
    source_rule,
    unquote,
)
from tokensh.sql.lexer import Token
from tokensh.sql.visit import walk
from tokensh.text import plural

_RANDOM = frozenset({"random", "randomblob", "rand", "uuid"})

child_rules(0, "column_name", "purge_what", "registry_word")
child_rules(1, "returning", "show_in", "constraint_name", "index_collation")
list_rules(0, "column_names")
keyword_rules("or_action", "or_replace", "if_not_exists", "if_exists", "auth_verb", "key_word", "reference_action")

# ---- writes


@rule("insert")
def _build_insert(children: Children, span: Span) -> nodes.Insert:
    _word, action, ignore, _into, target, columns, query, conflict, returning = children
    columns = _check_default_values(columns, query)
    return nodes.Insert(
        target,
        columns,
        as_query(query),
        returning or (),
        replace=action == "OR REPLACE",
        ignore=ignore is not None or action == "OR IGNORE",
        conflict=conflict,
        span=span,
    )


@rule("default_values")
def _build_default_values(_children: Children, span: Span) -> nodes.Query:
    # A row of its own: all columns are left out.
    return nodes.Query(nodes.Values(((nodes.Literal("default", "VALUES"),),), span), span=span)


def _check_default_values(columns: tuple[nodes.Path, ...] | None, query: nodes.Body) -> tuple[nodes.Path, ...] | None:
    """Return the columns of an INSERT, none for DEFAULT VALUES. Raises SqlSyntaxError if they are named before it."""
    match query:
        case nodes.Query(body=nodes.Values(rows=((nodes.Literal(kind="default", text="VALUES"),),))):
            if columns:
                hint = "leave the columns out, or write VALUES (DEFAULT, ...)"
                raise SqlSyntaxError("DEFAULT VALUES is for all columns", span=query.span, hint=hint)
            return ()
        case _:
            return columns


@rule("on_conflict")
def _build_conflict(children: Children, span: Span) -> nodes.Conflict:
    _on, _word, columns, *_ = children
    return nodes.Conflict(columns or (), span=span)


@rule("conflict_update")
def _build_conflict_update(children: Children, span: Span) -> nodes.Conflict:
    _on, _word, columns, _do, _update, _set, assignments, where = children
    return nodes.Conflict(columns or (), assignments, where, span)


@rule("assignments")
def _build_assignments(children: Children, _: Span) -> tuple[tuple[nodes.Path, nodes.Expr], ...]:
    return tuple(pair for pairs in children for pair in pairs)


@rule("assignment")
def _build_assignment(children: Children, _: Span) -> tuple[tuple[nodes.Path, nodes.Expr], ...]:
    return ((children[0], children[1]),)


@rule("row_assignment")
def _build_row_assignment(children: Children, span: Span) -> tuple[tuple[nodes.Path, nodes.Expr], ...]:
    targets, value = children
    match value:
        case nodes.RowExpr():
            values: tuple[nodes.Expr, ...] = value.items
        case nodes.Subquery(query=nodes.Query() as query):
            values = _take_columns_apart(query, len(targets), value.span)
        case _:
            values = (value,)
    if len(values) != len(targets):
        message = f"SET names {plural(len(targets), 'column')} and is given {plural(len(values), 'value')}"
        raise SqlSyntaxError(message, span=span, hint="for example SET (a, b) = (1, 2)")
    return tuple(zip(targets, values, strict=True))


def _take_columns_apart(query: nodes.Query, count: int, span: Span) -> tuple[nodes.Expr, ...]:
    """Return a query for each of the columns of one that gives several."""
    if count == 1:
        return (nodes.Subquery(query, span),)
    if any(isinstance(part, nodes.Call) and part.name[-1].text.lower() in _RANDOM for part in walk(query, deep=True)):
        message = "a query for several columns runs once for each of them: it cannot call random()"
        raise SqlSyntaxError(message, span=span, hint="keep its row in a table first: CREATE TABLE t AS SELECT ...")
    names = tuple(nodes.Name(f"column{number + 1}") for number in range(count))
    assigned = nodes.Derived(query, nodes.Name("assigned", span=span), names, span)
    return tuple(
        nodes.Subquery(nodes.Query(nodes.Select((nodes.Item(nodes.ColumnRef((name,), span)),), assigned)), span)
        for name in names
    )


@rule("with_change")
def _build_with_change(children: Children, span: Span) -> nodes.Insert | nodes.Update | nodes.Delete:
    (recursive, ctes), change = children
    if not isinstance(change, nodes.Insert):
        return replace(cast("nodes.Update | nodes.Delete", change), ctes=ctes, recursive=recursive, span=span)
    # What an INSERT inserts is a query, which can have the WITH itself.
    query = change.query
    if query.ctes:
        query = nodes.Query(query, span=query.span)
    return replace(change, query=replace(query, ctes=ctes, recursive=recursive), span=span)


@rule("columns")
def _build_columns(children: Children, span: Span) -> tuple[nodes.Path, ...]:
    # The grammar accepts empty parentheses so that the error can say what is wrong with them.
    if not children[0]:
        raise SqlSyntaxError(
            "the list of columns is empty", span=span, hint="name the columns, or leave the parentheses out"
        )
    return cast("tuple[nodes.Path, ...]", children[0])


@rule("update", "replace")
def _build_update(children: Children, span: Span) -> nodes.Update:
    # UPDATE and REPLACE have one shape; the verb decides which method of the API is called.
    verb, target, alias, _set, assignments, source, where, tail, returning = children
    order, limit, offset = tail or ((), None, None)
    return nodes.Update(
        verb.text.upper(), target, alias, assignments, source, where, order, limit, offset, returning or (), span=span
    )


@rule("replace_into")
def _build_replace_into(children: Children, span: Span) -> nodes.Insert:
    _word, _into, target, columns, query, returning = children
    columns = _check_default_values(columns, query)
    return nodes.Insert(target, columns, as_query(query), returning or (), replace=True, span=span)


@rule("delete")
def _build_delete(children: Children, span: Span) -> nodes.Delete:
    _word, _from, target, alias, where, tail, returning = children
    order, limit, offset = tail or ((), None, None)
    return nodes.Delete(target, alias, where, order, limit, offset, returning or (), span=span)


@rule("exec")
def _build_exec(children: Children, span: Span) -> nodes.Exec:
    # Arguments and the body come in any order; the commas between them are optional, as documentation pages put them into
    # comments (`@a = 'x' --required,`).
    arguments = tuple(child for child in children[2:] if isinstance(child, nodes.Argument))
    bodies = [child for child in children[2:] if isinstance(child, nodes.JsonArgument)]
    if len(bodies) > 1:
        raise SqlSyntaxError("the body is given twice", span=bodies[1].span, hint="one @@json is enough")
    return nodes.Exec(children[1], arguments, bodies[0] if bodies else None, span)


@rule("argument")
def _build_argument(children: Children, span: Span) -> nodes.Argument:
    return nodes.Argument(children[0].text[1:], children[1], span)


@rule("json_argument")
def _build_json_argument(children: Children, span: Span) -> nodes.JsonArgument:
    value: Token = children[1]
    text = unquote(value) if value.kind == "STRING" else value.text
    return nodes.JsonArgument(text, value.span, span)


# ---- the catalog


@rule("show")
def _build_show(children: Children, span: Span) -> nodes.Show:
    _word, extended, _full, words, path, conditions = children
    like, where = conditions or (None, None)
    kind = words[0]
    if len(words) > 1:
        kind = nodes.Name(" ".join(word.text for word in words), span=Span(kind.span.start, words[-1].span.end))
    return nodes.Show(kind, extended is not None, path or (), like, where, span)


@rule("show_filter")
def _build_show_filter(children: Children, _: Span) -> tuple[str | None, nodes.Expr | None]:
    word, value = children
    return (unquote(value), None) if word.text.upper() == "LIKE" else (None, value)


@rule("show_insert")
def _build_show_insert(children: Children, span: Span) -> nodes.ShowInsert:
    _show_word, extended, _insert_word, _into, target, columns = children
    return nodes.ShowInsert(target, extended is not None, columns, span)


@rule("describe")
def _build_describe(children: Children, span: Span) -> nodes.Describe:
    return nodes.Describe(children[2], children[1] is not None, span=span)


@rule("describe_method")
def _build_describe_method(children: Children, span: Span) -> nodes.Describe:
    # EXTENDED may precede METHOD or follow it.
    _word, *keywords, path = children
    return nodes.Describe(path, "EXTENDED" in join_keywords(keywords), method=True, span=span)


@rule("explain")
def _build_explain(children: Children, span: Span) -> nodes.Explain:
    return nodes.Explain(children[1], span)


@rule("explain_resource")
def _build_explain_resource(children: Children, span: Span) -> nodes.Describe:
    return nodes.Describe(children[1], span=span)


@rule("use")
def _build_use(children: Children, span: Span) -> nodes.Use:
    return nodes.Use(children[1], span)


# ---- views, tables and transactions


@rule("create_view")
def _build_create_view(children: Children, span: Span) -> nodes.CreateView:
    _create, replace, materialized, _view, if_not_exists, path, columns, _as, query = children
    return nodes.CreateView(
        path, as_query(query), columns or (), materialized is not None, bool(replace), bool(if_not_exists), span
    )


@rule("create_table_as")
def _build_create_table_as(children: Children, span: Span) -> nodes.CreateTable:
    _create, replace, _table_word, if_not_exists, path, _as, query = children
    return nodes.CreateTable(
        path, query=as_query(query), replace=bool(replace), if_not_exists=bool(if_not_exists), span=span
    )


@rule("create_table")
def _build_create_table(children: Children, span: Span) -> nodes.CreateTable:
    _create, replace, _table_word, if_not_exists, path, *parts = children
    columns = tuple(part for part in parts if isinstance(part, nodes.ColumnDefinition))
    constraints = tuple(part for part in parts if isinstance(part, nodes.Constraint))
    return nodes.CreateTable(path, columns, constraints, None, bool(replace), bool(if_not_exists), span)


@rule("column_definition")
def _build_column_definition(children: Children, _: Span) -> nodes.ColumnDefinition:
    name, kind, *constraints = children
    text, span = kind or ("", name.span)
    return nodes.ColumnDefinition(make_name(name), text, tuple(constraints), span)


@rule("column_type")
def _build_column_type(children: Children, span: Span) -> tuple[str, Span]:
    return children[0], span


@rule("column_constraint", "table_constraint")
def _build_constraint(children: Children, span: Span) -> nodes.Constraint:
    name, constraint = children
    # What stands alone is a word, or REFERENCES of a column.
    if isinstance(constraint, str):
        constraint = nodes.Constraint(cast("Any", constraint))
    elif isinstance(constraint, nodes.Reference):
        constraint = nodes.Constraint("REFERENCES", reference=constraint)
    return replace(cast("nodes.Constraint", constraint), name=make_name(name) if name else None, span=span)


@rule("default")
def _build_default(children: Children, span: Span) -> nodes.Constraint:
    return nodes.Constraint("DEFAULT", expr=children[-1], span=span)


@rule("signed_default")
def _build_signed_default(children: Children, span: Span) -> nodes.Constraint:
    _word, sign, number = children
    literal = nodes.Literal("number", number.text, number.span)
    value = nodes.Unary("-", literal, span) if sign == "-" else literal
    return nodes.Constraint("DEFAULT", expr=value, span=span)


@rule("check")
def _build_check(children: Children, span: Span) -> nodes.Constraint:
    return nodes.Constraint("CHECK", expr=children[-1], span=span)


@rule("column_collation")
def _build_column_collation(children: Children, span: Span) -> nodes.Constraint:
    return nodes.Constraint("COLLATE", collation=make_name(children[-1]), span=span)


@rule("references")
def _build_reference(children: Children, span: Span) -> nodes.Reference:
    _word, table, columns, *actions = children
    return nodes.Reference(table, columns or (), tuple(actions), span)


@rule("table_key")
def _build_table_key(children: Children, span: Span) -> nodes.Constraint:
    *words, names = children
    return nodes.Constraint("UNIQUE" if len(words) == 1 else "PRIMARY KEY", columns=names, span=span)


@rule("foreign_key")
def _build_foreign_key(children: Children, span: Span) -> nodes.Constraint:
    *_words, names, reference = children
    return nodes.Constraint("REFERENCES", columns=names, reference=reference, span=span)


@rule("create_index")
def _build_create_index(children: Children, span: Span) -> nodes.CreateIndex:
    _create, unique, _index, if_not_exists, path, _on, table, *columns = children
    return nodes.CreateIndex(path, table, tuple(columns), unique is not None, bool(if_not_exists), span)


@rule("index_column")
def _build_index_column(children: Children, _: Span) -> nodes.IndexColumn:
    name, collation, direction = children
    return nodes.IndexColumn(make_name(name), make_name(collation) if collation else None, direction == "DESC")


@rule("drop")
def _build_drop(children: Children, span: Span) -> nodes.Drop:
    _word, materialized, _view, if_exists, path = children
    return nodes.Drop("MATERIALIZED VIEW" if materialized else "VIEW", path, bool(if_exists), span)


@rule("drop_table")
def _build_drop_table(children: Children, span: Span) -> nodes.Drop:
    return nodes.Drop("TABLE", children[3], bool(children[2]), span)


@rule("drop_index")
def _build_drop_index(children: Children, span: Span) -> nodes.Drop:
    return nodes.Drop("INDEX", children[3], bool(children[2]), span)


@rule("refresh")
def _build_refresh(children: Children, span: Span) -> nodes.Refresh:
    return nodes.Refresh(children[-1], span)


@rule("begin", "commit", "rollback")
def _build_transaction(children: Children, span: Span) -> nodes.Transaction:
    verb = children[0].text.upper()
    return nodes.Transaction("BEGIN" if verb == "START" else verb, span=span)


@rule("savepoint", "release", "rollback_to")
def _build_savepoint(children: Children, span: Span) -> nodes.Transaction:
    verb = children[0].text.upper()
    return nodes.Transaction("ROLLBACK TO" if verb == "ROLLBACK" else verb, make_name(children[-1]), span)


@source_rule("registry")
def _build_registry(text: str, children: Children, span: Span) -> nodes.Registry:
    # A version (`v0.1.2`) is several tokens, and one word.
    words = [word.strip("'\"`") for word in text[children[1].span.end : span.end].split()]
    verb: Literal["LIST", "PULL"] = "LIST" if children[1].text.upper() == "LIST" else "PULL"
    if len(words) > (1 if verb == "LIST" else 2):
        hint = "REGISTRY LIST [provider], or REGISTRY PULL provider [version]"
        raise SqlSyntaxError(f"too many words for REGISTRY {verb}", span=span, hint=hint)
    provider, version = (*words, None, None)[:2]
    return nodes.Registry(verb, provider, version, text[span.start : span.end], span)


@source_rule("unsupported")
def _build_unsupported(text: str, children: Children, span: Span) -> nodes.Unsupported:
    return nodes.Unsupported(children[0].text.upper(), text[span.start : span.end], span)
