"""Text to nodes: one action per rule of the grammar, and errors that say what was expected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path as FilePath
from typing import Any, cast

from tokensh._dataclasses import replace
from tokensh.errors import Span, SqlSyntaxError
from tokensh.sql import nodes as n
from tokensh.sql.grammar import ParseTable, load_table
from tokensh.sql.lalr import ParserState
from tokensh.sql.lexer import Token, significant_tokens
from tokensh.sql.script import StatementText
from tokensh.text import SURROGATE, nearest

Kids = Sequence[Any]
_ACTIONS: dict[str, Callable[[Kids, Span], Any]] = {}
_EXPECTED_SHOWN = 8


class Parser:
    """The parser over one compiled table; `cache` is the folder for the table, None to keep none."""

    def __init__(self, cache: FilePath | None = None) -> None:
        self.table: ParseTable = load_table(cache)

    def tokenize(self, statement: str | StatementText) -> StatementText:
        """Return the statement with its tokens; it is not lexed again if it has them."""
        if isinstance(statement, str):
            return StatementText(statement, tokens=significant_tokens(self.table, statement))
        return statement if statement.tokens else replace(statement, tokens=self.tokenize(statement.text).tokens)

    def parse(self, statement: str | StatementText) -> n.Statement:
        """Return the tree of one statement, without its closing `;`. Raises SqlSyntaxError."""
        statement = self.tokenize(statement)
        text = statement.text
        half = SURROGATE.search(text)
        if half is not None:
            raise SqlSyntaxError(
                "half a character (a lone surrogate)", span=Span(*half.span()), hint="the statement must be UTF-8"
            )
        state = ParserState(self.table, _actions(text))
        try:
            state.feed(text, statement.tokens)
            return cast("n.Statement", state.finish(len(text)))
        except SqlSyntaxError as error:
            raise self._add_hint(error, text, state.last_text) from None

    def expected_terminals(self, text: str) -> tuple[str, ...]:
        """Return the terminals that may follow a text. Raises SqlSyntaxError if the text itself is wrong."""
        state = ParserState(self.table, _actions(text))
        state.feed(text, significant_tokens(self.table, text))
        return state.expected_terminals()

    def is_complete(self, statement: str | StatementText) -> bool:
        """Return True if the text parses as a statement."""
        try:
            self.parse(statement)
        except SqlSyntaxError:
            return False
        return True

    def _add_hint(self, error: SqlSyntaxError, text: str, before: str) -> SqlSyntaxError:
        """With a hint: the keyword that was meant here, or by the word before (`SELECT a FORM t` reads FORM as an alias)."""
        if error.hint or not error.expected:
            return error
        candidates = [e for e in error.expected if e in self.table.keywords]

        def meant(word: str) -> str | None:
            if word.upper() in candidates:
                return None
            swapped = (c for c in candidates if sorted(c) == sorted(word.upper()))
            return next(swapped, None) or nearest(word.upper(), candidates)

        here = text[error.span.start : error.span.end] if error.span else ""
        pairs = ((word, meant(word)) for word in (here, before) if word.isidentifier())
        hint = next((f"did you mean {right} instead of {word!r}?" for word, right in pairs if right), None)
        hint = hint or _expectation(error.expected)
        return SqlSyntaxError(error.message, span=error.span, expected=error.expected, hint=hint)


def _expectation(expected: Sequence[str]) -> str:
    shown = sorted(expected, key=lambda e: (not e.startswith("a "), not e.isalpha(), e))
    more = len(shown) - _EXPECTED_SHOWN
    return f"expected {', '.join(shown[:_EXPECTED_SHOWN])}{f' or {more} other words' if more > 0 else ''}"


@cache
def _plain() -> dict[str, Callable[[Kids, Span], Any]]:
    return dict(_ACTIONS)


def _actions(text: str) -> dict[str, Callable[[Kids, Span], Any]]:
    """The actions, with the two that need the statement's own text."""
    actions = _plain().copy()
    actions["item"] = lambda kids, span: _item(text, kids, span)
    actions["unsupported"] = lambda kids, span: n.Unsupported(kids[0].text.upper(), text[span.start : span.end], span)
    return actions


