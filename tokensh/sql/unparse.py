"""Print trees: canonical text that parses to the same tree, and, for resolved expressions, text that SQLite runs.

One printer serves both, because all but a handful of lines are the same. Printing is pure: it looks no name up, and what the planner has
resolved (`nodes.ResolvedColumn`, `nodes.ResolvedQuery`) brings its own text. The depth of SQLite's expressions is limited, so chains of AND and
OR are printed as a balanced tree, and parentheses only where the precedence asks for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from tokensh._dataclasses import replace
from tokensh.errors import NotSupportedError, assert_never
from tokensh.functions import ADD_INTERVAL, SORTED_CONCAT
from tokensh.sql import nodes
from tokensh.sql.quoting import (
    index_column_text,
    quote_name,
    quote_path,
    quote_type,
    reference_text,
    text_literal,
)
from tokensh.sql.sqlite_text import (
    CHUNK_VALUE,
    DEPTH_OF_CALL,
    MOST_OPERATORS,
    TIME_CASTS,
    join_balanced,
    join_chunks,
    literal_text,
    order_letter,
    refuse_aggregates,
    sqlite_cast,
    sqlite_name,
)
from tokensh.sql.workspace_names import Comparison, compare_canonical_names

# Precedences, loosest first; an operand that binds looser than the operator around it needs parentheses.
_OR, _AND, _NOT, _PREDICATE, _BITS, _SUM, _PRODUCT, _TEXT, _UNARY, _COLLATE, _PRIMARY = range(11)
_BINARY = {
    **dict.fromkeys(("=", "!=", "<", "<=", ">", ">="), _PREDICATE),
    **dict.fromkeys(("|", "&", "<<", ">>"), _BITS),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "%"), _PRODUCT),
    **dict.fromkeys(("||", "->", "->>"), _TEXT),
}
_ORDERING = ("<", "<=", ">", ">=")


def statement(node: nodes.Statement) -> str:
    """Return the canonical text of a statement (without `;`): it parses to the same tree."""
    return _Printer().statement(node)


def query(node: nodes.Query) -> str:
    """Return the canonical text of a query."""
    return _Printer().query(node)


def constraint(node: nodes.Constraint) -> str:
    """Return the canonical text of a constraint of a column or table."""
    return _Printer().constraint(node)


def expression(node: nodes.Expr, *, sqlite: bool = False) -> str:
    """Return the text of an expression: canonical, or for SQLite, where its names and queries have been resolved."""
    return _Printer(sqlite=sqlite).expr(node)


def window(node: nodes.Window, *, sqlite: bool = False) -> str:
    """Return the text of a window, without its parentheses."""
    return _Printer(sqlite=sqlite).window(node)


class _Printer:
    def __init__(self, *, sqlite: bool = False) -> None:
        self.sqlite = sqlite

    # ---- statements

    def statement(self, node: nodes.Statement) -> str:
        match node:
            case nodes.Query():
                return self.query(node)
            case nodes.Insert():
                return self.insert(node)
            case nodes.Update():
                return self.update(node)
            case nodes.Delete():
                alias = self.alias(node.alias)
                return self.join(
                    self.with_clause(node),
                    "DELETE FROM",
                    quote_path(node.target) + alias,
                    self.where(node.where),
                    self.tail(node),
                    self.returning(node),
                )
            case nodes.Exec():
                return self.execute(node)
            case nodes.Explain():
                return f"EXPLAIN {self.statement(node.statement)}"
            case nodes.Show():
                return self.show(node)
            case nodes.ShowInsert():
                return self.join(
                    "SHOW",
                    node.extended and "EXTENDED",
                    "INSERT INTO",
                    quote_path(node.target) + self.columns(node.columns),
                )
            case nodes.Describe():
                return self.join(
                    "DESCRIBE", node.method and "METHOD", node.extended and "EXTENDED", quote_path(node.path)
                )
            case nodes.Use():
                return f"USE {quote_path(node.path)}"
            case nodes.CreateView():
                return self.create_view(node)
            case nodes.CreateTable():
                return self.create_table(node)
            case nodes.CreateIndex():
                return self.create_index(node)
            case nodes.Drop():
                return self.join("DROP", node.kind, node.if_exists and "IF EXISTS", quote_path(node.path))
            case nodes.Refresh():
                return f"REFRESH MATERIALIZED VIEW {quote_path(node.path)}"
            case nodes.Transaction():
                return self.join(node.verb, node.name is not None and quote_name(node.name.text))
            case nodes.Unsupported() | nodes.Registry():
                return node.text
            case _:
                assert_never(node)

    def insert(self, node: nodes.Insert) -> str:
        verb = "REPLACE INTO" if node.replace else "INSERT IGNORE INTO" if node.ignore else "INSERT INTO"
        values = "DEFAULT VALUES" if node.columns == () else self.query(node.query)
        target = quote_path(node.target) + self.columns(node.columns)
        return self.join(verb, target, values, self.conflict(node.conflict), self.returning(node))

    def conflict(self, node: nodes.Conflict | None) -> str:
        if node is None:
            return ""
        columns = f"({self.names(node.columns)})" if node.columns else ""
        if not node.assignments:
            return self.join("ON CONFLICT", columns, "DO NOTHING")
        return self.join(
            "ON CONFLICT", columns, "DO UPDATE SET", self.assignments(node.assignments), self.where(node.where)
        )

    def assignments(self, pairs: Sequence[tuple[nodes.Path, nodes.Expr]]) -> str:
        return ", ".join(f"{quote_path(target)} = {self.expr(value)}" for target, value in pairs)

    def update(self, node: nodes.Update) -> str:
        source = f"FROM {self.table(node.source)}" if node.source else ""
        head = f"{node.verb} {quote_path(node.target)}{self.alias(node.alias)} SET {self.assignments(node.assignments)}"
        return self.join(
            self.with_clause(node), head, source, self.where(node.where), self.tail(node), self.returning(node)
        )

    def execute(self, node: nodes.Exec) -> str:
        arguments = [f"@{a.name} = {self.expr(a.value)}" for a in node.arguments]
        if node.body:
            arguments.append(f"@@json = {text_literal(node.body.text)}")
        return self.join("EXEC", quote_path(node.target), ", ".join(arguments))

    def show(self, node: nodes.Show) -> str:
        what = (
            " ".join(quote_name(word) for word in node.what.text.split(" "))
            if not node.what.quoted
            else quote_name(node.what.text)
        )
        container = f"IN {quote_path(node.path)}" if node.path else ""
        like = f"LIKE {text_literal(node.like)}" if node.like is not None else ""
        return self.join("SHOW", node.extended and "EXTENDED", what, container, like, self.where(node.where))

    def create_view(self, node: nodes.CreateView) -> str:
        names = f" ({self.names(node.columns)})" if node.columns else ""
        return self.join(
            "CREATE",
            node.replace and "OR REPLACE",
            node.materialized and "MATERIALIZED",
            "VIEW",
            node.if_not_exists and "IF NOT EXISTS",
            quote_path(node.path) + names,
            "AS",
            self.query(node.query),
        )

    def create_table(self, node: nodes.CreateTable) -> str:
        head = self.join(
            "CREATE",
            node.replace and "OR REPLACE",
            "TABLE",
            node.if_not_exists and "IF NOT EXISTS",
            quote_path(node.path),
        )
        if node.query:
            return f"{head} AS {self.query(node.query)}"
        columns = [
            self.join(quote_name(c.name.text), quote_type(c.type), *map(self.constraint, c.constraints))
            for c in node.columns
        ]
        return f"{head} ({', '.join((*columns, *map(self.constraint, node.constraints)))})"

    def constraint(self, node: nodes.Constraint) -> str:
        """Return the text of a constraint of a column or a table."""
        columns = f"({self.names(node.columns)})" if node.columns else ""
        reference = node.reference
        return self.join(
            f"CONSTRAINT {quote_name(node.name.text)}" if node.name else "",
            "FOREIGN KEY" if reference and columns else "" if reference else node.kind,
            columns,
            f"({self.expr(node.expr)})" if node.expr is not None else "",
            quote_name(node.collation.text) if node.collation else "",
            reference_text(reference) if reference else "",
        )

    def create_index(self, node: nodes.CreateIndex) -> str:
        head = self.join(
            "CREATE", node.unique and "UNIQUE", "INDEX", node.if_not_exists and "IF NOT EXISTS", quote_path(node.path)
        )
        return f"{head} ON {quote_path(node.table)} ({', '.join(map(index_column_text, node.columns))})"

    def columns(self, names: tuple[nodes.Path, ...] | None) -> str:
        return f" ({', '.join(quote_path(p) for p in names)})" if names else ""

    def returning(self, node: nodes.Insert | nodes.Update | nodes.Delete) -> str:
        return f"RETURNING {self.items(node.returning)}" if node.returning else ""

    @staticmethod
    def join(*parts: str | bool | None) -> str:
        return " ".join(part for part in parts if isinstance(part, str) and part)

    # ---- queries

    def query(self, node: nodes.Query) -> str:
        return self.join(self.with_clause(node), self.body(node.body), self.tail(node))

    def with_clause(self, node: nodes.Query | nodes.Update | nodes.Delete) -> str:
        if not node.ctes:
            return ""
        return f"WITH {'RECURSIVE ' if node.recursive else ''}{', '.join(map(self.cte, node.ctes))}"

    def cte(self, node: nodes.Cte) -> str:
        names = f" ({self.names(node.columns)})" if node.columns else ""
        return f"{quote_name(node.name.text)}{names} AS ({self.query(node.query)})"

    def body(self, node: nodes.Body) -> str:
        match node:
            case nodes.Select():
                return self.select(node)
            case nodes.Values():
                return f"VALUES {', '.join(f'({self.exprs(row)})' for row in node.rows)}"
            case nodes.Compound():
                return " ".join((self.arm(node.first), *(f"{word} {self.arm(arm)}" for word, arm in node.parts)))
            case nodes.Query():
                return self.arm(node)
            case _:
                assert_never(node)

    def arm(self, node: nodes.Body) -> str:
        return f"({self.query(node)})" if isinstance(node, nodes.Query) else self.body(node)

    def tail(self, node: nodes.Query | nodes.Update | nodes.Delete) -> str:
        order = f"ORDER BY {self.order(node.order)}" if node.order else ""
        limit = f"LIMIT {self.expr(node.limit)}" if node.limit is not None else ""
        offset = f"OFFSET {self.expr(node.offset)}" if node.offset is not None else ""
        return self.join(order, limit, offset)

    def select(self, node: nodes.Select) -> str:
        windows = ", ".join(f"{quote_name(name.text)} AS ({self.window(window)})" for name, window in node.windows)
        return self.join(
            "SELECT",
            node.distinct and "DISTINCT",
            self.items(node.items),
            f"FROM {self.table(node.source)}" if node.source else "",
            self.where(node.where),
            f"GROUP BY {self.exprs(node.group)}" if node.group else "GROUP BY ALL" if node.group_all else "",
            f"HAVING {self.expr(node.having)}" if node.having is not None else "",
            f"QUALIFY {self.expr(node.qualify)}" if node.qualify is not None else "",
            f"WINDOW {windows}" if windows else "",
        )

    def items(self, items: Sequence[nodes.Item | nodes.Star]) -> str:
        return ", ".join(self.item(item) for item in items)

    def item(self, item: nodes.Item | nodes.Star) -> str:
        if isinstance(item, nodes.Star):
            return f"{quote_path(item.path)}.*" if item.path else "*"
        return self.expr(item.expr) + (f" AS {quote_name(item.alias.text)}" if item.alias else "")

    def where(self, node: nodes.Expr | None) -> str:
        return f"WHERE {self.expr(node)}" if node is not None else ""

    def alias(self, alias: nodes.Name | None, columns: Sequence[nodes.Name] = ()) -> str:
        return (f" AS {quote_name(alias.text)}" if alias else "") + (f" ({self.names(columns)})" if columns else "")

    def names(self, names: Sequence[nodes.Name]) -> str:
        return ", ".join(quote_name(name.text) for name in names)

    def table(self, node: nodes.FromItem) -> str:
        match node:
            case nodes.TableRef():
                return quote_path(node.path) + self.alias(node.alias, node.columns)
            case nodes.TableFunction():
                name = quote_path(node.name)
                return f"{name}({self.exprs(node.arguments)}){self.alias(node.alias, node.columns)}"
            case nodes.Derived():
                inner = self.query(node.query) if isinstance(node.query, nodes.Query) else self.execute(node.query)
                return f"({inner}){self.alias(node.alias, node.columns)}"
            case nodes.Join():
                return self.join_tables(node)
            case _:
                assert_never(node)

    def join_tables(self, node: nodes.Join) -> str:
        right = self.table(node.right)
        # A join on the right side was in parentheses; a comma on the left binds looser than JOIN and needs them too.
        if isinstance(node.right, nodes.Join):
            right = f"({right})"
        left = self.table(node.left)
        if isinstance(node.left, nodes.Join) and node.left.kind == "COMMA" and node.kind != "COMMA":
            left = f"({left})"
        if node.kind == "COMMA":
            return f"{left}, {right}"
        on = f" ON {self.expr(node.on)}" if node.on is not None else ""
        using = f" USING ({self.names(node.using)})" if node.using else ""
        return f"{left} {'NATURAL ' if node.natural else ''}{node.kind} JOIN {right}{on}{using}"

    def order(self, items: Sequence[nodes.OrderItem]) -> str:
        return ", ".join(
            self.join(self.expr(i.expr), i.direction, f"NULLS {i.nulls}" if i.nulls else "") for i in items
        )

    def window(self, node: nodes.Window) -> str:
        return self.join(
            quote_name(node.base.text) if node.base else "",
            f"PARTITION BY {self.exprs(node.partition)}" if node.partition else "",
            f"ORDER BY {self.order(node.order)}" if node.order else "",
            self.frame(node.frame) if node.frame else "",
        )

    def frame(self, node: nodes.Frame) -> str:
        exclude = node.exclude or ""
        if node.end is None:
            return self.join(node.unit, self.bound(node.start), exclude)
        return self.join(node.unit, "BETWEEN", self.bound(node.start), "AND", self.bound(node.end), exclude)

    def bound(self, node: nodes.FrameBound) -> str:
        return f"{self.expr(node.offset)} {node.kind}" if node.offset is not None else node.kind

    # ---- expressions

    def subquery(self, node: nodes.Query | nodes.ResolvedQuery) -> str:
        return node.sql if isinstance(node, nodes.ResolvedQuery) else self.query(node)

    def exprs(self, nodes: Sequence[nodes.Expr]) -> str:
        return ", ".join(self.expr(node) for node in nodes)

    def expr(self, node: nodes.Expr, precedence: int = _OR) -> str:
        """Return an expression, in parentheses if it binds looser than `precedence`."""
        text, strength = self.without_parentheses(node)
        return f"({text})" if strength < precedence else text

    def without_parentheses(self, node: nodes.Expr) -> tuple[str, int]:
        if self.sqlite and isinstance(node, Comparison):
            node = compare_canonical_names(node)
        match node:
            case nodes.Literal():
                return literal_text(node, sqlite=self.sqlite), _PRIMARY
            case nodes.ColumnRef():
                return quote_path(node.path), _PRIMARY
            case nodes.ResolvedColumn():
                return node.sql, _PRIMARY
            case nodes.Placeholder():
                return f"{{{{ {node.name} }}}}", _PRIMARY
            case nodes.Variable():
                return node.text, _PRIMARY
            case nodes.Unary():
                return self.unary(node)
            case nodes.Binary():
                if self.sqlite and isinstance(node.right, nodes.Interval):
                    return self.shift(self.expr(node.left), node.operator, node.right), _PRIMARY
                if self.sqlite and isinstance(node.left, nodes.Interval):
                    return self.shift(self.expr(node.right), node.operator, node.left), _PRIMARY
                strength = _BINARY[node.operator]
                left = self.left_precedence(node, strength)
                operands = self.expr(node.left, left), self.expr(node.right, strength + 1)
                return f" {node.operator} ".join(operands), strength
            case nodes.Chain():
                return self.chain(node)
            case nodes.Logical():
                return self.logical(node)
            case nodes.Between():
                low, high = self.expr(node.low, _BITS), self.expr(node.high, _BITS)
                return (
                    f"{self.expr(node.operand, _PREDICATE)}{_not_word(node.negated)} BETWEEN {low} AND {high}",
                    _PREDICATE,
                )
            case nodes.InList() | nodes.InQuery():
                return self.is_in(node), _PREDICATE
            case nodes.Match():
                escape = f" ESCAPE {self.expr(node.escape, _BITS)}" if node.escape is not None else ""
                operand, pattern = self.expr(node.operand, _PREDICATE), self.expr(node.pattern, _BITS)
                return f"{operand}{_not_word(node.negated)} {node.operator} {pattern}{escape}", _PREDICATE
            case nodes.Is():
                return self.is_same(node), _PREDICATE
            case nodes.Collate():
                return f"{self.expr(node.operand, _COLLATE)} COLLATE {quote_name(node.collation.text)}", _COLLATE
            case _:
                return self.primary(node), _PRIMARY

    def is_in(self, node: nodes.InList | nodes.InQuery) -> str:
        members = self.exprs(node.items) if isinstance(node, nodes.InList) else self.subquery(node.query)
        return f"{self.expr(node.operand, _PREDICATE)}{_not_word(node.negated)} IN ({members})"

    def is_same(self, node: nodes.Is) -> str:
        distinct = " DISTINCT FROM" if node.distinct else ""
        operand, other = self.expr(node.operand, _PREDICATE), self.expr(node.other, _BITS)
        return f"{operand} IS{_not_word(node.negated)}{distinct} {other}"

    def left_precedence(self, node: nodes.Binary, strength: int) -> int:
        """Return the precedence for a left operand: in SQLite `<` binds tighter than `=`, IS, IN and LIKE; here all are equal."""
        ordering = self.sqlite and node.operator in _ORDERING
        is_ordering = isinstance(node.left, nodes.Binary) and node.left.operator in _ORDERING
        return strength + 1 if ordering and not is_ordering else strength

    def primary(
        self,
        node: nodes.Exists
        | nodes.Subquery
        | nodes.GroupingSets
        | nodes.RowExpr
        | nodes.Case
        | nodes.Cast
        | nodes.Interval
        | nodes.Call,
    ) -> str:
        match node:
            case nodes.Exists():
                return f"EXISTS ({self.subquery(node.query)})"
            case nodes.Subquery():
                return f"({self.subquery(node.query)})"
            case nodes.GroupingSets():
                return f"{node.kind} ({self.exprs(node.items)})"
            case nodes.RowExpr():
                return f"({self.exprs(node.items)})"
            case nodes.Case():
                operand = self.expr(node.operand) if node.operand is not None else ""
                arms = " ".join(f"WHEN {self.expr(a.condition)} THEN {self.expr(a.result)}" for a in node.arms)
                otherwise = f"ELSE {self.expr(node.otherwise)}" if node.otherwise is not None else ""
                return self.join("CASE", operand, arms, otherwise, "END")
            case nodes.Cast():
                return self.cast(node)
            case nodes.Interval():
                return self.interval(node)
            case nodes.Call():
                return self.call(node)
            case _:
                assert_never(node)

    def cast(self, node: nodes.Cast) -> str:
        operand = self.expr(node.operand)
        if not self.sqlite:
            return f"CAST({operand} AS {quote_type(node.type)})"
        function = TIME_CASTS.get(node.type.partition("(")[0].partition(" ")[0])
        return f"{quote_name(function)}({operand})" if function else sqlite_cast(operand, node.type)

    def interval(self, node: nodes.Interval) -> str:
        if self.sqlite:
            message = "an INTERVAL is added to a time, or subtracted from one"
            raise NotSupportedError(message, span=node.span, hint="for example now() - INTERVAL '30 days'")
        amount = self.expr(node.amount)
        if not isinstance(node.amount, nodes.Literal | nodes.Placeholder | nodes.Variable):
            amount = f"({amount})"
        return self.join("-" if node.negated else "", "INTERVAL", amount, node.unit)

    def shift(self, time: str, operator: str, interval: nodes.Interval) -> str:
        """Return a time with an interval added or subtracted, for SQLite."""
        if operator not in ("+", "-"):
            return self.interval(interval)
        sign = "-1" if (operator == "-") is not interval.negated else "1"
        amount, unit = self.expr(interval.amount), text_literal(interval.unit)
        return f"{quote_name(ADD_INTERVAL)}({time}, {sign}, {amount}, {unit})"

    def unary(self, node: nodes.Unary) -> tuple[str, int]:
        if node.operator == "NOT":
            return f"NOT {self.expr(node.operand, _NOT)}", _NOT
        operand = self.expr(node.operand, _UNARY)
        # Two minus signs in a row would begin a comment.
        return f"{node.operator}{' ' if operand.startswith(('-', '+')) else ''}{operand}", _UNARY

    def logical(self, node: nodes.Logical) -> tuple[str, int]:
        strength = _AND if node.operator == "AND" else _OR
        parts = [self.expr(o, strength if i == 0 else strength + 1) for i, o in enumerate(node.operands)]
        if self.sqlite:
            return join_balanced(parts, f" {node.operator} "), strength
        return f" {node.operator} ".join(parts), strength

    def chain(self, node: nodes.Chain) -> tuple[str, int]:
        strength = _BINARY[node.parts[0][0]]
        if not self.sqlite:
            text = self.expr(node.first, strength)
            return text + "".join(f" {word} {self.expr(part, strength + 1)}" for word, part in node.parts), strength
        if all(word == "||" for word, _ in node.parts):
            return join_balanced([self.expr(part, strength + 1) for part in node.operands], " || "), strength
        text = "" if isinstance(node.first, nodes.Interval) else self.expr(node.first, strength + 1)
        chunks: list[str] = []
        depth = 0
        for word, part in node.parts:
            if depth >= MOST_OPERATORS:
                # In queries that are evaluated one after the other: SQLite limits an expression's depth, and the order counts.
                if not chunks:
                    refuse_aggregates(node)
                chunks.append(text)
                text, depth = CHUNK_VALUE, 0
            if isinstance(part, nodes.Interval):
                text = self.shift(text or self.expr(node.first), word, part)
                depth += DEPTH_OF_CALL
            elif isinstance(node.first, nodes.Interval) and not text:
                text = self.shift(self.expr(part), word, node.first)
            else:
                text = f"{text} {word} {self.expr(part, strength + 1)}"
                depth += 1
        return (join_chunks(chunks, text), _PRIMARY) if chunks else (text, strength)

    def call(self, node: nodes.Call) -> str:
        if self.sqlite and (node.order or (node.distinct and (node.separator or len(node.arguments) > 1))):
            return self.sorted_aggregate(node)
        name = quote_name(sqlite_name(node.name[-1].text)) if self.sqlite else quote_path(node.name)
        inside = "*" if node.star else self.exprs(node.arguments)
        if self.sqlite and node.name[-1].text.lower() == "if":
            # A function of the name exists from SQLite 3.48 on; only this one evaluates no argument that it does not need.
            name, inside = "iif", inside if len(node.arguments) != 2 else f"{inside}, NULL"
        order = f"ORDER BY {self.order(node.order)}" if node.order else ""
        separator = f"SEPARATOR {text_literal(node.separator)}" if node.separator is not None else ""
        if separator and self.sqlite:
            inside, separator = f"{inside}, {text_literal(node.separator or '')}", ""
        return self.call_ending(f"{name}({self.join(node.distinct and 'DISTINCT', inside, order, separator)})", node)

    def call_ending(self, text: str, node: nodes.Call) -> str:
        if node.filter is not None:
            text += f" FILTER (WHERE {self.expr(node.filter)})"
        if node.over is not None:
            over = quote_name(node.over.text) if isinstance(node.over, nodes.Name) else f"({self.window(node.over)})"
            text += f" OVER {over}"
        return text

    def sorted_aggregate(self, node: nodes.Call) -> str:
        """Return an aggregate over rows in an order, or over distinct values with a separator: SQLite 3.40 has neither."""
        name = sqlite_name(node.name[-1].text)
        if name in _UNORDERED and len(node.arguments) < 2:
            return self.call(replace(node, order=()))
        if name not in ("group_concat", "json_group_array") or node.over is not None or node.star:
            message = (
                f"{node.name[-1].text} takes no ORDER BY here" if node.order else f"{name} takes one DISTINCT value"
            )
            raise NotSupportedError(message, span=node.span, hint="order the rows in a query in FROM")
        value, *others = node.arguments
        text, separator = f"CAST({self.expr(value)} AS TEXT)", "','"
        if name == "json_group_array":
            text = f"json_quote({self.expr(value)})"
        elif node.separator is not None:
            separator = text_literal(node.separator)
        elif others:
            separator = self.expr(others[0])
        form = ("D" if node.distinct else "A") + "".join(map(order_letter, node.order))
        keys = [self.expr(item.expr) for item in node.order]
        arguments = ", ".join((text_literal(form), text, separator, *keys))
        gathered = self.call_ending(f"{quote_name(SORTED_CONCAT)}({arguments})", node)
        return gathered if name == "group_concat" else f"json('[' || ifnull({gathered}, '') || ']')"


# Aggregates whose result does not depend on the order of the rows.
_UNORDERED = frozenset(("avg", "count", "max", "min", "sum", "total"))


def _not_word(negated: bool) -> str:
    return " NOT" if negated else ""
