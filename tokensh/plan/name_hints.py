"""What to do about an unknown name, where the statement shows what was meant: an idiom, a text without quotes, a wrong quote.

Loaded only after a statement was refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from tokensh.errors import Span, UnknownName
from tokensh.functions import find_function
from tokensh.plan.names import Names
from tokensh.sql import nodes
from tokensh.sql.idioms import named_idiom
from tokensh.sql.visit import walk

_FULL_NAME = "databricks_workspace.workspace.user_tokens"
_PREFIXES = {"e", "n", "r", "b", "u"}
_COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})


def explain_unknown_name(error: UnknownName, statement: nodes.Statement, names: Names) -> UnknownName:
    """Return the error with the hint and the span that the statement suggests; the same if it suggests nothing."""
    match error.kind:
        case "provider" if isinstance(statement, nodes.Use):
            return error.with_context(hint="USE provider.service, as in USE databricks_workspace.workspace")
        case "table function":
            hint = named_idiom("function", error.name)
            return error.with_context(hint=hint) if hint else error
        case "resource" | "table" | "service" | "provider":
            own = named_idiom("table", error.name) if error.kind in ("resource", "table") else None
            hint = own or _find_table_idiom(error, statement)
            if hint is None and error.kind == "service" and names.catalog.has_provider(error.name):
                hint = f"a full name is provider.service.resource, as in {_FULL_NAME}"
            return error.with_context(hint=hint) if hint else error
        case "column":
            part = _find_object_part(error.name, statement, names) if isinstance(statement, nodes.Insert) else None
            return error.with_context(hint=f"write {part}") if part else _explain_column(error, statement)
        case _:
            return error


def _find_object_part(name: str, statement: nodes.Insert, names: Names) -> str | None:
    """Return the expression for a part of an object that a create answers with: token_id is inside of token_info."""
    try:
        resource = names.catalog.find(
            tuple(part.text for part in statement.target), names.namespace, nodes.path_span(statement.target)
        )
    except UnknownName:
        return None
    fields = (field for method in resource.methods_for("INSERT") for field in method.fields if field.type == "object")
    owner = next((field for field in fields if f'"{name}"' in field.shape), None)
    return f"json_extract({owner.name}, '$.{name}')" if owner else None


def _find_table_idiom(error: UnknownName, statement: nodes.Statement) -> str | None:
    """Return the idiom for a dotted name of which the error names one part."""
    paths = (node.path for node in walk(statement, deep=True) if isinstance(node, nodes.TableRef))
    around = (path for path in paths if error.span and _contains(nodes.path_span(path), error.span))
    return next(filter(None, (named_idiom("table", nodes.path_text(path)) for path in around)), None)


def _explain_column(error: UnknownName, statement: nodes.Statement) -> UnknownName:
    if error.span is None:
        return error
    word = None if _is_quoted(statement, error.span) else _explain_word(error.name)
    if word is not None:
        return error.with_context(hint=word)
    for node in walk(statement, deep=True):
        if isinstance(node, nodes.Item) and _is_prefixed_text(node, error.span):
            return error.with_context(
                hint=f"write '{node.alias.text if node.alias else ''}' without the letter before it"
            )
        if isinstance(node, nodes.Binary) and node.operator == "-" and _contains(node.span, error.span):
            text = _join_hyphenated(node)
            if text is not None:
                return error.with_context(span=node.span, hint=f"text is written in single quotes: '{text}'")
    if error.near is None and any(_is_same(value, error.span) for value in _iter_text_places(statement)):
        quotes = "; quotes and backticks around it make a name" if _is_quoted(statement, error.span) else ""
        return error.with_context(hint=f"text is written in single quotes: '{error.name}'{quotes}")
    return error


def _explain_word(name: str) -> str | None:
    """Explain a word that looks like a column: a word of another dialect, or a function without its arguments."""
    function = find_function(name)
    if function is not None:
        return f"{function.signature} is a function"
    return named_idiom("column", name) or named_idiom("function", name)


def _contains(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _is_same(value: nodes.Expr, span: Span) -> bool:
    return isinstance(value, nodes.ColumnRef) and value.span == span


def _is_quoted(statement: nodes.Statement, span: Span) -> bool:
    references = (node for node in walk(statement, deep=True) if isinstance(node, nodes.ColumnRef))
    return any(node.name.quoted for node in references if node.span == span)


def _is_prefixed_text(item: nodes.Item, span: Span) -> bool:
    """Return whether an item is E'...': a letter that touches a text is read as a column with an alias."""
    expr, alias = item.expr, item.alias
    if alias is None or not _is_same(expr, span) or not isinstance(expr, nodes.ColumnRef):
        return False
    return alias.quoted and alias.span.start == expr.span.end and expr.name.text.lower() in _PREFIXES


def _join_hyphenated(expr: nodes.Expr) -> str | None:
    """Return the text of a difference that is written without blanks, as a name with hyphens is."""
    match expr:
        case nodes.ColumnRef():
            return nodes.path_text(expr.path)
        case nodes.Literal(kind="number"):
            return expr.text
        case nodes.Binary(operator="-"):
            left, right = _join_hyphenated(expr.left), _join_hyphenated(expr.right)
            # Exactly the hyphen is between the two.
            if left is None or right is None or expr.left.span.end + 1 != expr.right.span.start:
                return None
            return f"{left}-{right}"
        case _:
            return None


def _iter_text_places(statement: nodes.Statement) -> Iterator[nodes.Expr]:
    """Yield what stands where a text is likely: beside a comparison, in IN, in VALUES, in an argument."""
    for node in walk(statement, deep=True):
        match node:
            case nodes.Binary() if node.operator in _COMPARISONS:
                yield from (node.left, node.right)
            case nodes.InList():
                yield from node.items
            case nodes.Match():
                yield node.pattern
            case nodes.Values():
                yield from (value for row in node.rows for value in row)
            case nodes.Argument():
                yield node.value
            case nodes.Update():
                yield from (value for _, value in node.assignments)
            case _:
                pass