def _rule(*names: str) -> Callable[[Callable[[Kids, Span], Any]], Callable[[Kids, Span], Any]]:
    def register(action: Callable[[Kids, Span], Any]) -> Callable[[Kids, Span], Any]:
        _ACTIONS.update(dict.fromkeys(names, action))
        return action

    return register


def _tail_of(skip: int, kids: Kids, _: Span) -> tuple[Any, ...]:
    return tuple(kids[skip:])


def _list(*names: str, skip: int = 0) -> None:
    """Rules whose value is the tuple of their children, the first `skip` (keywords) left out."""
    for name in names:
        _ACTIONS[name] = partial(_tail_of, skip)


def _second(*names: str) -> None:
    """Rules that are a keyword and what follows it."""
    for name in names:
        _ACTIONS[name] = lambda kids, _: kids[1]


def _words(*names: str) -> None:
    """Rules whose value is their keywords, upper case, one blank between."""
    for name in names:
        _ACTIONS[name] = lambda kids, _: " ".join(k.text.upper() for k in kids if k is not None)


def _text(token: Token) -> str:
    """What a quoted token stands for."""
    quote = token.text[0]
    return token.text[1:-1].replace(quote * 2, quote)


def _name(token: Token) -> n.Name:
    if token.kind == "NAME":
        return n.Name(token.text, quoted=False, span=token.span)
    return n.Name(_text(token), quoted=True, span=token.span)


_list("items", "exprs", "value_row", "column_names", "assignments")
_list("windows", skip=1)
_second("from", "where", "having", "show_in", "else")
_words("set_operator", "quantifier", "join_kind", "direction", "nulls", "frame_unit", "exclude", "locking", "matcher")
_words(
    "comparison",
    "bit_operator",
    "sum_operator",
    "product_operator",
    "text_operator",
    "unary_operator",
    "call_quantifier",
)
_words("or_replace", "if_not_exists", "if_exists", "auth_verb", "column_constraint")


@_rule("start")
def _start(kids: Kids, _: Span) -> Any:
    return kids[0]


# ---- names


@_rule("path")
def _path(kids: Kids, _: Span) -> n.Path:
    return (_name(kids[0]),)


@_rule("longer_path")
def _longer_path(kids: Kids, _: Span) -> n.Path:
    return (*kids[0], _name(kids[1]))


@_rule("names", "names_in_a_row")
def _names(kids: Kids, _: Span) -> tuple[n.Name, ...]:
    return tuple(_name(k) for k in kids)


@_rule("path_star")
def _path_star(kids: Kids, _: Span) -> n.Path:
    return cast("n.Path", kids[0])


NEVER_BARE_ALIASES = frozenset(
    [
        "COMMIT",
        "CREATE",
        "DELETE",
        "DESCRIBE",
        "DROP",
        "EXEC",
        "EXPLAIN",
        "INSERT",
        "PURGE",
        "REFRESH",
        "REGISTRY",
        "REPLACE",
        "ROLLBACK",
        "SHOW",
        "UPDATE",
    ]
)
"""Words that are an alias only after AS: without it a `;` is missing before a statement."""


@_rule("alias", "table_alias")
def _alias(kids: Kids, _: Span) -> n.Name:
    token = kids[-1]
    if len(kids) == 1 and token.kind == "NAME" and token.text.upper() in NEVER_BARE_ALIASES:
        hint = f"end the statement before it with ;, or write AS {token.text} if it is a name"
        raise SqlSyntaxError(f"unexpected {token.text!r}", span=token.span, hint=hint)
    return n.Name(_text(token), quoted=True, span=token.span) if token.kind == "STRING" else _name(token)


# ---- queries


def _query(kids: Kids) -> n.Query:
    """A query of any form as a Query; one that was in parentheses keeps its own."""
    body = kids[0]
    return body if isinstance(body, n.Query) else n.Query(body, span=body.span)


