"""Actions of expressions; spellings that mean the same become one node (`<>` is `!=`, `RLIKE` is `REGEXP`)."""

from __future__ import annotations

from functools import partial
from typing import Any

from tokensh._dataclasses import replace
from tokensh.errors import Span, SqlSyntaxError
from tokensh.sql import nodes
from tokensh.sql.actions.registry import (
    Children,
    child_rules,
    keyword_rules,
    list_rules,
    make_name,
    rule,
    unquote,
)
from tokensh.sql.lexer import Token
from tokensh.sql.nodes import path_span
from tokensh.units import INTERVAL_UNITS, format_clock, format_date, format_timestamp, parse_interval

child_rules(1, "else")
child_rules(2, "filter")
list_rules(0, "exprs")
keyword_rules("comparison", "bit_operator", "sum_operator", "product_operator", "text_operator", "unary_operator")
keyword_rules("matcher", "call_quantifier", "trim_side")

# LIKE ignores case here, as in SQLite.
_MATCHERS = {"RLIKE": "REGEXP", "ILIKE": "LIKE"}
_SYNONYMS = {"==": "=", "<>": "!=", "MOD": "%"}
_LITERAL_KINDS: dict[str, Any] = {"NULL": "null", "TRUE": "true", "FALSE": "false"}


def _build_chain(operator: Any, children: Children, span: Span) -> nodes.Logical:
    # A chain in parentheses on the left is continued, as parentheses make no node: `(x OR y) OR z` is one chain of three.
    left, *rest = (child for child in children if not isinstance(child, Token))
    first = left.operands if isinstance(left, nodes.Logical) and left.operator == operator else (left,)
    return nodes.Logical(operator, (*first, *rest), span)


rule("or_")(partial(_build_chain, "OR"))
rule("and_")(partial(_build_chain, "AND"))


@rule("not_")
def _build_not(children: Children, span: Span) -> nodes.Unary:
    return nodes.Unary("NOT", children[1], span)


@rule("compare")
def _build_comparison(children: Children, span: Span) -> nodes.Expr:
    left, operator, right = children
    # MySQL's operator: `<=>` is equality that holds between NULLs.
    if operator == "<=>":
        return nodes.Is(left, right, span=span)
    return nodes.Binary(str(_SYNONYMS.get(operator, operator)), left, right, span)


_LEVELS = (("|", "&", "<<", ">>"), ("+", "-"), ("*", "/", "%"), ("||", "->", "->>"))
"""The operators of each precedence."""


@rule("chain")
def _build_operators(children: Children, span: Span) -> nodes.Expr:
    left, *rest = children
    parts: list[tuple[str, nodes.Expr]] = []
    divisions = 0
    for operator, operand in zip(rest[::2], rest[1::2], strict=True):
        parts.append((str(_SYNONYMS.get(operator, operator)), operand))
        if operator == "DIV":
            # MySQL's division of integers.
            divisions += 1
            parts[-1] = ("/", operand)
            inside = Span(span.start, operand.span.end)
            left, parts = nodes.Cast(_chain_operators(left, parts, inside), "INTEGER", inside), []
    if divisions > nodes.MOST_NESTED_OPERANDS:
        raise SqlSyntaxError("too many DIV in a row", span=span, hint="name the inner parts with WITH")
    return _chain_operators(left, parts, span) if parts else left


def _chain_operators(first: nodes.Expr, parts: list[tuple[str, nodes.Expr]], span: Span) -> nodes.Expr:
    """Return operators that are applied from the left, flat if there are many; a chain in parentheses on the left is continued."""
    level = next(level for level in _LEVELS if parts[0][0] in level)
    before: list[tuple[str, nodes.Expr]] = []
    start = first
    while isinstance(start, nodes.Binary) and start.operator in level:
        before.append((start.operator, start.right))
        start = start.left
    if isinstance(start, nodes.Chain) and start.parts[0][0] in level:
        return nodes.Chain(start.first, (*start.parts, *reversed(before), *parts), span)
    if len(before) + len(parts) >= nodes.MOST_NESTED_OPERANDS:
        return nodes.Chain(start, (*reversed(before), *parts), span)
    for operator, operand in parts[:-1]:
        first = nodes.Binary(operator, first, operand, Span(span.start, operand.span.end))
    operator, operand = parts[-1]
    return nodes.Binary(operator, first, operand, span)


