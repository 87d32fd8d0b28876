"""What SQLAlchemy's suite tests of the dialect, and why it does not test the rest.

SQLAlchemy's own defaults decide what is in neither table; a test fails if a skipped one has no reason here.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.pool import Pool
from sqlalchemy.testing import exclusions
from sqlalchemy.testing.requirements import SuiteRequirements

from tokensh.dbapi.connection import Connection

OPEN = [
    "aggregate_order_by",
    "boolean_col_expressions",
    "check_constraint_reflection",
    "create_or_replace_view",
    "create_table_as",
    "ctes",
    "ctes_with_update_delete",
    "ctes_with_values",
    "date_historic",
    "datetime_historic",
    "datetime_literals",
    "except_",
    "expression_server_defaults",
    "fetch_expression",
    "fetch_first",
    "fetch_no_order_by",
    "fk_constraint_option_reflection_ondelete_noaction",
    "fk_constraint_option_reflection_ondelete_restrict",
    "fk_constraint_option_reflection_onupdate_restrict",
    "float_or_double_precision_behaves_generically",
    "foreign_key_constraint_name_reflection",
    "foreign_key_constraint_option_reflection_ondelete",
    "foreign_key_constraint_option_reflection_onupdate",
    "implicit_default_schema",
    "index_ddl_if_exists",
    "indexes_check_column_order",
    "inline_check_constraint_reflection",
    "intersect",
    "json_type",
    "materialized_views",
    "mod_operator_as_percent_sign",
    "non_updating_cascade",
    "nullsordering",
    "nvarchar_types",
    "order_by_label_with_expression",
    "percent_schema_names",
    "precision_numerics_enotation_small",
    "precision_numerics_retains_significant_digits",
    "reflects_pk_names",
    "regexp_match",
    "regexp_replace",
    "savepoints",
    "self_referential_foreign_keys",
    "server_defaults",
    "supports_bitwise_and",
    "supports_bitwise_not",
    "supports_bitwise_or",
    "supports_bitwise_shift",
    "supports_is_distinct_from",
    "table_ddl_if_exists",
    "table_value_constructor",
    "timestamp_microseconds",
    "tuple_in",
    "tuple_in_w_empty",
    "unicode_ddl",
    "uuid_data_type",
    "views",
    "window_functions",
    "window_range",
    "window_range_numeric",
]

_TEMPORARY = "no table and no view is temporary: local ones are in a file"
_COMMENTS = "comments come from the API's documents: local tables have none"
_RETURNING = "keys come from RETURNING: PEP 249's lastrowid means nothing for what an API creates"
_GENERATED = "no column is computed or numbered by words of its own: INTEGER PRIMARY KEY numbers rows"
_FLOATS = "SQLite keeps decimal numbers as floats of 8 bytes"
_AUTOCOMMIT = "the API has no transactions: AUTOCOMMIT is the only isolation level"
_ZONES = "SQLite's times have no time zone"
_INDEXES = "an index is of columns, and reflected by their names"

CLOSED = {
    "array_type": "SQLite has no arrays",
    "async_dialect": "the driver is not asynchronous",
    "asyncio": "the driver is not asynchronous",
    "autocommit": _AUTOCOMMIT,
    "cast_precision_numerics_many_significant_digits": _FLOATS,
    "column_collation_reflection": "SQLAlchemy does not reflect collations from SQLite's files",
    "comment_reflection": _COMMENTS,
    "comment_reflection_full_unicode": _COMMENTS,
    "computed_columns": _GENERATED,
    "computed_columns_reflect_persisted": _GENERATED,
    "constraint_comment_reflection": _COMMENTS,
    "create_temp_table_as": _TEMPORARY,
    "cross_schema_fk_reflection": "the schema of a local table is a part of its name: the default one is not",
    "ctes_on_dml": "WITH holds queries, not changes",
    "datetime_interval": "SQLite has no type for intervals",
    "datetime_timezone": _ZONES,
    "datetime_timezone_historic": _ZONES,
    "dbapi_lastrowid": _RETURNING,
    "default_schema_name_switch": "the default schema is what USE has set; SQLAlchemy reads it once",
    "deferrable_fks": "foreign keys are checked at the end of each statement",
    "delete_from": "DELETE has no USING, as in SQLite",
    "denormalized_names": "names keep their case",
    "dialect_level_isolation_level_param": _AUTOCOMMIT,
    "emulated_lastrowid": _RETURNING,
    "emulated_lastrowid_even_with_sequences": _RETURNING,
    "fetch_offset_with_options": "FETCH has neither PERCENT nor WITH TIES",
    "fetch_percent": "FETCH has neither PERCENT nor WITH TIES",
    "fetch_ties": "FETCH has neither PERCENT nor WITH TIES",
    "foreign_keys_reflect_as_index": "a foreign key makes no index",
    "get_isolation_level_values": _AUTOCOMMIT,
    "has_temp_table": _TEMPORARY,
    "identity_columns": _GENERATED,
    "identity_columns_standard": _GENERATED,
    "implements_get_lastrowid": _RETURNING,
    "implicitly_named_constraints": "a constraint without a name has none",
    "index_reflects_included_columns": _INDEXES,
    "indexes_with_expressions": _INDEXES,
    "infinity_floats": "JSON has no infinity: it is refused",
    "isolation_level": _AUTOCOMMIT,
    "json_deserializer_binary": "documents are text",
    "legacy_unconditional_json_extract": "a form of old dialects, which the suite says is not needed",
    "materialized_views_reflect_pk": "a materialized view has no key",
    "precision_numerics_many_significant_digits": _FLOATS,
    "reflect_indexes_with_ascdesc_as_expression": _INDEXES,
    "reflect_indexes_with_expressions": _INDEXES,
    "reflect_table_options": "tables have no options",
    "reflect_tables_no_columns": "a table has columns",
    "repeated_column_foreign_keys": "few databases have keys that name a column twice: off by SQLAlchemy's default",
    "repeated_remote_col_foreign_keys": "few databases have keys that name a column twice: off by SQLAlchemy's default",
    "schema_create_delete": "there is a schema as soon as a name has it",
    "sequences": "SQLite has no sequences",
    "sequences_optional": "SQLite has no sequences",
    "server_side_cursors": "rows stream without an option",
    "skip_autocommit_rollback": _AUTOCOMMIT,
    "sqlalchemy2_stubs": "not a property of a dialect",
    "supports_bitwise_xor": "SQLite has no operator for it",
    "supports_distinct_on": "DISTINCT ON is not offered: QUALIFY is",
    "supports_lastrowid": _RETURNING,
    "temp_table_comment_reflection": _TEMPORARY,
    "temp_table_names": _TEMPORARY,
    "temp_table_reflect_indexes": _TEMPORARY,
    "temp_table_reflection": _TEMPORARY,
    "temporary_tables": _TEMPORARY,
    "temporary_views": _TEMPORARY,
    "time_timezone": _ZONES,
    "two_phase_transactions": _AUTOCOMMIT,
    "unique_constraints_reflect_as_index": "a UNIQUE is reflected as such",
    "unique_index_reflect_as_unique_constraints": "a unique index is reflected as such",
    "update_from": "UPDATE ... FROM of a local table is not offered: a subquery is",
    "window_range_non_numeric": "SQLite's RANGE counts numbers: times are text",
}


def _decide(name: str, reason: str | None) -> property:
    if reason is None:
        decided = exclusions.open()
    else:  # `closed` takes a reason only from SQLAlchemy 2.1 on
        decided = exclusions.skip_if(exclusions.BooleanPredicate(True, f"{name}: {reason}"))
    return property(lambda _: decided)


_DECISIONS: dict[str, Any] = {
    **{name: _decide(name, None) for name in OPEN},
    **{n: _decide(n, r) for n, r in CLOSED.items()},
}
Requirements = type(
    "Requirements", (SuiteRequirements,), {**_DECISIONS, "get_order_by_collation": lambda _, __: "NOCASE"}
)


@event.listens_for(Pool, "connect")
def _use_the_schema_of_local_tables(connection: object, _record: object) -> None:
    # The suite compares all tables of the default schema: resources must not be among them.
    if isinstance(connection, Connection):
        connection.namespace = ("tokensh", "local")
