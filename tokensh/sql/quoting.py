"""Texts of names, values and parts of definitions, which need no precedence."""

from __future__ import annotations

from tokensh.sql import nodes


def quote_name(name: str) -> str:
    """Return an identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(value: str) -> str:
    """Return a string in single quotes."""
    return "'" + value.replace("'", "''") + "'"


def literal(value: str | int | float | bytes | None) -> str:
    """Return a value as a literal of SQL."""
    match value:
        case None:
            return "NULL"
        case str():
            return text_literal(value)
        case bytes():
            return f"x'{value.hex()}'"
        case _:
            return repr(value)


def quote_path(parts: nodes.Path) -> str:
    """Return a dotted name, every part in quotes, so that no word of it can be read as a keyword."""
    return ".".join(quote_name(part.text) for part in parts)


def quote_type(name: str) -> str:
    """Return a type's words in quotes, so that none is read as a keyword; its sizes as they are."""
    words, parenthesis, sizes = name.partition("(")
    return " ".join(quote_name(word) for word in words.split()) + parenthesis + sizes


def reference_text(node: nodes.Reference) -> str:
    """Return the text of REFERENCES."""
    columns = f" ({', '.join(quote_name(name.text) for name in node.columns)})" if node.columns else ""
    return " ".join((f"REFERENCES {quote_path(node.table)}{columns}", *node.actions))


def index_column_text(node: nodes.IndexColumn) -> str:
    """Return the text of a column of an index."""
    collation = f" COLLATE {quote_name(node.collation.text)}" if node.collation else ""
    return f"{quote_name(node.name.text)}{collation}{' DESC' if node.descending else ''}"


def quote_constraint(name: str) -> str:
    """Return the name of a constraint for SQLite, bare where it certainly can be: SQLAlchemy 2.0 reflects no name in quotes."""
    # SQLite's only keywords with an underscore are CURRENT_DATE and its like.
    is_plain = name.isascii() and name.isidentifier() and "_" in name and not name.lower().startswith("current_")
    return name if is_plain else quote_name(name)