@rule("between")
def _build_between(children: Children, span: Span) -> nodes.Between:
    operand, negated, _word, low, _and_word, high = children
    return nodes.Between(operand, low, high, negated is not None, span)


@rule("in_list")
def _build_in_list(children: Children, span: Span) -> nodes.InList:
    operand, negated, _word, items = children
    return nodes.InList(operand, items or (), negated is not None, span)


@rule("in_query")
def _build_in_query(children: Children, span: Span) -> nodes.InQuery:
    operand, negated, _word, query = children
    return nodes.InQuery(operand, query, negated is not None, span)


@rule("match", "match_escape")
def _build_match(children: Children, span: Span) -> nodes.Match:
    operand, negated, operator, pattern, *escape = children
    operator = str(_MATCHERS.get(operator, operator))
    return nodes.Match(operator, operand, pattern, escape[1] if escape else None, negated is not None, span)


@rule("is_")
def _build_is(children: Children, span: Span) -> nodes.Is:
    operand, _word, negated, other = children
    return nodes.Is(operand, other, negated is not None, span=span)


@rule("is_distinct")
def _build_is_distinct(children: Children, span: Span) -> nodes.Is:
    return nodes.Is(children[0], children[-1], children[2] is not None, distinct=True, span=span)


@rule("in_table")
def _build_in_table(children: Children, span: Span) -> nodes.InQuery:
    operand, negated, _word, path = children
    table = nodes.TableRef(path, span=path_span(path))
    select = nodes.Select((nodes.Star(span=table.span),), table, span=table.span)
    return nodes.InQuery(operand, nodes.Query(select, span=table.span), negated is not None, span)


@rule("is_null", "not_null")
def _build_is_null(children: Children, span: Span) -> nodes.Is:
    return nodes.Is(children[0], nodes.Literal("null"), children[1].text.upper() != "ISNULL", span=span)


@rule("unary")
def _build_unary(children: Children, span: Span) -> nodes.Unary | nodes.Interval:
    operator, operand = children
    if isinstance(operand, nodes.Interval) and operator == "-":
        return replace(operand, negated=not operand.negated, span=span)
    return nodes.Unary("NOT" if operator == "!" else operator, operand, span)


@rule("collate")
def _build_collate(children: Children, span: Span) -> nodes.Collate:
    return nodes.Collate(children[0], make_name(children[2]), span)


@rule("literal")
def _build_literal(children: Children, span: Span) -> nodes.Literal:
    token: Token = children[0]
    match token.kind:
        case "STRING":
            return nodes.Literal("string", unquote(token), span)
        case "NUMBER":
            return nodes.Literal("number", token.text, span)
        case "BLOB":
            return nodes.Literal("blob", token.text, span)
        case _:
            kind = _LITERAL_KINDS.get(token.text.upper())
            return nodes.Literal(kind, "", span) if kind else nodes.Literal("current", token.text.upper(), span)


@rule("column")
def _build_column(children: Children, span: Span) -> nodes.ColumnRef:
    return nodes.ColumnRef(children[0], span)


@rule("placeholder")
def _build_placeholder(children: Children, span: Span) -> nodes.Expr:
    text = children[0].text
    match text[0]:
        case "{":
            return nodes.Placeholder(text[2:-2].strip(), span)
        case "'":
            return nodes.Literal("string", unquote(children[0]), span)
        # As for a bound parameter: SQL has no negative literals, the sign is an operator.
        case "-":
            return nodes.Unary("-", nodes.Literal("number", text[1:], span), span)
        case _:
            kind = _LITERAL_KINDS.get(text.upper())
            return nodes.Literal(kind, "", span) if kind else nodes.Literal("number", text, span)


@rule("variable")
def _build_variable(children: Children, span: Span) -> nodes.Variable:
    return nodes.Variable(children[0].text, span)


@rule("list_variable")
def _build_list_variable(children: Children, span: Span) -> nodes.Variable:
    return nodes.Variable(f"::{make_name(children[0]).text}", span)


# What checks the text of `DATE '...'`, and what is said of one that it does not match.
_TYPED_LITERALS = {
    "DATE": (format_date, "2026-12-31"),
    "TIME": (format_clock, "23:59:59"),
    "TIMESTAMP": (format_timestamp, "2026-12-31 23:59:59"),
}


