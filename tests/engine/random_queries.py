"""Random SELECTs over user_tokens and tokens whose result does not depend on the order in which rows are read.

A query is made from its number alone. Every resource in it has its workspaces given: by a predicate in WHERE or ON, or by an
equality with a table before it or around it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

WORKSPACES = ("dbc-abcd0123-a1bc", "dbc-bcde1234-b2cd", "dbc-cdef2345-c3de")
Kind = Literal["place", "text", "integer", "number"]
"""What a column may be used as; `number` only as the parameter that it is: it takes no negative value."""
_COMMON: tuple[tuple[str, Kind], ...] = (
    ("deployment_name", "place"),
    ("token_id", "text"),
    ("comment", "text"),
    ("creation_time", "integer"),
    ("expiry_time", "integer"),
)
RESOURCES: dict[str, tuple[tuple[str, Kind], ...]] = {
    "user_tokens": _COMMON,
    "tokens": (
        *_COMMON,
        ("created_by_id", "number"),
        ("created_by_username", "text"),
        ("owner_id", "integer"),
        ("workspace_id", "integer"),
        ("last_used_day", "integer"),
    ),
}
WHOLE = "/* by itself */"
"""Stands behind a query in FROM that SQLite 3.40 must not merge with the query around it.

Of a UNION ALL and an outer join it would take a WHERE for an ON. `LIMIT -1` in its place prevents that.
"""
ARM = ("/* an arm */", "/* its end */")
"""Stand around an arm of a set operation that has an outer join: SQLite 3.40 finds too many rows of a UNION ALL of several."""
_FIELDS = ", ".join(name for name, _ in _COMMON)
VIEWS: dict[str, str] = {
    "every": "SELECT * FROM tokens",
    "both_kinds": f"SELECT {_FIELDS} FROM tokens WHERE comment <> '' UNION ALL SELECT {_FIELDS} FROM user_tokens {WHOLE}",
    "every_again": f"SELECT {_FIELDS} FROM every WHERE expiry_time > 0",
    "distinct_ones": f"SELECT DISTINCT {_FIELDS} FROM user_tokens",
    "of_both": f"SELECT {_FIELDS} FROM tokens INTERSECT SELECT {_FIELDS} FROM user_tokens",
    "of_one": f"SELECT {_FIELDS} FROM tokens EXCEPT SELECT {_FIELDS} FROM user_tokens",
    "grouped": (
        "SELECT deployment_name, min(token_id) AS token_id, comment, max(creation_time) AS creation_time,"
        " count(*) AS expiry_time FROM tokens GROUP BY 1, comment HAVING count(*) > 0"
    ),
    # The column of USING first: `*` shows it first here, as standard SQL says, and where it stands in SQLite.
    "by_alias": (
        "SELECT deployment_name AS deployment_name, lower(comment) AS token_id, min(comment) AS comment,"
        " sum(expiry_time % 1000) AS creation_time, max(expiry_time) AS expiry_time"
        " FROM user_tokens GROUP BY deployment_name, lower(comment)"
    ),
    "joined": (
        "SELECT u.deployment_name, u.token_id, t.comment, u.creation_time, t.last_used_day AS expiry_time"
        f" FROM user_tokens AS u LEFT JOIN tokens AS t ON t.deployment_name = u.deployment_name"
        f" AND t.token_id = u.token_id AND t.comment LIKE '%a%' {WHOLE}"
    ),
    "joined_by_name": (
        "SELECT deployment_name, token_id, u.comment, t.creation_time, u.expiry_time"
        " FROM user_tokens AS u JOIN tokens AS t USING (deployment_name, token_id)"
    ),
    "in_steps": (
        "WITH a(d, t, c) AS (SELECT deployment_name, token_id, comment FROM user_tokens WHERE comment IS NOT NULL),"
        " b AS (SELECT d AS place, t, c, length(c) AS n FROM a)"
        " SELECT place AS deployment_name, t AS token_id, c AS comment, n AS creation_time, n % 3 AS expiry_time FROM b"
    ),
    "correlated": (
        "SELECT deployment_name, token_id, comment, creation_time, (SELECT count(*) FROM tokens AS t"
        " WHERE t.deployment_name = u.deployment_name AND t.creation_time <= u.creation_time) AS expiry_time"
        " FROM user_tokens AS u WHERE EXISTS (SELECT 1 FROM tokens AS t WHERE t.token_id = u.token_id"
        " AND t.deployment_name = u.deployment_name)"
    ),
}
"""Views over the resources, by what they select; predicates pass through them."""
_SHAPES = {**RESOURCES, **{name: RESOURCES["tokens"] if name == "every" else _COMMON for name in VIEWS}}
# No capitals: names of workspaces are compared in any case, here and not in SQLite.
_TEXTS = ("", "null", "extra 1", "grafana", "a%", "it''s", "東京", "dbt production", *WORKSPACES)
_OUTER = ("LEFT JOIN", "RIGHT JOIN", "FULL JOIN")
_PATTERNS = ("%e%", "extra _", "%''%", "d%", "%", "", "%\\%", "_")


@dataclass(frozen=True)
class Column:
    ref: str
    kind: Kind


@dataclass(frozen=True)
class Source:
    """An item of FROM, under an alias."""

    text: str
    alias: str
    columns: tuple[Column, ...]
    resource: bool


@dataclass
class Scope:
    """The columns that an expression may use: those of its own query, and those around it."""

    own: list[Column] = field(default_factory=list)
    outer: tuple[Column, ...] = ()

    @property
    def all(self) -> tuple[Column, ...]:
        return (*self.own, *self.outer)


@dataclass(frozen=True)
class BuiltQuery:
    """A query in words, and what its columns are (called c1, c2, ...)."""

    sql: str
    kinds: tuple[Kind, ...]


@dataclass(frozen=True)
class Statement:
    sql: str
    ordered: bool
    """Whether the order of the rows is given too."""


class StatementBuilder:
    """Builds one statement from a number."""

    def __init__(self, number: int, token_ids: Sequence[str]) -> None:
        self.random = Random(number)
        self.token_ids = token_ids
        self.ctes: list[tuple[str, tuple[Kind, ...]]] = []
        self.count = 0

    def statement(self) -> Statement:
        ctes = [self.cte() for _ in range(self.random.choice((0, 0, 0, 1, 2)))]
        head = f"WITH RECURSIVE {', '.join(ctes)} " if ctes else ""
        if self.chance(0.07):
            sources, conditions = self.sources(Scope(), 2)
            return Statement(f"{head}SELECT * FROM {sources}{_join_conditions(conditions)}", ordered=False)
        query = self.query(Scope(), 3)
        if self.chance(0.4):
            order = ", ".join(
                f"{i}{self.pick((' DESC', ' ASC', '', ' NULLS LAST'))}" for i in range(1, len(query.kinds) + 1)
            )
            return Statement(f"{head}{query.sql} ORDER BY {order}{self.limit()}", ordered=True)
        return Statement(head + query.sql, ordered=False)

    # ---- choices

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def pick(self, among: Sequence[str]) -> str:
        return self.random.choice(among)

    def name(self, first: str) -> str:
        self.count += 1
        return f"{first}{self.count}"

    def limit(self) -> str:
        return self.pick(("", "", " LIMIT 3", " LIMIT 5 OFFSET 2", " LIMIT 1 + 1", " LIMIT 0"))

    # ---- queries

    def cte(self) -> str:
        name = self.name("w")
        if self.chance(0.2):
            self.ctes.append((name, ("integer",)))
            return f"{name}(c1) AS (SELECT 1 UNION ALL SELECT c1 + 1 FROM {name} WHERE c1 < 4)"
        if self.chance(0.2):
            rows = ", ".join(f"({self.literal('place')}, {self.literal('integer')})" for _ in range(3))
            self.ctes.append((name, ("place", "integer")))
            return f"{name}(c1, c2) AS (VALUES {rows})"
        query = self.query(Scope(), 2)
        self.ctes.append((name, query.kinds))
        return f"{name} AS ({_mark_unmerged(query.sql)})"

    def query(self, outer: Scope, depth: int, kinds: tuple[Kind, ...] | None = None) -> BuiltQuery:
        """Build a query without ORDER BY; `kinds` are the columns it must have."""
        if kinds is None:
            some: list[Kind] = ["place", "text", "integer"]
            kinds = tuple(self.random.choices(some, k=self.random.randint(1, 4)))
        if depth > 1 and self.chance(0.15):
            arms = [_mark_arm(self.select(outer, depth - 1, kinds)) for _ in range(self.random.choice((2, 2, 3)))]
            sql = arms[0]
            for arm in arms[1:]:
                sql += f" {self.pick(('UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT'))} {arm}"
            return BuiltQuery(sql, kinds)
        return BuiltQuery(self.select(outer, depth, kinds), kinds)

    def select(self, outer: Scope, depth: int, kinds: tuple[Kind, ...]) -> str:
        scope = Scope(outer=outer.all)
        sources, conditions = self.sources(scope, depth)
        if self.chance(0.7):
            conditions.append(self.condition(scope, min(depth, 2)))
        self.random.shuffle(conditions)
        grouped = depth > 0 and self.chance(0.25)
        items, tail = self.grouped(scope, kinds) if grouped else self.items(scope, kinds, depth)
        listed = ", ".join(f"{item} AS c{i}" for i, item in enumerate(items, 1))
        distinct = "DISTINCT " if self.chance(0.15) else ""
        return f"SELECT {distinct}{listed} FROM {sources}{_join_conditions(conditions)}{tail}"

    def items(self, scope: Scope, kinds: tuple[Kind, ...], depth: int) -> tuple[list[str], str]:
        items = [self.value(scope, kind, min(depth - 1, 2)) for kind in kinds]
        named = ""
        for at, kind in enumerate(kinds):
            if kind == "integer" and depth > 1 and self.chance(0.3):
                items[at] = self.window(scope)
                if self.chance(0.2):
                    items[at] = "count(*) OVER named"
                    named = f" WINDOW named AS (PARTITION BY {self.column(scope.own, 'text')})"
        return items, named

    def grouped(self, scope: Scope, kinds: tuple[Kind, ...]) -> tuple[list[str], str]:
        group: list[str] = []
        items: list[str] = []
        for kind in kinds:
            if kind == "integer" and self.chance(0.6):
                items.append(self.aggregate(scope))
            elif self.chance(0.3) and kind != "place":
                items.append(f"{self.pick(('min', 'max'))}({self.column(scope.own, kind)})")
            else:
                group.append(self.column(scope.own, kind))
                items.append(group[-1])
        if not group and self.chance(0.5):
            group.append(self.column(scope.own, "text"))
        tail = f" GROUP BY {', '.join(group)}" if group else ""
        if group and self.chance(0.4):
            tail += f" HAVING {self.aggregate(scope)} {self.pick(('>', '<=', '<>'))} {self.random.randint(0, 6)}"
        return items, tail

    def aggregate(self, scope: Scope) -> str:
        integer, text = self.column(scope.own, "integer"), self.column(scope.own, "text")
        filter_clause = f" FILTER (WHERE {text} > 'd')" if self.chance(0.2) else ""
        return self.pick(
            (
                "count(*)",
                f"count({text}){filter_clause}",
                f"count(DISTINCT {text})",
                f"sum({integer} % 1000000007){filter_clause}",
                f"max({integer})",
                f"min(length({text}))",
                f"sum(CASE WHEN {text} LIKE '%e%' THEN 1 ELSE 0 END)",
            )
        )

    def window(self, scope: Scope) -> str:
        integer, text = self.column(scope.own, "integer"), self.column(scope.own, "text")
        part = self.pick(("", f"PARTITION BY {text} ", f"PARTITION BY {integer}, {text} "))
        whole = ", ".join(dict.fromkeys(column.ref for column in scope.own))
        return self.pick(
            (
                f"rank() OVER ({part}ORDER BY {text})",
                f"dense_rank() OVER ({part}ORDER BY {integer} DESC)",
                f"sum({integer} % 1000000007) OVER ({part}ORDER BY {text})",
                f"count(*) OVER ({part})",
                f"row_number() OVER ({part}ORDER BY {whole})",
                f"lag({integer}, 1, 0) OVER (ORDER BY {whole})",
                f"max({integer}) OVER (ORDER BY {whole} ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)",
                f"count({text}) FILTER (WHERE {integer} > 0) OVER ({part})",
            )
        )

    # ---- FROM

    def source(self, depth: int) -> Source:
        if self.ctes and self.chance(0.25):
            name, kinds = self.random.choice(self.ctes)
            return self._give_alias(name, kinds)
        if depth > 1 and self.chance(0.2):
            query = self.query(Scope(), depth - 1)
            if self.chance(0.2):
                order = ", ".join(str(i) for i in range(1, len(query.kinds) + 1))
                query = BuiltQuery(f"{query.sql} ORDER BY {order}{self.limit()}", query.kinds)
            else:
                query = BuiltQuery(_mark_unmerged(query.sql), query.kinds)
            return self._give_alias(f"({query.sql})", query.kinds)
        resource = self.pick(tuple(RESOURCES) if self.chance(0.6) else tuple(VIEWS))
        alias = self.name("r")
        columns = tuple(Column(f"{alias}.{name}", kind) for name, kind in _SHAPES[resource])
        return Source(f"{resource} AS {alias}", alias, columns, resource=True)

    def _give_alias(self, text: str, kinds: Sequence[Kind]) -> Source:
        alias = self.name("q")
        columns = tuple(Column(f"{alias}.c{i}", kind) for i, kind in enumerate(kinds, 1))
        return Source(f"{text} AS {alias}", alias, columns, resource=False)

    def sources(self, scope: Scope, depth: int) -> tuple[str, list[str]]:
        """Build a FROM clause, put its columns into the scope, and return it with the conditions that WHERE must have."""
        first = self.source(depth)
        where: list[str] = []
        text = first.text
        scope.own += first.columns
        if first.resource:
            around = [column.ref for column in scope.outer if column.kind == "place"]
            if around and self.chance(0.5):
                where.append(self.swapped(f"{first.alias}.deployment_name", self.pick(around)))
            else:
                where.append(self.placed(first))
        plain = not first.resource
        for remaining in reversed(range(self.random.choice((0, 0, 1, 1, 2)))):
            other = self.source(depth - 1)
            if remaining == 0 and self.chance(0.1):
                # Only the last: SQLite reads the joins behind a comma differently from standard SQL.
                where += [self.placed(other)] if other.resource else []
                scope.own += other.columns
                text += f", {other.text}"
                continue
            kind = self.pick(("JOIN", "INNER JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"))
            if remaining == 0 and not plain and first.resource and other.resource and self.chance(0.25):
                # Only the last: SQLite finds names ambiguous where a FULL JOIN is near one with USING.
                text += self.using(kind, other, where)
                scope.own += other.columns
                plain = True
                continue
            text += self.joined(kind, other, scope, where, depth)
            plain = True
        return text, where

    def using(self, kind: str, other: Source, where: list[str]) -> str:
        if kind in ("RIGHT JOIN", "FULL JOIN") or self.chance(0.5):
            where.append(self.placed(other))
        if kind == "CROSS JOIN":
            kind = "JOIN"
        if self.chance(0.3):
            return f" NATURAL {kind} {other.text}"
        return f" {kind} {other.text} USING ({self.pick(('deployment_name', 'deployment_name, token_id'))})"

    def joined(self, kind: str, other: Source, scope: Scope, where: list[str], depth: int) -> str:
        before = [column.ref for column in scope.own if column.kind == "place"]
        both = Scope([*scope.own, *other.columns])
        on: list[str] = []
        if other.resource:
            inside = kind not in ("RIGHT JOIN", "FULL JOIN", "CROSS JOIN")
            if inside and before and self.chance(0.5):
                on.append(self.swapped(f"{other.alias}.deployment_name", self.pick(before)))
            else:
                (on if inside and self.chance(0.5) else where).append(self.placed(other))
        scope.own += other.columns
        if kind == "CROSS JOIN":
            return f" CROSS JOIN {other.text}"
        if not on or self.chance(0.5):
            mine = self.column(other.columns, "text")
            theirs = self.column([column for column in scope.own if column not in other.columns], "text")
            on.append(f"{mine} = {theirs}" if self.chance(0.8) else self.condition(both, min(depth - 1, 1)))
        return f" {kind} {other.text} ON {' AND '.join(on)}"

    def swapped(self, left: str, right: str) -> str:
        return f"{left} = {right}" if self.chance(0.5) else f"{right} = {left}"

    def placed(self, source: Source) -> str:
        """Build a predicate that says which workspaces a resource is read in."""
        ref = f"{source.alias}.deployment_name"
        some = self.random.sample(WORKSPACES, self.random.randint(1, 3))
        listed = ", ".join(f"'{workspace}'" for workspace in some)
        forms: list[Callable[[], str]] = [
            lambda: f"{ref} IN ({listed})",
            lambda: f"{ref} IN ({listed})",
            lambda: f"{ref} = '{some[0]}'",
            lambda: f"lower('{some[0].upper()}') = {ref}",
            lambda: f"{ref} = 'dbc' || '{some[0][3:]}'",
            lambda: "(" + " OR ".join(f"{ref} = '{workspace}'" for workspace in some) + ")",
            lambda: f"({ref} IN ({listed}) AND {ref} IS NOT NULL)",
            lambda: f"({ref} = '{some[0]}' OR {ref} IN ({listed}) AND {source.alias}.comment IS NOT NULL)",
            lambda: f"{ref} IN (SELECT '{some[0]}' UNION SELECT '{some[-1]}')",
            lambda: f"{ref} IN (VALUES ('{some[0]}'), ('{some[-1]}'), (NULL))",
            lambda: f"({ref}, {source.alias}.expiry_time > 0) = ('{some[0]}', 1)",
            lambda: f"{ref} IS '{some[0]}'",
            lambda: (
                f"{ref} = (SELECT max(x.deployment_name) FROM user_tokens AS x WHERE x.deployment_name IN ({listed}))"
            ),
            lambda: f"({ref} IN ({listed}) AND {source.alias}.token_id = '{self.pick(self.token_ids)}')",
            lambda: f"({ref} IN ({listed}) AND {source.alias}.{self.narrowed(source)})",
            lambda: (
                f"({ref} IN ({listed}) AND ({source.alias}.token_id = '{self.pick(self.token_ids)}'"
                f" OR {source.alias}.token_id = '{self.pick(self.token_ids)}'))"
            ),
        ]
        return self.random.choice(forms)()

    def narrowed(self, source: Source) -> str:
        """Build a predicate that becomes an optional parameter of `tokens`."""
        if len(source.columns) == len(_COMMON):
            return "comment >= ''"
        return self.pick(("created_by_id = 8432093917481966", "created_by_id = 7", "created_by_id + 0 > -1"))

    # ---- expressions

    def column(self, among: Sequence[Column], kind: Kind) -> str:
        """Return a column of a kind, or a literal if the scope has no such column."""
        kinds = ("place", "text") if kind == "text" else (kind,)
        found = [column.ref for column in among if column.kind in kinds]
        if found:
            return self.pick(found)
        other = [column.ref for column in among]
        if kind == "integer" and other:
            return f"length({self.pick(other)})"
        if kind == "text" and other:
            return f"CAST({self.pick(other)} AS TEXT)"
        if other:
            return f"substr('{self.pick(WORKSPACES)}', 1, 99 + 0 * length({self.pick(other)}))"
        return self.literal(kind)

    def literal(self, kind: Kind) -> str:
        if kind == "place":
            return f"'{self.pick(WORKSPACES)}'"
        if kind == "text":
            return f"'{self.pick((*_TEXTS, *self.token_ids[:3]))}'"
        # A bare NULL could end up beside a comparison, where it is refused.
        return self.pick(
            ("0", "1", "-1", "3", "12", "1700000000000", "CAST(NULL AS INTEGER)", "9223372036854775807 - 7")
        )

    def value(self, scope: Scope, kind: Kind, depth: int) -> str:
        if kind == "place":
            return self.column(scope.all if self.chance(0.2) else scope.own, "place")
        if depth < 1 or self.chance(0.4):
            return self.column(scope.all, kind) if self.chance(0.9) else self.literal(kind)
        return self.integer(scope, depth - 1) if kind == "integer" else self.text(scope, depth - 1)

    def integer(self, scope: Scope, depth: int) -> str:
        integer, text = self.value(scope, "integer", depth), self.value(scope, "text", depth)
        forms: list[Callable[[], str]] = [
            lambda: f"coalesce({integer}, {self.random.randint(-2, 9)})",
            lambda: f"({integer} % 1000 + {self.random.randint(0, 9)})",
            lambda: f"({integer} / 2 - 1)",
            lambda: f"-({integer} % 7)",
            lambda: f"instr({text}, 'a')",
            lambda: f"CAST(trim({text}) AS INTEGER)",
            lambda: f"nullif({integer}, -1)",
            lambda: f"CASE WHEN {self.condition(scope, depth)} THEN {integer} ELSE length({text}) END",
            lambda: f"CASE {text} WHEN 'grafana' THEN 1 WHEN NULL THEN 2 END",
            lambda: f"(({self.condition(scope, 0)}) + 0)",
            lambda: f"min({integer}, 5, 1)",
        ]
        if depth > 0:
            forms += [lambda: self.scalar(scope, "integer", depth)] * 3
        return self.random.choice(forms)()

    def text(self, scope: Scope, depth: int) -> str:
        integer, text = self.value(scope, "integer", depth), self.value(scope, "text", depth)
        forms: list[Callable[[], str]] = [
            lambda: f"upper({text}) || '!'",  # names of workspaces are equal in any case, here and not in SQLite
            lambda: f"substr({text}, {self.random.randint(-3, 4)}, 3)",
            lambda: f"({text} || '-' || {self.column(scope.all, 'text')})",
            lambda: f"coalesce({text}, 'none')",
            lambda: f"nullif({text}, '')",
            lambda: f"CAST({integer} AS TEXT)",
            lambda: f"replace({text}, 'a', 'o')",
            lambda: f"CASE WHEN {self.condition(scope, depth)} THEN {text} ELSE 'else' END",
            lambda: f"trim({text})",
            lambda: f"typeof({integer})",
        ]
        if depth > 0:
            forms += [lambda: self.scalar(scope, "text", depth)] * 3
        return self.random.choice(forms)()

    def scalar(self, scope: Scope, kind: Kind, depth: int) -> str:
        query = self.query(scope, depth, (kind,))
        if self.chance(0.5):
            return f"({query.sql} ORDER BY 1 LIMIT 1)"
        return f"(SELECT {self.pick(('max', 'min'))}(c1) FROM ({query.sql}))"

    def condition(self, scope: Scope, depth: int) -> str:
        integer, text = self.value(scope, "integer", depth - 1), self.value(scope, "text", depth - 1)
        negated = self.pick(("", "", "NOT "))
        forms: list[Callable[[], str]] = [
            lambda: (
                f"{integer} {self.pick(('<', '>', '<=', '>=', '=', '<>'))} {self.value(scope, 'integer', depth - 1)}"
            ),
            lambda: f"{text} {self.pick(('<', '>', '=', '<>', '=='))} {self.value(scope, 'text', depth - 1)}",
            lambda: f"{text} IS {negated}NULL",
            lambda: f"{integer} IS {negated}NULL",
            lambda: f"{text} IS {negated}DISTINCT FROM {self.column(scope.all, 'text')}",
            lambda: f"{text} {negated}LIKE '{self.pick(_PATTERNS)}'",
            lambda: f"{text} {negated}LIKE '%#_%' ESCAPE '#'",
            lambda: f"{text} {negated}GLOB '*[a-f]*'",
            lambda: (
                f"{text} {negated}IN ({self.literal('text')}, {self.literal('text')}{self.pick(('', ', CAST(NULL AS TEXT)'))})"
            ),
            lambda: (
                f"{integer} {negated}BETWEEN {self.value(scope, 'integer', 0)} AND {self.value(scope, 'integer', 0)}"
            ),
            lambda: f"{text} {negated}BETWEEN 'b' AND {self.value(scope, 'text', 0)}",
            lambda: (
                f"({text}, {integer}) {self.pick(('=', '<', '<>'))} ('grafana', {self.column(scope.all, 'integer')})"
            ),
            lambda: f"{integer} IS {negated}TRUE",
            lambda: f"{self.column(scope.all, 'integer')} > length({self.value(scope, 'text', 0)})",
        ]
        if depth > 0:
            forms += [
                lambda: f"({self.condition(scope, depth - 1)} OR {self.condition(scope, depth - 1)})",
                lambda: f"({self.condition(scope, depth - 1)} AND {self.condition(scope, depth - 1)})",
                lambda: f"NOT ({self.condition(scope, depth - 1)})",
                lambda: f"{negated}EXISTS ({self.query(scope, depth).sql})",
                lambda: f"{text} {negated}IN ({self.query(scope, depth, ('text',)).sql})",
                lambda: f"{self.column(scope.all, 'place')} {negated}IN ({self.query(scope, depth, ('place',)).sql})",
                lambda: f"{integer} = {self.scalar(scope, 'integer', depth)}",
            ]
        return self.random.choice(forms)()


def _mark_unmerged(sql: str) -> str:
    return f"{sql} {WHOLE}" if any(words in sql for words in (*_OUTER, "UNION ALL")) else sql


def _mark_arm(sql: str) -> str:
    return f"{ARM[0]} {sql} {ARM[1]}" if any(words in sql for words in _OUTER) else sql


def _join_conditions(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(f'({condition})' for condition in conditions)}" if conditions else ""
