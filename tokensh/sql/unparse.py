"""Nodes to text: canonical text that parses to the same tree, and, for queries, text that SQLite runs.

One printer serves both; `Dialect` holds what differs: how a table is named, and what SQLite writes otherwise. SQLite's limits
are kept: chains of AND and OR are balanced, and no parentheses are printed that the precedence does not ask for.
"""

from __future__ import annotations

from collections.abc import Sequence

from tokensh.errors import NotSupportedError, assert_never
from tokensh.sql import nodes as n

# Binding strengths, loosest first; an operand that binds looser than its place asks for parentheses.
_OR, _AND, _NOT, _PREDICATE, _BITS, _SUM, _PRODUCT, _TEXT, _UNARY, _COLLATE, _PRIMARY = range(11)
_BINARY = {
    **dict.fromkeys(("=", "!=", "<", "<=", ">", ">="), _PREDICATE),
    **dict.fromkeys(("|", "&", "<<", ">>"), _BITS),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "%"), _PRODUCT),
    **dict.fromkeys(("||", "->", "->>"), _TEXT),
}
_ORDERING = ("<", "<=", ">", ">=")


def quoted(name: str) -> str:
    """An identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(value: str) -> str:
    """A string in single quotes."""
    return "'" + value.replace("'", "''") + "'"


def literal(value: str | int | float | bytes | None) -> str:
    """A value as it is written in SQL."""
    match value:
        case None:
            return "NULL"
        case str():
            return text_literal(value)
        case bytes():
            return f"x'{value.hex()}'"
        case _:
            return repr(value)


def path(parts: n.Path) -> str:
    """A dotted name, every part in quotes, so that no word of it can be read as a keyword."""
    return ".".join(quoted(part.text) for part in parts)


def statement(node: n.Statement) -> str:
    """The canonical text of a statement (without `;`): it parses to the same tree."""
    return _Printer().statement(node)


def query(node: n.Query) -> str:
    """Return the canonical text of a query."""
    return _Printer().query(node)


def expression(node: n.Expr, *, sqlite: bool = False) -> str:
    """Return the text of an expression: canonical, or for SQLite, where its names and queries have been resolved."""
    return _Printer(sqlite=sqlite).expr(node)


def window(node: n.Window, *, sqlite: bool = False) -> str:
    """Return the text of a window, without its parentheses."""
    return _Printer(sqlite=sqlite).window(node)


class _Printer:
    def __init__(self, *, sqlite: bool = False) -> None:
        self.sqlite = sqlite

    # ---- statements

    def statement(self, node: n.Statement) -> str:
        match node:
            case n.Query():
                return self.query(node)
            case n.Insert():
                return self.insert(node)
            case n.Update():
                return self.update(node)
            case n.Delete():
                alias = self.alias(node.alias)
                return self.join(
                    "DELETE FROM",
                    path(node.target) + alias,
                    self.where(node.where),
                    self.tail(node),
                    self.returning(node),
                )
            case n.Exec():
                return self.execute(node)
            case n.Explain():
                return f"EXPLAIN {self.statement(node.statement)}"
            case n.Show():
                return self.show(node)
            case n.ShowInsert():
                return self.join(
                    "SHOW", node.extended and "EXTENDED", "INSERT INTO", path(node.target) + self.columns(node.columns)
                )
            case n.Describe():
                return self.join("DESCRIBE", node.method and "METHOD", node.extended and "EXTENDED", path(node.path))
            case n.Use():
                return f"USE {path(node.path)}"
            case n.CreateView():
                return self.create_view(node)
            case n.CreateTable():
                return self.create_table(node)
            case n.Drop():
                return self.join("DROP", node.kind, node.if_exists and "IF EXISTS", path(node.path))
            case n.Refresh():
                return f"REFRESH MATERIALIZED VIEW {path(node.path)}"
            case n.Transaction():
                return node.verb
            case n.Unsupported():
                return node.text
            case _:
                assert_never(node)

    def insert(self, node: n.Insert) -> str:
        verb = "REPLACE INTO" if node.replace else "INSERT INTO"
        return self.join(
            verb, path(node.target) + self.columns(node.columns), self.any_query(node.query), self.returning(node)
        )

    def update(self, node: n.Update) -> str:
        assignments = ", ".join(f"{path(target)} = {self.expr(value)}" for target, value in node.assignments)
        source = f"FROM {self.table(node.source)}" if node.source else ""
        head = f"{node.verb} {path(node.target)}{self.alias(node.alias)} SET {assignments}"
        return self.join(head, source, self.where(node.where), self.tail(node), self.returning(node))

    def execute(self, node: n.Exec) -> str:
        arguments = [f"@{a.name} = {self.expr(a.value)}" for a in node.arguments]
        if node.body:
            arguments.append(f"@@json = {text_literal(node.body.text)}")
        return self.join("EXEC", path(node.target), ", ".join(arguments))

    def show(self, node: n.Show) -> str:
        what = (
            " ".join(quoted(word) for word in node.what.text.split(" "))
            if not node.what.quoted
            else quoted(node.what.text)
        )
        place = f"IN {path(node.path)}" if node.path else ""
        like = f"LIKE {text_literal(node.like)}" if node.like is not None else ""
        return self.join("SHOW", node.extended and "EXTENDED", what, place, like, self.where(node.where))

    def create_view(self, node: n.CreateView) -> str:
        names = f" ({self.names(node.columns)})" if node.columns else ""
        return self.join(
            "CREATE",
            node.replace and "OR REPLACE",
            node.materialized and "MATERIALIZED",
            "VIEW",
            node.if_not_exists and "IF NOT EXISTS",
            path(node.path) + names,
            "AS",
            self.any_query(node.query),
        )

    def create_table(self, node: n.CreateTable) -> str:
        head = self.join(
            "CREATE", node.replace and "OR REPLACE", "TABLE", node.if_not_exists and "IF NOT EXISTS", path(node.path)
        )
        if node.query:
            return f"{head} AS {self.any_query(node.query)}"
        columns = [self.join(quoted(c.name.text), _type(c.type), *c.constraints) for c in node.columns]
        return f"{head} ({', '.join((*columns, *node.constraints))})"

    def columns(self, names: tuple[n.Path, ...] | None) -> str:
        return f" ({', '.join(path(p) for p in names)})" if names else ""

    def returning(self, node: n.Insert | n.Update | n.Delete) -> str:
        return f"RETURNING {self.items(node.returning)}" if node.returning else ""

    @staticmethod
    def join(*parts: str | bool | None) -> str:
        return " ".join(part for part in parts if isinstance(part, str) and part)

    # ---- queries

    def any_query(self, node: n.Query) -> str:
        return self.query(node)

    def query(self, node: n.Query) -> str:
        ctes = ""
        if node.ctes:
            ctes = f"WITH {'RECURSIVE ' if node.recursive else ''}{', '.join(map(self.cte, node.ctes))}"
        return self.join(ctes, self.body(node.body), self.tail(node))

    def cte(self, node: n.Cte) -> str:
        names = f" ({self.names(node.columns)})" if node.columns else ""
        return f"{quoted(node.name.text)}{names} AS ({self.query(node.query)})"

    def body(self, node: n.Body) -> str:
        match node:
            case n.Select():
                return self.select(node)
            case n.Values():
                return f"VALUES {', '.join(f'({self.exprs(row)})' for row in node.rows)}"
            case n.Compound():
                return f"{self.arm(node.left)} {node.operator} {self.arm(node.right)}"
            case n.Query():
                return self.arm(node)
            case _:
                assert_never(node)

    def arm(self, node: n.Body) -> str:
        """An arm of a set operation; SQLite takes no parentheses there, so it becomes a derived table."""
        if not isinstance(node, n.Query):
            return self.body(node)
        inner = f"({self.query(node)})"
        return f"SELECT * FROM {inner}" if self.sqlite else inner  # noqa: S608 (the query is ours, its names quoted)

    def tail(self, node: n.Query | n.Update | n.Delete) -> str:
        order = f"ORDER BY {self.order(node.order)}" if node.order else ""
        limit = f"LIMIT {self.expr(node.limit)}" if node.limit is not None else ""
        offset = f"OFFSET {self.expr(node.offset)}" if node.offset is not None else ""
        return self.join(order, limit, offset)

    def select(self, node: n.Select) -> str:
        windows = ", ".join(f"{quoted(name.text)} AS ({self.window(window)})" for name, window in node.windows)
        return self.join(
            "SELECT",
            node.distinct and "DISTINCT",
            self.items(node.items),
            f"FROM {self.table(node.source)}" if node.source else "",
            self.where(node.where),
            f"GROUP BY {self.exprs(node.group)}" if node.group else "",
            f"HAVING {self.expr(node.having)}" if node.having is not None else "",
            f"WINDOW {windows}" if windows else "",
        )

    def items(self, items: Sequence[n.Item | n.Star]) -> str:
        return ", ".join(self.item(item) for item in items)

    def item(self, item: n.Item | n.Star) -> str:
        if isinstance(item, n.Star):
            return f"{path(item.path)}.*" if item.path else "*"
        return self.expr(item.expr) + (f" AS {quoted(item.alias.text)}" if item.alias else "")

    def where(self, node: n.Expr | None) -> str:
        return f"WHERE {self.expr(node)}" if node is not None else ""

    def alias(self, alias: n.Name | None) -> str:
        return f" AS {quoted(alias.text)}" if alias else ""

    def names(self, names: Sequence[n.Name]) -> str:
        return ", ".join(quoted(name.text) for name in names)

    def table(self, node: n.FromItem) -> str:
        match node:
            case n.TableRef():
                return path(node.path) + self.alias(node.alias)
            case n.TableFunction():
                name = path(node.name[-1:] if self.sqlite else node.name)
                return f"{name}({self.exprs(node.arguments)}){self.alias(node.alias)}"
            case n.Derived():
                inner = self.query(node.query) if isinstance(node.query, n.Query) else self.execute(node.query)
                return f"({inner}){self.alias(node.alias)}"
            case n.Join():
                return self.joined(node)
            case _:
                assert_never(node)

    def joined(self, node: n.Join) -> str:
        right = self.table(node.right)
        # A join on the right side was in parentheses; a comma on the left binds looser than JOIN and needs them too.
        if isinstance(node.right, n.Join):
            right = f"({right})"
        left = self.table(node.left)
        if isinstance(node.left, n.Join) and node.left.kind == "COMMA" and node.kind != "COMMA":
            left = f"({left})"
        if node.kind == "COMMA":
            return f"{left}, {right}"
        on = f" ON {self.expr(node.on)}" if node.on is not None else ""
        using = f" USING ({self.names(node.using)})" if node.using else ""
        return f"{left} {'NATURAL ' if node.natural else ''}{node.kind} JOIN {right}{on}{using}"

    def order(self, items: Sequence[n.OrderItem]) -> str:
        return ", ".join(
            self.join(self.expr(i.expr), i.direction, f"NULLS {i.nulls}" if i.nulls else "") for i in items
        )

    def window(self, node: n.Window) -> str:
        return self.join(
            quoted(node.base.text) if node.base else "",
            f"PARTITION BY {self.exprs(node.partition)}" if node.partition else "",
            f"ORDER BY {self.order(node.order)}" if node.order else "",
            self.frame(node.frame) if node.frame else "",
        )

    def frame(self, node: n.Frame) -> str:
        exclude = node.exclude or ""
        if node.end is None:
            return self.join(node.unit, self.bound(node.start), exclude)
        return self.join(node.unit, "BETWEEN", self.bound(node.start), "AND", self.bound(node.end), exclude)

    def bound(self, node: n.FrameBound) -> str:
        return f"{self.expr(node.offset)} {node.kind}" if node.offset is not None else node.kind

    # ---- expressions

    def inner(self, node: n.Query | n.ResolvedQuery) -> str:
        return node.sql if isinstance(node, n.ResolvedQuery) else self.query(node)

    def exprs(self, nodes: Sequence[n.Expr]) -> str:
        return ", ".join(self.expr(node) for node in nodes)

    def expr(self, node: n.Expr, place: int = _OR) -> str:
        """An expression where only what binds at least as strong as `place` may stand without parentheses."""
        text, strength = self.bare(node)
        return f"({text})" if strength < place else text

    def bare(self, node: n.Expr) -> tuple[str, int]:
        match node:
            case n.Literal():
                return self.literal(node), _PRIMARY
            case n.ColumnRef():
                return path(node.path), _PRIMARY
            case n.ResolvedColumn():
                return node.sql, _PRIMARY
            case n.Placeholder():
                return f"{{{{ {node.name} }}}}", _PRIMARY
            case n.Variable():
                return node.text, _PRIMARY
            case n.Unary():
                return self.unary(node)
            case n.Binary():
                strength = _BINARY[node.operator]
                left = self.expr(node.left, self.left_place(node, strength))
                return f"{left} {node.operator} {self.expr(node.right, strength + 1)}", strength
            case n.Logical():
                return self.logical(node)
            case n.Between():
                low, high = self.expr(node.low, _BITS), self.expr(node.high, _BITS)
                return f"{self.expr(node.operand, _PREDICATE)}{_not(node.negated)} BETWEEN {low} AND {high}", _PREDICATE
            case n.InList():
                return (
                    f"{self.expr(node.operand, _PREDICATE)}{_not(node.negated)} IN ({self.exprs(node.items)})",
                    _PREDICATE,
                )
            case n.InQuery():
                return (
                    f"{self.expr(node.operand, _PREDICATE)}{_not(node.negated)} IN ({self.inner(node.query)})",
                    _PREDICATE,
                )
            case n.Match():
                escape = f" ESCAPE {self.expr(node.escape, _BITS)}" if node.escape is not None else ""
                operand, pattern = self.expr(node.operand, _PREDICATE), self.expr(node.pattern, _BITS)
                return f"{operand}{_not(node.negated)} {node.operator} {pattern}{escape}", _PREDICATE
            case n.Is():
                distinct = " DISTINCT FROM" if node.distinct else ""
                return (
                    f"{self.expr(node.operand, _PREDICATE)} IS{_not(node.negated)}{distinct} {self.expr(node.other, _BITS)}",
                    _PREDICATE,
                )
            case n.Collate():
                return f"{self.expr(node.operand, _COLLATE)} COLLATE {quoted(node.collation.text)}", _COLLATE
            case _:
                return self.primary(node), _PRIMARY

    def left_place(self, node: n.Binary, strength: int) -> int:
        """SQLite's `<` binds tighter than its `=`, IS, IN and LIKE, where the dialect has them all alike."""
        ordering = self.sqlite and node.operator in _ORDERING
        alike = isinstance(node.left, n.Binary) and node.left.operator in _ORDERING
        return strength + 1 if ordering and not alike else strength

    def primary(self, node: n.Exists | n.Subquery | n.RowExpr | n.Case | n.Cast | n.Interval | n.Call) -> str:
        match node:
            case n.Exists():
                return f"EXISTS ({self.inner(node.query)})"
            case n.Subquery():
                return f"({self.inner(node.query)})"
            case n.RowExpr():
                return f"({self.exprs(node.items)})"
            case n.Case():
                operand = self.expr(node.operand) if node.operand is not None else ""
                arms = " ".join(f"WHEN {self.expr(a.condition)} THEN {self.expr(a.result)}" for a in node.arms)
                otherwise = f"ELSE {self.expr(node.otherwise)}" if node.otherwise is not None else ""
                return self.join("CASE", operand, arms, otherwise, "END")
            case n.Cast():
                return (
                    f"CAST({self.expr(node.operand)} AS {_sqlite_type(node.type) if self.sqlite else _type(node.type)})"
                )
            case n.Interval():
                if self.sqlite:
                    raise NotSupportedError(
                        "INTERVAL is not offered",
                        span=node.span,
                        hint="write datetime(x, '+1 day') or do sums in milliseconds",
                    )
                amount = self.expr(node.amount)
                if not isinstance(node.amount, n.Literal | n.Placeholder | n.Variable):
                    amount = f"({amount})"
                return f"INTERVAL {amount} {quoted(node.unit.text)}"
            case n.Call():
                return self.call(node)
            case _:
                assert_never(node)

    def literal(self, node: n.Literal) -> str:
        match node.kind:
            case "string":
                return text_literal(node.text)
            case "number":
                return node.text
            case "blob":
                return _blob(node.text) if self.sqlite else node.text
            case "current":
                return node.text
            case "null" | "true" | "false":
                return node.kind.upper()
            case _:
                assert_never(node.kind)

    def unary(self, node: n.Unary) -> tuple[str, int]:
        if node.operator == "NOT":
            return f"NOT {self.expr(node.operand, _NOT)}", _NOT
        operand = self.expr(node.operand, _UNARY)
        # Two minus signs in a row would begin a comment.
        return f"{node.operator}{' ' if operand.startswith(('-', '+')) else ''}{operand}", _UNARY

    def logical(self, node: n.Logical) -> tuple[str, int]:
        strength = _AND if node.operator == "AND" else _OR
        parts = [self.expr(o, strength if i == 0 else strength + 1) for i, o in enumerate(node.operands)]
        if self.sqlite:
            return _balanced(parts, f" {node.operator} "), strength
        return f" {node.operator} ".join(parts), strength

    def call(self, node: n.Call) -> str:
        name = path(node.name[-1:] if self.sqlite else node.name)
        inside = "*" if node.star else self.exprs(node.arguments)
        order = f"ORDER BY {self.order(node.order)}" if node.order else ""
        separator = f"SEPARATOR {text_literal(node.separator)}" if node.separator is not None else ""
        if separator and self.sqlite:
            inside, separator = f"{inside}, {text_literal(node.separator or '')}", ""
        text = f"{name}({self.join(node.distinct and 'DISTINCT', inside, order, separator)})"
        if node.filter is not None:
            text += f" FILTER (WHERE {self.expr(node.filter)})"
        if node.over is not None:
            over = quoted(node.over.text) if isinstance(node.over, n.Name) else f"({self.window(node.over)})"
            text += f" OVER {over}"
        return text


