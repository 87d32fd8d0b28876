"""Each method's statement template is the page's own text, or at least parses."""

from __future__ import annotations

import pytest

from tests import seed_statements
from tests.cases import each_case
from tokensh.provider.catalog import DEFAULT, Catalog
from tokensh.provider.model import Method, Resource
from tokensh.provider.statement_templates import statement_template
from tokensh.sql.parse import Parser
from tokensh.sql.script import split_script

CATALOG = Catalog.load_shipped()
SERVICES = [service.name for service in CATALOG.services(DEFAULT[0])]
METHODS = [(r, m) for service in SERVICES for r in CATALOG.resources(DEFAULT[0], service) for m in r.methods]


@pytest.mark.parametrize(
    ("method", "printed"),
    [("listtokens", seed_statements.SELECT), ("create", seed_statements.INSERT), ("revoketoken", seed_statements.EXEC)],
)
def test_the_forms_of_user_tokens_are_the_pages_own(method: str, printed: str) -> None:
    resource = CATALOG.find(("user_tokens",))
    assert statement_template(resource, next(m for m in resource.methods if m.name == method)) == printed


@each_case(("resource", "method"), METHODS, ids=[f"{r.service}.{r.name}.{m.name}" for r, m in METHODS])
def test_every_form_is_one_ended_statement_that_parses(resource: Resource, method: Method, parser: Parser) -> None:
    (piece,) = split_script([statement_template(resource, method)], parser.table)
    assert piece.ended
    assert piece.error is None
    parser.parse(piece.text)


def test_what_must_be_given_is_marked_and_what_may_be_is_there() -> None:
    tokens = CATALOG.find(("tokens",))
    text = statement_template(tokens, next(method for method in tokens.methods if method.verb == "DELETE"))
    assert text.startswith(
        "DELETE FROM databricks_workspace.workspace.tokens\nWHERE token_id = '{{ token_id }}' -- required\n"
    )