@_rule("query")
def _query_rule(kids: Kids, span: Span) -> n.Query:
    body = kids[0]
    if len(kids) == 1:
        return n.Query(body, span=span)
    order, limit, offset = kids[1]
    return n.Query(body, order=order, limit=limit, offset=offset, span=span)


@_rule("with_query")
def _with_query(kids: Kids, span: Span) -> n.Query:
    (recursive, ctes), body, tail = kids
    order, limit, offset = tail or ((), None, None)
    return n.Query(body, ctes=ctes, recursive=recursive, order=order, limit=limit, offset=offset, span=span)


@_rule("with")
def _with(kids: Kids, _: Span) -> tuple[bool, tuple[n.Cte, ...]]:
    return kids[1] is not None, tuple(kids[2:])


@_rule("cte")
def _cte(kids: Kids, _: Span) -> n.Cte:
    name, columns, _as, query = kids
    return n.Cte(_name(name), columns or (), query)


@_rule("tail")
def _tail(kids: Kids, _: Span) -> tuple[tuple[n.OrderItem, ...], n.Expr | None, n.Expr | None]:
    order = next((k for k in kids if isinstance(k, tuple) and not isinstance(k, _Limit)), ())
    limit = next((k for k in kids if isinstance(k, _Limit)), _Limit((None, None)))
    return order, limit[0], limit[1]


class _Limit(tuple["n.Expr | None", "n.Expr | None"]):
    """LIMIT and OFFSET, told apart from the tuple of an ORDER BY."""

    __slots__ = ()


@_rule("limit")
def _limit(kids: Kids, _: Span) -> _Limit:
    return _Limit((kids[1], None))


@_rule("limit_offset")
def _limit_offset(kids: Kids, _: Span) -> _Limit:
    return _Limit((kids[1], kids[3]))


@_rule("offset_limit")
def _offset_limit(kids: Kids, _: Span) -> _Limit:
    return _Limit((kids[2], kids[1]))


@_rule("order_item")
def _order_item(kids: Kids, _: Span) -> n.OrderItem:
    expr, direction, nulls = kids
    return n.OrderItem(expr, direction, cast("Any", nulls.split()[-1]) if nulls else None)


@_rule("values")
def _values(kids: Kids, span: Span) -> n.Values:
    return n.Values(tuple(row[0] for row in kids[1:]), span)


@_rule("compound")
def _compound(kids: Kids, span: Span) -> n.Compound:
    left, operator, right = kids
    return n.Compound(operator.replace(" DISTINCT", ""), left, right, span)


@_rule("select")
def _select(kids: Kids, span: Span) -> n.Select:
    _select_word, quantifier, items, source, where, group, having, windows = kids
    return n.Select(
        items=items,
        source=source,
        where=where,
        group=group[1] if group else (),
        having=having,
        windows=windows or (),
        distinct=quantifier in ("DISTINCT", "DISTINCTROW"),
        span=span,
    )


def _item(text: str, kids: Kids, span: Span) -> n.Item:
    expr, alias = kids
    end = alias.span.start if alias else span.end
    return n.Item(expr, alias, text[span.start : end].strip())


@_rule("star")
def _star(_kids: Kids, span: Span) -> n.Star:
    return n.Star((), span)


@_rule("qualified_star")
def _qualified_star(kids: Kids, span: Span) -> n.Star:
    return n.Star(kids[0], span)


@_rule("table")
def _table(kids: Kids, span: Span) -> n.TableRef:
    return n.TableRef(kids[0], kids[1], span)


@_rule("table_function")
def _table_function(kids: Kids, span: Span) -> n.TableFunction:
    return n.TableFunction(kids[0], kids[1] or (), kids[2], span)


@_rule("derived", "derived_exec")
def _derived(kids: Kids, span: Span) -> n.Derived:
    return n.Derived(kids[0], kids[1], span)


@_rule("comma_join")
def _comma_join(kids: Kids, span: Span) -> n.Join:
    return n.Join(kids[0], kids[1], "COMMA", span=span)