_CHUNK = 64


def _balanced(parts: list[str], operator: str) -> str:
    """A chain as a shallow tree of parentheses: SQLite limits an expression's depth to 1,000."""
    while len(parts) > _CHUNK:
        groups = (parts[i : i + _CHUNK] for i in range(0, len(parts), _CHUNK))
        parts = [f"({operator.join(group)})" for group in groups]
    return operator.join(parts)


def _not(negated: bool) -> str:
    return " NOT" if negated else ""


def _type(name: str) -> str:
    """A type's words as names, so that none is read as a keyword; its sizes as they are."""
    words, parenthesis, sizes = name.partition("(")
    return " ".join(quoted(word) for word in words.split()) + parenthesis + sizes


_AFFINITIES = {
    "SIGNED": "INTEGER",
    "UNSIGNED": "INTEGER",
    "JSON": "TEXT",
    "DATE": "TEXT",
    "DATETIME": "TEXT",
    "TIME": "TEXT",
    "STRING": "TEXT",
    "BOOLEAN": "INTEGER",
    "BOOL": "INTEGER",
}


def _sqlite_type(name: str) -> str:
    """A SQL type as SQLite's affinity: what SQLite would not know by its letters is named."""
    words = name.partition("(")[0].split()
    return _AFFINITIES.get(words[0], " ".join(words)) if words else ""


def _blob(text: str) -> str:
    """`b'0101'` as the x'' form that SQLite reads."""
    if text[0] in "xX":
        return text
    digits = text[2:-1]
    size = (len(digits) + 7) // 8
    return f"x'{int(digits or '0', 2).to_bytes(size, 'big').hex()}'"