@rule("typed_literal")
def _build_typed_literal(children: Children, span: Span) -> nodes.Literal:
    word, token = children
    format_value, example = _TYPED_LITERALS[word.text.upper()]
    text = unquote(token)
    try:
        return nodes.Literal("string", format_value(text), span)
    except ValueError:
        message = f"{text!r} is not a {word.text.lower()}"
        raise SqlSyntaxError(message, span=token.span, hint=f"{word.text.upper()} '{example}'") from None


@rule("call")
def _build_call(children: Children, span: Span) -> nodes.Expr:
    name, quantifier, inside, condition, over = children
    arguments, star, order, separator = inside or ((), False, (), None)
    if len(name) == 1 and name[0].text.lower() in _TIME_CALLS and len(arguments) > 1:
        return _build_time_call(name[0], arguments, span)
    return nodes.Call(name, arguments, quantifier == "DISTINCT", star, order, separator, condition, over, span)


# Functions that take a bare word as a unit, and what one is with three arguments.
_TIME_CALLS = {
    "date_add": "dateadd",
    "date_diff": "timestampdiff",
    "date_part": "date_part",
    "date_sub": "date_sub",
    "date_trunc": "date_trunc",
    "dateadd": "dateadd",
    "datediff": "timestampdiff",
    "timestampadd": "timestampadd",
    "timestampdiff": "timestampdiff",
}


def _build_time_call(name: nodes.Name, arguments: tuple[nodes.Expr, ...], span: Span) -> nodes.Expr:
    """Return a call whose unit may be a bare word, `datediff(DAY, a, b)`, or that takes an interval."""
    function = name.text.lower()
    first, second, *others = arguments
    if function in ("date_add", "date_sub") and isinstance(second, nodes.Interval) and not others:
        return nodes.Binary("+" if function == "date_add" else "-", first, second, span)
    if isinstance(first, nodes.ColumnRef) and first.name.text.lower() in INTERVAL_UNITS:
        unit = nodes.Literal("string", first.name.text.lower(), first.span)
        arguments = (unit, *arguments[1:])
    if others:
        name = replace(name, text=_TIME_CALLS[function])
    return nodes.Call((name,), arguments, span=span)


@rule("call_star")
def _build_call_star(_children: Children, _: Span) -> tuple[Any, ...]:
    return (), True, (), None


@rule("call_arguments")
def _build_call_arguments(children: Children, _: Span) -> tuple[Any, ...]:
    arguments, order, separator = children
    return arguments, False, order or (), separator


@rule("call_separator")
def _build_call_separator(children: Children, span: Span) -> nodes.Call:
    return nodes.Call(children[0], separator=unquote(children[2]), span=span)


@rule("separator")
def _build_separator(children: Children, _: Span) -> str:
    return unquote(children[1])


@rule("over")
def _build_over(children: Children, _: Span) -> nodes.Window | nodes.Name:
    return children[1] if isinstance(children[1], nodes.Window) else make_name(children[1])


@rule("substring")
def _build_substring(children: Children, span: Span) -> nodes.Call:
    # SQLite's name of the function; the span is that of the word in the statement, for errors.
    return nodes.Call((nodes.Name("substr", span=children[0].span),), children[1], span=span)


@rule("substring_from")
def _build_substring_from(children: Children, span: Span) -> nodes.Call:
    word, text, _from, start, _for, length = children
    return nodes.Call(
        (nodes.Name("substr", span=word.span),), (text, start, length) if length else (text, start), span=span
    )


@rule("substring_for")
def _build_substring_for(children: Children, span: Span) -> nodes.Call:
    word, text, _for, length = children
    return nodes.Call(
        (nodes.Name("substr", span=word.span),), (text, nodes.Literal("number", "1", span), length), span=span
    )


@rule("named_call")
def _build_named_call(children: Children, span: Span) -> nodes.Call:
    return nodes.Call((nodes.Name(children[0].text, span=children[0].span),), children[1], span=span)


@rule("extract")
def _build_extract(children: Children, span: Span) -> nodes.Call:
    word, field, _from, time = children
    return nodes.Call((nodes.Name("date_part", span=word.span),), (field, time), span=span)