@_rule("join")
def _join(kids: Kids, span: Span) -> n.Join:
    left, words, right, on = kids
    kind = next((k for k in ("CROSS", "LEFT", "RIGHT", "FULL") if k in words), "INNER")
    using = on if isinstance(on, tuple) else ()
    return n.Join(left, right, cast("n.JoinKind", kind), "NATURAL" in words, None if using else on, using, span)


_second("on", "using")


@_rule("named_window")
def _named_window(kids: Kids, _: Span) -> tuple[n.Name, n.Window]:
    return _name(kids[0]), kids[2]


@_rule("window")
def _window(kids: Kids, _: Span) -> n.Window:
    base, partition, order, frame = kids
    return n.Window(_name(base) if base else None, partition[1] if partition else (), order or (), frame)


_ACTIONS["partition_by"] = _ACTIONS["group_by"] = lambda kids, _: (kids[0], kids[2])
_ACTIONS["order_by"] = lambda kids, _: tuple(kids[2:])


@_rule("frame")
def _frame(kids: Kids, _: Span) -> n.Frame:
    return n.Frame(kids[0], kids[1], None, kids[2])


@_rule("frame_between")
def _frame_between(kids: Kids, _: Span) -> n.Frame:
    unit, _between, start, _and, end, exclude = kids
    return n.Frame(unit, start, end, exclude)


@_rule("frame_bound")
def _frame_bound(kids: Kids, _: Span) -> n.FrameBound:
    return n.FrameBound(" ".join(k.text.upper() for k in kids))


@_rule("frame_offset")
def _frame_offset(kids: Kids, _: Span) -> n.FrameBound:
    return n.FrameBound(kids[1].text.upper(), kids[0])


# ---- writes


@_rule("insert")
def _insert(kids: Kids, span: Span) -> n.Insert:
    _word, _ignore, _into, target, columns, query, returning = kids
    return n.Insert(target, columns, _query([query]), returning or (), span=span)


@_rule("columns")
def _columns(kids: Kids, span: Span) -> tuple[n.Path, ...]:
    if not kids[0]:
        raise SqlSyntaxError(
            "the list of columns is empty", span=span, hint="name the columns, or leave the parentheses out"
        )
    return cast("tuple[n.Path, ...]", kids[0])


_ACTIONS["returning"] = lambda kids, _: kids[1]
_ACTIONS["column_name"] = lambda kids, _: kids[0]
_ACTIONS["assignment"] = lambda kids, _: (kids[0], kids[1])


@_rule("update", "replace")
def _update(kids: Kids, span: Span) -> n.Update:
    verb, target, alias, _set, assignments, source, where, tail, returning = kids
    order, limit, offset = tail or ((), None, None)
    return n.Update(
        verb.text.upper(), target, alias, assignments, source, where, order, limit, offset, returning or (), span
    )


@_rule("replace_into")
def _replace_into(kids: Kids, span: Span) -> n.Insert:
    _word, _into, target, columns, query, returning = kids
    return n.Insert(target, columns, _query([query]), returning or (), replace=True, span=span)


@_rule("delete")
def _delete(kids: Kids, span: Span) -> n.Delete:
    _word, _from, target, alias, where, tail, returning = kids
    order, limit, offset = tail or ((), None, None)
    return n.Delete(target, alias, where, order, limit, offset, returning or (), span)


@_rule("exec")
def _exec(kids: Kids, span: Span) -> n.Exec:
    arguments = tuple(k for k in kids[2:] if isinstance(k, n.Argument))
    bodies = [k for k in kids[2:] if isinstance(k, n.JsonArgument)]
    if len(bodies) > 1:
        raise SqlSyntaxError("the body is given twice", span=bodies[1].span, hint="one @@json is enough")
    return n.Exec(kids[1], arguments, bodies[0] if bodies else None, span)


@_rule("argument")
def _argument(kids: Kids, span: Span) -> n.Argument:
    return n.Argument(kids[0].text[1:], kids[1], span)


