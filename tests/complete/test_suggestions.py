"""A suggestion has the right start, kind and note, and never contains a secret or a control character."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

from tests.cases import each_case
from tests.complete.session import FACTS, TOKEN, FixedCatalog, at, texts
from tests.shared_parser import shared_parser
from tests.support import counts_modules
from tokensh.complete import Facts, Suggestion, complete


def find(text: str, wanted: str, facts: Facts = FACTS) -> Suggestion:
    return next(each for each in at(text, facts) if each.text.strip() == wanted)


@each_case(
    ("text", "wanted", "replaced"),
    [
        ("SELECT tok|", "token_id", "tok"),
        ("SELECT * FROM ut|", "user_tokens", "ut"),
        ("SELECT * FROM workspace.us|", "databricks_workspace.workspace.user_tokens", "workspace.us"),
        ("SELECT u.co| FROM user_tokens u", "comment", "co"),
        ("SELECT u.| FROM user_tokens u", "comment", ""),
        ("EXEC user_tokens.re|", "revoketoken", "re"),
        ("EXEC user_tokens.revoketoken @dep|", "@deployment_name=", "@dep"),
        ("SELECT * FROM user_tokens WHERE deployment_name = 'dbc|", "dbc-one'", "dbc"),
        ("SELECT * FROM user_tokens WHERE deployment_name = dbc|", "'dbc-one'", "dbc"),
        ("SELECT * FROM user_tokens WHERE token_id = 'runner|", "a1b2'", "runner"),
        ("EXEC user_tokens.revoketoken @@json='{\"tok|", 'token_id": "', "tok"),
        ("SELECT {{ tt|", "ttl }}", "tt"),
        ("\\i a|", "a.sql", "a"),
        ("\\ti|", "\\timing", "\\ti"),
        ('SELECT "com| FROM user_tokens', '"comment"', '"com'),
    ],
)
def test_what_is_typed_is_replaced(text: str, wanted: str, replaced: str) -> None:
    found = next(each for each in at(text) if each.text.strip() == wanted.strip())
    assert text[found.start : text.index("|")] == replaced


@each_case(
    ("text", "wanted", "kind"),
    [
        ("SEL|", "SELECT", "keyword"),
        ("SELECT * FROM ut|", "user_tokens", "resource"),
        ("SELECT * FROM |", "snap", "table"),
        ("SELECT | FROM user_tokens", "comment", "column"),
        ("SELECT * FROM user_tokens WHERE |", "deployment_name", "parameter"),
        ("INSERT INTO user_tokens (|", "data__comment", "attribute"),
        ("EXEC user_tokens.|", "revoketoken", "method"),
        ("SELECT cou|", "count(", "function"),
        ("SELECT * FROM user_tokens WHERE deployment_name = |", "'dbc-one'", "value"),
        ("SELECT {{|", "ttl }}", "placeholder"),
        ("\\|", "\\d", "command"),
        ("\\i |", "a.sql", "file"),
        ("USE |", "databricks_workspace.workspace", "service"),
    ],
)
def test_kinds(text: str, wanted: str, kind: str) -> None:
    assert find(text, wanted).kind == kind


@each_case(
    ("text", "wanted"),
    [
        ("SELECT * FROM user_tokens WHERE |", "deployment_name"),
        ("SELECT * FROM user_tokens u WHERE u.|", "deployment_name"),
        ("EXEC user_tokens.revoketoken |", "@deployment_name="),
        ("EXEC user_tokens.revoketoken |", "@@json="),
        ("INSERT INTO user_tokens (|", "deployment_name"),
        ("INSERT INTO tokens (|", "data__application_id"),
        ("EXEC user_tokens.revoketoken @@json='{\"|", 'token_id": "'),
    ],
)
def test_what_is_required_is_marked(text: str, wanted: str) -> None:
    assert find(text, wanted).note.startswith("required")


def test_a_required_parameter_shows_the_sessions_default_and_the_documents_example() -> None:
    note = find("SELECT * FROM user_tokens WHERE |", "deployment_name").note
    assert "default dbc-one" in note
    without = replace(FACTS, workspace=None)
    assert "e.g. dbc-abcd0123-a1bc" in find("SELECT * FROM user_tokens WHERE |", "deployment_name", without).note


def test_a_listed_token_shows_its_comment_and_expiry() -> None:
    note = find("SELECT * FROM user_tokens WHERE token_id = '|", "a1b2'").note
    assert note == "ci runner · in 3 d"


def test_a_workspace_shows_the_profile_that_leads_to_it() -> None:
    notes = {each.text: each.note for each in at("SELECT * FROM user_tokens WHERE deployment_name = '|")}
    assert notes == {"dbc-two'": "profile prod", "dbc-one'": "the session's default", "o''hara'": "workspace"}


def test_a_named_query_shows_its_text() -> None:
    assert find("\\n |", "expiring").note.startswith("SELECT * FROM user_tokens WHERE")


def test_what_may_follow_a_command_is_inert() -> None:
    odd = replace(FACTS, arguments={"\\n": {"a\x1bb": "x", "good": "\x1b[31m"}})
    assert [(each.text, each.note) for each in at("\\n |", odd)] == [("good", r"\x1b[31m")]


def test_a_function_shows_its_signature() -> None:
    assert find("SELECT json_e|", "json_extract(").note == "json_extract(json, path, ..)"


def test_a_command_shows_its_help() -> None:
    assert find("\\|", "\\i").note == "run a file"


def test_a_column_shows_its_type() -> None:
    assert find("SELECT | FROM user_tokens", "creation_time").note == "integer"


def test_comments_of_the_api_are_inert_in_notes() -> None:
    assert r"lap\x1b[31mtop" in find("SELECT * FROM user_tokens WHERE token_id = '|", "a1ff'").note


def test_a_secret_in_a_comment_is_not_shown() -> None:
    assert all(TOKEN not in each.note for each in at("SELECT * FROM user_tokens WHERE token_id = '|"))


def test_a_value_that_hides_something_is_not_offered() -> None:
    assert not any("il'" in text for text in texts("SELECT * FROM user_tokens WHERE token_id = '|"))


def test_a_value_cannot_end_its_quotes() -> None:
    assert "o''hara'" in texts("SELECT * FROM user_tokens WHERE deployment_name = '|")


def test_a_value_cannot_end_its_json() -> None:
    odd = replace(FACTS, tokens=(("a\"b'c", "", "", "dbc-one"),))
    assert texts('EXEC user_tokens.revoketoken @@json=\'{"token_id": "|', odd) == ["a\\\"b''c\"}'"]


def test_a_long_note_is_cut() -> None:
    long = replace(FACTS, tokens=(("a1", "x" * 5000, "", "dbc-one"),))
    assert len(at("SELECT * FROM user_tokens WHERE token_id = '|", long)[0].note) <= 60


def test_placeholders_keep_their_blanks() -> None:
    assert texts("SELECT {{t|")[0] == " ttl }}"
    assert texts("SELECT {{ t|")[0] == "ttl }}"


def test_without_facts_there_are_still_names_and_keywords() -> None:
    assert texts("SELECT * FROM ut|", Facts()) == ["user_tokens"]
    assert texts("SELECT * FROM user_tokens WHERE deployment_name = '|", Facts()) == []


def test_the_namespace_of_use_decides_what_a_short_name_means() -> None:
    settings = replace(FACTS, namespace=("databricks_workspace", "settings"))
    assert texts("SELECT * FROM toke|", settings)[0] == "token_management"
    assert "workspace.user_tokens" in texts("SELECT * FROM toke|", settings)
    assert "owner_id" not in texts("SELECT | FROM tokens", settings)


def test_files_that_cannot_be_listed_are_no_error() -> None:
    def broken(_: str) -> list[str]:
        raise PermissionError

    assert texts("\\i |", replace(FACTS, files=broken)) == []


def test_the_function_gives_what_the_completer_gives() -> None:
    assert complete("sel", 3, shared_parser(), FixedCatalog(), FACTS) == at("sel|")


def test_a_name_is_quoted_where_it_has_to_be() -> None:
    odd = replace(FACTS, tables={"t": ("plain", "from", "a b", 'q"r', "limit")})
    assert texts("SELECT | FROM t", odd)[:5] == ["plain", '"from"', '"a b"', '"q""r"', "limit"]


@counts_modules
def test_completion_loads_no_terminal_and_no_engine() -> None:
    code = (
        "import sys, tokensh.complete; "
        "bad = {'prompt_toolkit', 'pygments', 'rich', 'requests', 'sqlite3', 'tokensh.engine', 'tokensh.plan'}; "
        "print(sorted(bad & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