@rule("time_field")
def _build_time_field(children: Children, span: Span) -> nodes.Literal:
    return nodes.Literal("string", make_name(children[0]).text.lower(), span)


@rule("position")
def _build_position(children: Children, span: Span) -> nodes.Call:
    word, part, _in, text = children
    return nodes.Call((nodes.Name("instr", span=word.span),), (text, part), span=span)


@rule("position_call")
def _build_position_call(children: Children, span: Span) -> nodes.Call:
    word, part, others = children
    return nodes.Call((nodes.Name("position", span=word.span),), (part, *others), span=span)


@rule("overlay")
def _build_overlay(children: Children, span: Span) -> nodes.Call:
    word, *parts = children
    arguments = tuple(part for part in parts if part is not None and not isinstance(part, Token))
    return nodes.Call((nodes.Name("overlay", span=word.span),), arguments, span=span)


_TRIMS = {"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}


@rule("trim")
def _build_trim(children: Children, span: Span) -> nodes.Call:
    word, characters, _from, text = children
    return nodes.Call((nodes.Name("trim", span=word.span),), (text, characters), span=span)


@rule("trim_side_of")
def _build_trim_side_of(children: Children, span: Span) -> nodes.Call:
    word, side, characters, _from, text = children
    arguments = (text,) if characters is None else (text, characters)
    return nodes.Call((nodes.Name(_TRIMS[side], span=word.span),), arguments, span=span)


@rule("cast")
def _build_cast(children: Children, span: Span) -> nodes.Cast:
    return nodes.Cast(children[1], children[-1], span)


@rule("postfix_cast")
def _build_postfix_cast(children: Children, span: Span) -> nodes.Cast:
    operand, kind = children
    return nodes.Cast(operand, kind, span)


@rule("type_word")
def _build_type_word(children: Children, _: Span) -> str:
    return make_name(children[0]).text.upper()


@rule("type", "short_type")
def _build_type(children: Children, _: Span) -> str:
    words = " ".join(
        child if isinstance(child, str) else child.text.upper()
        for child in children
        if isinstance(child, str) or (isinstance(child, Token) and child.kind != "NUMBER")
    )
    sizes = ", ".join(child.text for child in children if isinstance(child, Token) and child.kind == "NUMBER")
    return f"{words}({sizes})" if sizes else words


@rule("case")
def _build_case(children: Children, span: Span) -> nodes.Case:
    _word, operand, *arms, otherwise, _end = children
    return nodes.Case(operand, tuple(arms), otherwise, span)


@rule("when")
def _build_when(children: Children, _: Span) -> nodes.When:
    return nodes.When(children[1], children[3])


@rule("exists")
def _build_exists(children: Children, span: Span) -> nodes.Exists:
    return nodes.Exists(children[1], span)


@rule("interval")
def _build_interval(children: Children, span: Span) -> nodes.Interval:
    return nodes.Interval(children[1], children[2].text.upper(), span)


@rule("negative")
def _build_negative(children: Children, span: Span) -> nodes.Unary:
    token = children[-1]
    return nodes.Unary("-", nodes.Literal("number", token.text, token.span), span)


@rule("interval_of_text")
def _build_interval_of_text(children: Children, span: Span) -> nodes.Interval:
    _word, amount, unit = children
    text = unquote(amount)
    _check_interval(f"{text} {unit.text}", amount.span, f"INTERVAL '1' {unit.text}")
    return nodes.Interval(nodes.Literal("string", text, amount.span), unit.text.upper(), span)


@rule("interval_text")
def _build_interval_text(children: Children, span: Span) -> nodes.Interval:
    amount = children[1]
    text = unquote(amount)
    _check_interval(text, amount.span, "INTERVAL '1 day 2 hours'")
    return nodes.Interval(nodes.Literal("string", text, amount.span), "", span)


def _check_interval(text: str, span: Span, example: str) -> None:
    try:
        parse_interval(text)
    except ValueError as error:
        raise SqlSyntaxError(str(error), span=span, hint=f"for example {example}") from None


@rule("row")
def _build_row(children: Children, span: Span) -> nodes.RowExpr:
    return nodes.RowExpr((children[0], *children[1]), span)


@rule("subquery")
def _build_subquery(children: Children, span: Span) -> nodes.Subquery:
    return nodes.Subquery(children[0], span)