@_rule("json_argument")
def _json_argument(kids: Kids, span: Span) -> n.JsonArgument:
    value: Token = kids[1]
    text = _text(value) if value.kind == "STRING" else value.text
    return n.JsonArgument(text, value.span, span)


# ---- the catalog and what lasts


@_rule("show")
def _show(kids: Kids, span: Span) -> n.Show:
    _word, extended, _full, words, path, given = kids
    like, where = given or (None, None)
    what = (
        words[0]
        if len(words) == 1
        else n.Name(" ".join(w.text for w in words), span=Span(words[0].span.start, words[-1].span.end))
    )
    return n.Show(what, extended is not None, path or (), like, where, span)


@_rule("show_filter")
def _show_filter(kids: Kids, _: Span) -> tuple[str | None, n.Expr | None]:
    word, value = kids
    return (_text(value), None) if word.text.upper() == "LIKE" else (None, value)


@_rule("show_insert")
def _show_insert(kids: Kids, span: Span) -> n.ShowInsert:
    _show_word, extended, _insert_word, _into, target, columns = kids
    return n.ShowInsert(target, extended is not None, columns, span)


@_rule("describe")
def _describe(kids: Kids, span: Span) -> n.Describe:
    return n.Describe(kids[2], kids[1] is not None, span=span)


@_rule("describe_method")
def _describe_method(kids: Kids, span: Span) -> n.Describe:
    extended = any(k is not None and k.text.upper() == "EXTENDED" for k in kids[1:-1])
    return n.Describe(kids[-1], extended, method=True, span=span)


@_rule("explain")
def _explain(kids: Kids, span: Span) -> n.Explain:
    return n.Explain(kids[1], span)


@_rule("explain_resource")
def _explain_resource(kids: Kids, span: Span) -> n.Describe:
    return n.Describe(kids[1], span=span)


@_rule("use")
def _use(kids: Kids, span: Span) -> n.Use:
    return n.Use(kids[1], span)


@_rule("create_view")
def _create_view(kids: Kids, span: Span) -> n.CreateView:
    _create, replace, materialized, _view, if_not_exists, path, columns, _as, query = kids
    return n.CreateView(
        path, _query([query]), columns or (), materialized is not None, bool(replace), bool(if_not_exists), span
    )


@_rule("create_table_as")
def _create_table_as(kids: Kids, span: Span) -> n.CreateTable:
    _create, replace, _table_word, if_not_exists, path, _as, query = kids
    return n.CreateTable(
        path, query=_query([query]), replace=bool(replace), if_not_exists=bool(if_not_exists), span=span
    )


@_rule("create_table")
def _create_table(kids: Kids, span: Span) -> n.CreateTable:
    _create, replace, _table_word, if_not_exists, path, *parts = kids
    columns = tuple(p for p in parts if isinstance(p, n.ColumnDefinition))
    constraints = tuple(p for p in parts if isinstance(p, str))
    return n.CreateTable(path, columns, constraints, None, bool(replace), bool(if_not_exists), span)


@_rule("column_definition")
def _column_definition(kids: Kids, _: Span) -> n.ColumnDefinition:
    name, kind, *constraints = kids
    return n.ColumnDefinition(_name(name), kind or "", tuple(_constraint(c) for c in constraints))


def _constraint(part: Any) -> str:
    return part.text.upper() if isinstance(part, Token) else str(part)


@_rule("column_default")
def _column_default(kids: Kids, _: Span) -> str:
    return f"DEFAULT {_sql(kids[1])}"


def _sql(literal: n.Literal) -> str:
    match literal.kind:
        case "string":
            return "'" + literal.text.replace("'", "''") + "'"
        case "number" | "blob" | "current":
            return literal.text
        case kind:
            return kind.upper()


@_rule("table_constraint")
def _table_constraint(kids: Kids, _: Span) -> str:
    *words, names = kids
    inside = ", ".join('"' + name.text.replace('"', '""') + '"' for name in names)
    return f"{' '.join(w.text.upper() for w in words)} ({inside})"


