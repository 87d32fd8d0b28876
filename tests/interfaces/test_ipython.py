"""Cells of a notebook run SQL by the IPython magic, and by jupysql over the dialect; no display shows a secret."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import struct
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.sessions import A, B, list_calls, list_requests
from tests.interfaces.notebook import Notebook
from tokensh import errors
from tokensh.dbapi.options import OPTIONS
from tokensh.sandbox import Sandbox

pytest.importorskip("IPython", reason="needs tokensh[jupyter]")
pytestmark = pytest.mark.interfaces


@pytest.fixture
def notebook(site: Sandbox) -> Iterator[Notebook]:
    started = Notebook()
    yield started
    started.shell.clear_instance()


@pytest.fixture
def magic(notebook: Notebook) -> Iterator[Notebook]:
    notebook.cell("%load_ext tokensh")
    notebook.cell(f"%tokensh -w {A}")
    yield notebook
    notebook.cell("%unload_ext tokensh")


SELECT = "SELECT comment, creation_time, expiry_time FROM user_tokens ORDER BY creation_time LIMIT 3"


def test_a_line_gives_a_data_frame_that_is_underscore_too(magic: Notebook) -> None:
    frame = magic.cell(f"%tokensh {SELECT}")
    assert frame["comment"][0] == "terraform ci"
    assert dict(frame.dtypes.astype(str)) == {"comment": "object", "creation_time": "int64", "expiry_time": "int64"}
    assert magic.cell("_") is frame


def test_it_is_shown_as_an_html_table_with_readable_times(magic: Notebook) -> None:
    html = magic.shown(magic.cell(f"%tokensh {SELECT}"))["text/html"]
    assert "<th>comment</th>" in html
    assert ">never</td>" in html
    assert "Z 6" in html
    assert "<p>3 rows</p>" in html


def test_in_a_terminal_it_is_fitted_to_the_width_with_readable_times(magic: Notebook) -> None:
    frame = magic.cell("%tokensh SELECT token_id, comment, expiry_time FROM user_tokens ORDER BY creation_time LIMIT 1")
    assert " -1 |" in repr(frame), "a notebook's file"
    reader, writer = os.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    with os.fdopen(writer, "w") as stdout, contextlib.redirect_stdout(stdout):
        shown = repr(frame)
    os.close(reader)
    assert " never  " in shown
    assert {len(line) for line in shown.splitlines()} == {42}


def test_what_the_api_says_is_text_and_not_html(magic: Notebook) -> None:
    magic.shell.user_ns["evil"] = "<script>alert(1)</script>\x1b[31m"
    shown = magic.shown(magic.cell("%tokensh SELECT :evil AS a, NULL AS b"))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[31m" in shown["text/html"]
    assert "\x1b" not in shown["text/plain"]
    assert ">NULL</td>" in shown["text/html"]


def test_a_frame_that_was_changed_shows_what_it_is_now(magic: Notebook) -> None:
    magic.cell(f"found = %tokensh {SELECT}")
    frame = magic.cell("found.loc[0, 'comment'] = 'edited'; found")
    assert "edited" in magic.shown(frame)["text/html"]
    wider = magic.cell("found['more'] = 1; found")
    assert "<th>more</th>" in magic.shown(wider)["text/html"]
    assert type(magic.cell("found.head(1)")).__name__ == "DataFrame"


def test_a_long_result_shows_its_first_rows(magic: Notebook) -> None:
    sql = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 250) SELECT x FROM n"
    frame = magic.cell(f"%tokensh {sql}")
    assert len(frame) == 250
    html = magic.shown(frame)["text/html"]
    assert html.count("<tr>") == 101
    assert "250 rows, the first 100 shown" in html


# ---- values


def test_the_notebooks_variables_are_bound(magic: Notebook, site: Sandbox) -> None:
    magic.shell.user_ns |= {"never": -1, "place": B}
    frame = magic.cell(
        "%%tokensh\nSELECT count(*) AS n FROM user_tokens\nWHERE expiry_time = :never AND deployment_name = '{{ place }}'"
    )
    assert frame["n"].tolist() == [1]
    assert list_requests(site) == list_calls(B)


def test_a_variable_is_never_text_of_sql(magic: Notebook) -> None:
    magic.shell.user_ns |= {"a": "x' OR '1' = '1", "b": "{never}", "never": "$a"}
    frame = magic.cell("%tokensh SELECT :a AS a, '{{ a }}' AS b, :b AS c, '{never} $never' AS d")
    assert frame.iloc[0].tolist() == ["x' OR '1' = '1", "x' OR '1' = '1", "{never}", "{never} $never"]


def test_missing_values_cost_no_digit(magic: Notebook) -> None:
    magic.cell("%tokensh CREATE TABLE t (n INTEGER, f REAL, b BOOLEAN)")
    magic.cell(f"%tokensh INSERT INTO t VALUES ({2**63 - 1}, 1.5, TRUE), (NULL, NULL, NULL)")
    frame = magic.cell("%tokensh SELECT n, f, b FROM t")
    assert dict(frame.dtypes.astype(str)) == {"n": "Int64", "f": "Float64", "b": "boolean"}
    assert frame["n"][0] == 2**63 - 1
    html = magic.shown(frame)["text/html"]
    assert str(2**63 - 1) in html
    assert html.count(">NULL</td>") == 3
    assert ">true</td>" in html


def test_a_frame_can_be_written_to_a_file_and_read_without_tokensh(magic: Notebook) -> None:
    frame = magic.cell(f"%tokensh {SELECT}")
    again = pickle.loads(pickle.dumps(frame))
    assert type(again).__name__ == "DataFrame"
    assert again.equals(frame)


# ---- secrets


def test_a_minted_value_is_shown_nowhere_and_revealed_to_who_asks(magic: Notebook) -> None:
    frame = magic.cell("%tokensh INSERT INTO user_tokens (comment) VALUES ('notebook') RETURNING token_value")
    value = frame["token_value"][0].reveal()
    assert value.startswith("dapi")
    printed = [*magic.shown(frame).values(), str(frame), repr(frame.head()), frame.head().to_html(), frame.to_csv()]
    assert all("(hidden)" in text and value not in text for text in printed)
    with pytest.raises(TypeError, match="not written to files"):
        pickle.dumps(frame["token_value"][0])
    with pytest.raises(TypeError, match="a secret is not written to files"):
        pickle.dumps(frame)


def test_the_values_of_a_write_that_fails_on_its_way_are_kept(
    magic: Notebook, site: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    site.fault("POST */create", status=403, skip=1)
    sql = "INSERT INTO user_tokens (comment) VALUES ('1'), ('2') RETURNING token_value"
    assert isinstance(magic.failing(f"%tokensh {sql}"), errors.ApiError)
    site.clear_faults()
    assert "tokensh_done" in capsys.readouterr().err
    assert [secret.reveal()[:4] for secret in magic.cell("tokensh_done")["token_value"]] == ["dapi"]


def test_an_errors_text_holds_no_secret(magic: Notebook, site: Sandbox) -> None:
    error = magic.failing(f"%tokensh SELECT error('{site.token}')")
    assert str(error)
    assert site.token not in str(error) + repr(error)


def test_without_pandas_the_result_is_rows(magic: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    from tokensh.integrations import ipython as module  # noqa: PLC0415 (needs IPython)

    monkeypatch.setitem(sys.modules, "pandas", None)
    module._frame_class.cache_clear()
    result = magic.cell("%tokensh INSERT INTO user_tokens (comment) VALUES ('rows') RETURNING token_value, 1 AS n")
    module._frame_class.cache_clear()
    ((secret, number),) = result
    assert (secret.reveal()[:4], number, len(result)) == ("dapi", 1, 1)
    shown = magic.shown(result)
    assert "(hidden)" in shown["text/html"]
    assert "(hidden)" in shown["text/plain"]
    assert secret.reveal() not in repr((result, result.rows, shown))


# ---- cells


def test_a_cell_of_several_statements_gives_the_last_and_shows_the_others(
    magic: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = magic.cell("%%tokensh\nSELECT 'first' AS a;\nSELECT 'second' AS b;\n")
    assert frame["b"].tolist() == ["second"]
    assert "first" in capsys.readouterr().out


def test_a_result_can_be_assigned(magic: Notebook) -> None:
    assert magic.cell("%%tokensh counted <<\nSELECT 7 AS n") is None
    assert magic.shell.user_ns["counted"]["n"].tolist() == [7]
    magic.cell("again = %tokensh SELECT 8 AS n")
    assert magic.shell.user_ns["again"]["n"].tolist() == [8]


def test_a_change_of_listed_rows_needs_yes(magic: Notebook, site: Sandbox) -> None:
    magic.cell("%tokensh INSERT INTO user_tokens (comment) VALUES ('to go') RETURNING token_value")
    sql = "DELETE FROM user_tokens WHERE comment = 'to go' RETURNING comment"
    assert isinstance(magic.failing(f"%tokensh {sql}"), errors.ProgrammingError)
    assert magic.cell(f"%tokensh --yes {sql}")["comment"].tolist() == ["to go"]
    assert isinstance(
        magic.failing("%tokensh DELETE FROM user_tokens WHERE comment LIKE 'n%'"), errors.ProgrammingError
    )


def test_an_option_opens_another_connection(magic: Notebook) -> None:
    assert magic.cell("%tokensh --sandbox SELECT count(*) AS n FROM user_tokens")["n"].tolist() == [8]
    magic.cell(f"%tokensh --workspace={B}")
    assert magic.cell("%tokensh SELECT DISTINCT deployment_name AS d FROM user_tokens")["d"].tolist() == [B]


def test_a_sandbox_has_folders_of_its_own(magic: Notebook, tmp_path: Path) -> None:
    magic.cell("%tokensh --sandbox CREATE TABLE team (name TEXT)")
    assert [path.parent.name for path in tmp_path.rglob("store.db")] == ["sandbox"]


# ---- errors

FAILING = [
    ("SELECT toke_id FROM user_tokens", errors.UnknownName, ["unknown column 'toke_id'", "^^^^^^^", "did you mean 'token_id'?"]),
    ("SELECT :nope", errors.ProgrammingError, ["no value for :nope", "^^^^^"]),
    ("SELECT {{ nope }}", errors.PlaceholderError, ["no value for nope", "assign it first: nope = ..."]),
    ("SELECT 'open", errors.SqlSyntaxError, ["this string is not closed"]),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "kind", "told"), FAILING, ids=[sql for sql, _, _ in FAILING])
def test_an_error_is_told_with_its_place_and_without_a_traceback(
    sql: str, kind: type[Exception], told: list[str], magic: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    assert type(magic.failing(f"%%tokensh\n{sql}")) is kind
    printed = "".join(capsys.readouterr())
    assert all(text in printed for text in told)
    assert "Traceback" not in printed
    assert "tokensh/" not in printed


USAGE = [
    ("--sandbax", "did you mean '--sandbox'?"),
    ("-w", "-w needs a value"),
    ("", "[NAME <<] SQL"),
    ("--yes=1 SELECT 1", "--yes does not take a value"),
    ("--timeout soon SELECT 1", "invalid timeout: 'soon'"),
]


@pytest.mark.parametrize(("line", "told"), USAGE, ids=[line for line, _ in USAGE])
def test_a_line_that_is_wrong_says_how_to_use_it(
    line: str, told: str, magic: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    assert type(magic.failing(f"%tokensh {line}")).__name__ == "UsageError"
    assert told in "".join(capsys.readouterr())


def test_every_option_of_a_connection_is_offered() -> None:
    from tokensh.integrations.ipython import _parse_options  # noqa: PLC0415 (needs IPython)

    texts = [f"{option.flags[-1]} 1 " if option.metavar else f"{option.flags[-1]} " for option in OPTIONS.values()]
    settings, rest = _parse_options("".join(texts) + "SELECT 1")
    assert (set(settings), rest) == (set(OPTIONS), "SELECT 1")


def test_a_setting_that_cannot_be_is_told_too(magic: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(magic.failing("%tokensh --endpoint ftp://x"), errors.InterfaceError)
    assert "is not a plain https URL" in "".join(capsys.readouterr())


# ---- jupysql


def test_jupysql_works_over_the_dialect(notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sql.magic", reason="needs jupysql")
    notebook.cell("%load_ext sql")
    notebook.cell("%config SqlMagic.named_parameters='enabled'")
    notebook.cell(f"%sql tokensh://{A}")
    notebook.shell.user_ns["never"] = -1
    frame = notebook.cell("%sql SELECT comment FROM user_tokens WHERE expiry_time = :never")
    assert frame.DataFrame()["comment"].tolist() == ["terraform ci"]
    assert "user_tokens" in str(notebook.cell("%sqlcmd tables"))
    assert "expiry_time" in str(notebook.cell("%sqlcmd columns -t user_tokens"))
    assert "arning" not in "".join(capsys.readouterr())


# ---- new values

MINT = "INSERT INTO user_tokens (comment) VALUES ('kept') RETURNING token_value"
KEPT = {
    "one statement": (f"%tokensh {MINT}", 1),
    "two statements": (f"%%tokensh\n{MINT};\n{MINT};", 2),
    "a query behind it": (f"%%tokensh\n{MINT};\nSELECT 1 AS n;", 1),
    "a rotation": (f"%%tokensh --yes\n{MINT};\nDELETE FROM user_tokens WHERE comment = 'none' RETURNING comment;", 1),
    "a transaction": (f"%%tokensh\nBEGIN;\n{MINT};\n{MINT};\nCOMMIT;", 2),
    "an assignment that keeps the last": (f"%%tokensh last <<\n{MINT};\n{MINT};", 2),
    "a failing statement behind it": (f"%%tokensh\n{MINT};\nSELECT toke_id FROM user_tokens;", 1),
    "a syntax error behind it": (f"%%tokensh\n{MINT};\nSELCT 1;", 1),
    "a blob": (f"%tokensh {MINT.replace('token_value', 'CAST(token_value AS BLOB) AS b')}", 1),
    "what is made of it beside it": (f"%tokensh {MINT}, upper(token_value), token_value IS NOT NULL AS made", 1),
    "an EXEC": ("%tokensh EXEC user_tokens.create @comment = 'kept'", 1),
}


@pytest.mark.parametrize(("cell", "count"), KEPT.values(), ids=KEPT)
def test_every_new_value_of_a_cell_is_kept(cell: str, count: int, magic: Notebook) -> None:
    done = magic.shell.run_cell(cell, store_history=True)
    assert done.success == ("behind it" not in cell and "toke_id" not in cell and "SELCT" not in cell)
    values = [secret.reveal() for secret in magic.shell.user_ns["tokensh_values"]]
    assert len(values) == count
    assert all(value.startswith("dapi") for value in values)
    assert "dapi" not in repr(magic.shell.user_ns["tokensh_values"]).replace("dapi…", "") or count


def test_an_insert_that_loses_the_value_is_refused_in_a_notebook_too(magic: Notebook, site: Sandbox) -> None:
    error = magic.failing("%tokensh INSERT INTO user_tokens (comment) VALUES ('lost')")
    assert "add RETURNING token_value" in str(error)
    assert list_requests(site) == []


@pytest.mark.parametrize(
    "expression", ["CAST(token_value AS BLOB)", "hex(token_value)", "length(token_value)", "token_value"]
)
def test_whatever_is_made_of_a_secret_is_masked(expression: str, magic: Notebook) -> None:
    frame = magic.cell(f"%tokensh {MINT}, {expression} AS made")
    value = magic.shell.user_ns["tokensh_values"][0].reveal()
    shown = "".join(magic.shown(frame).values()) + repr(frame) + frame.to_csv() + frame.to_html()
    assert value not in shown
    assert value.encode().hex() not in shown.lower()
    assert "(hidden)" in shown


VALUES = [
    ("np.int64(3)", 3, 3),
    ("np.float32(0.5)", 0.5, 0.5),
    ("np.bool_(True)", 1, 1),
    ("decimal.Decimal('1.5')", 1.5, 1.5),
    ("datetime.date(2026, 1, 2)", "2026-01-02", "2026-01-02"),
    ("datetime.datetime(2026, 1, 2, 3)", "2026-01-02 03:00:00", "2026-01-02 03:00:00"),
    ("pd.NaT", None, None),
    ("pd.NA", None, None),
]


@pytest.mark.parametrize(("code", "placed", "bound"), VALUES, ids=[code for code, *_ in VALUES])
def test_values_of_other_libraries_are_values_of_sql(code: str, placed: Any, bound: Any, magic: Notebook) -> None:
    pytest.importorskip("pandas", reason="needs tokensh[pandas]")
    magic.cell("import datetime, decimal\nimport numpy as np, pandas as pd")
    magic.cell(f"x = {code}")
    found = [magic.cell(f"%tokensh SELECT {text} AS v").iloc[0, 0] for text in ("{{ x }}", ":x")]
    assert found == [placed, bound]


def test_a_list_holds_values_of_other_libraries_and_nothing_without_a_form_in_json(magic: Notebook) -> None:
    pytest.importorskip("pandas", reason="needs tokensh[pandas]")
    magic.cell("import numpy as np\nx = [np.int64(1), {'a': np.float32(0.5)}]\ny = [object()]")
    for text in ("'{{ x }}'", ":x"):
        assert magic.cell(f"%tokensh SELECT {text} AS v").iloc[0, 0] == '[1, {"a": 0.5}]'
    for text in ("'{{ y }}'", ":y"):
        assert "cannot be written as JSON: it holds a value of object" in str(
            magic.failing(f"%tokensh SELECT {text} AS v")
        )