@_rule("drop")
def _drop(kids: Kids, span: Span) -> n.Drop:
    _word, materialized, _view, if_exists, path = kids
    return n.Drop("MATERIALIZED VIEW" if materialized else "VIEW", path, bool(if_exists), span)


@_rule("drop_table")
def _drop_table(kids: Kids, span: Span) -> n.Drop:
    return n.Drop("TABLE", kids[3], bool(kids[2]), span)


@_rule("refresh")
def _refresh(kids: Kids, span: Span) -> n.Refresh:
    return n.Refresh(kids[-1], span)


@_rule("begin", "commit", "rollback")
def _transaction(kids: Kids, span: Span) -> n.Transaction:
    verb = kids[0].text.upper()
    return n.Transaction("BEGIN" if verb == "START" else verb, span)


_ACTIONS["purge_what"] = _ACTIONS["registry_word"] = lambda kids, _: kids[0]
_ACTIONS["type_word"] = lambda kids, _: _name(kids[0]).text.upper()


# ---- expressions


def _chain(operator: Any, kids: Kids, span: Span) -> n.Logical:
    left, *rest = (k for k in kids if not isinstance(k, Token))
    first = left.operands if isinstance(left, n.Logical) and left.operator == operator else (left,)
    return n.Logical(operator, (*first, *rest), span)


_ACTIONS["or_"] = partial(_chain, "OR")
_ACTIONS["and_"] = partial(_chain, "AND")


@_rule("not_")
def _not(kids: Kids, span: Span) -> n.Unary:
    return n.Unary("NOT", kids[1], span)


_SAME = {"==": "=", "<>": "!=", "MOD": "%"}


@_rule("compare", "binary")
def _binary(kids: Kids, span: Span) -> n.Expr:
    left, operator, right = kids
    if operator == "<=>":
        return n.Is(left, right, span=span)
    if operator == "DIV":
        quotient = n.Binary("/", left, right, span)
        return n.Cast(quotient, "INTEGER", span)
    return n.Binary(str(_SAME.get(operator, operator)), left, right, span)


@_rule("between")
def _between(kids: Kids, span: Span) -> n.Between:
    operand, negated, _word, low, _and_word, high = kids
    return n.Between(operand, low, high, negated is not None, span)


@_rule("in_list")
def _in_list(kids: Kids, span: Span) -> n.InList:
    operand, negated, _word, items = kids
    return n.InList(operand, items or (), negated is not None, span)


@_rule("in_query")
def _in_query(kids: Kids, span: Span) -> n.InQuery:
    operand, negated, _word, query = kids
    return n.InQuery(operand, query, negated is not None, span)


@_rule("match", "match_escape")
def _match(kids: Kids, span: Span) -> n.Match:
    operand, negated, operator, pattern, *escape = kids
    operator = "REGEXP" if operator == "RLIKE" else operator
    return n.Match(operator, operand, pattern, escape[1] if escape else None, negated is not None, span)


@_rule("is_")
def _is(kids: Kids, span: Span) -> n.Is:
    operand, _word, negated, other = kids
    return n.Is(operand, other, negated is not None, span=span)


@_rule("is_distinct")
def _is_distinct(kids: Kids, span: Span) -> n.Is:
    return n.Is(kids[0], kids[-1], kids[2] is not None, distinct=True, span=span)


@_rule("is_null", "not_null")
def _is_null(kids: Kids, span: Span) -> n.Is:
    return n.Is(kids[0], n.Literal("null"), kids[1].text.upper() == "NOTNULL", span=span)


@_rule("unary")
def _unary(kids: Kids, span: Span) -> n.Unary:
    operator, operand = kids
    return n.Unary("NOT" if operator == "!" else operator, operand, span)


@_rule("collate")
def _collate(kids: Kids, span: Span) -> n.Collate:
    return n.Collate(kids[0], _name(kids[2]), span)


_LITERALS: dict[str, Any] = {"NULL": "null", "TRUE": "true", "FALSE": "false"}


@_rule("literal")
def _literal(kids: Kids, span: Span) -> n.Literal:
    token: Token = kids[0]
    match token.kind:
        case "STRING":
            return n.Literal("string", _text(token), span)
        case "NUMBER":
            return n.Literal("number", token.text, span)
        case "BLOB":
            return n.Literal("blob", token.text, span)
        case _:
            kind = _LITERALS.get(token.text.upper())
            return n.Literal(kind, "", span) if kind else n.Literal("current", token.text.upper(), span)


@_rule("column")
def _column(kids: Kids, span: Span) -> n.ColumnRef:
    return n.ColumnRef(kids[0], span)


@_rule("placeholder")
def _placeholder(kids: Kids, span: Span) -> n.Placeholder:
    return n.Placeholder(kids[0].text[2:-2].strip(), span)


@_rule("variable")
def _variable(kids: Kids, span: Span) -> n.Variable:
    return n.Variable(kids[0].text, span)


@_rule("call")
def _call(kids: Kids, span: Span) -> n.Call:
    name, quantifier, given, condition, over = kids
    arguments, star, order, separator = given or ((), False, (), None)
    return n.Call(name, arguments, quantifier == "DISTINCT", star, order, separator, condition, over, span)


@_rule("call_star")
def _call_star(_kids: Kids, _: Span) -> tuple[Any, ...]:
    return (), True, (), None


@_rule("call_arguments")
def _call_arguments(kids: Kids, _: Span) -> tuple[Any, ...]:
    arguments, order, separator = kids
    return arguments, False, order or (), separator


@_rule("call_separator")
def _call_separator(kids: Kids, span: Span) -> n.Call:
    return n.Call(kids[0], separator=_text(kids[2]), span=span)


@_rule("separator")
def _separator(kids: Kids, _: Span) -> str:
    return _text(kids[1])


@_rule("filter")
def _filter(kids: Kids, _: Span) -> n.Expr:
    return cast("n.Expr", kids[2])


@_rule("over")
def _over(kids: Kids, _: Span) -> n.Window | n.Name:
    return kids[1] if isinstance(kids[1], n.Window) else _name(kids[1])


@_rule("substring")
def _substring(kids: Kids, span: Span) -> n.Call:
    return n.Call((n.Name("substr", span=kids[0].span),), kids[1], span=span)


@_rule("substring_from")
def _substring_from(kids: Kids, span: Span) -> n.Call:
    word, text, _from, start, _for, length = kids
    return n.Call((n.Name("substr", span=word.span),), (text, start, length) if length else (text, start), span=span)


@_rule("cast")
def _cast(kids: Kids, span: Span) -> n.Cast:
    return n.Cast(kids[1], kids[-1], span)


@_rule("type")
def _type(kids: Kids, _: Span) -> str:
    words = " ".join(k for k in kids if isinstance(k, str) and not isinstance(k, Token))
    sizes = ", ".join(k.text for k in kids if isinstance(k, Token) and k.kind == "NUMBER")
    return f"{words}({sizes})" if sizes else words


@_rule("case")
def _case(kids: Kids, span: Span) -> n.Case:
    _word, operand, *arms, otherwise, _end = kids
    return n.Case(operand, tuple(arms), otherwise, span)


@_rule("when")
def _when(kids: Kids, _: Span) -> n.When:
    return n.When(kids[1], kids[3])


@_rule("exists")
def _exists(kids: Kids, span: Span) -> n.Exists:
    return n.Exists(kids[1], span)


@_rule("interval")
def _interval(kids: Kids, span: Span) -> n.Interval:
    return n.Interval(kids[1], _name(kids[2]), span)


@_rule("row")
def _row(kids: Kids, span: Span) -> n.RowExpr:
    return n.RowExpr((kids[0], *kids[1]), span)


@_rule("subquery")
def _subquery(kids: Kids, span: Span) -> n.Subquery:
    return n.Subquery(kids[0], span)
