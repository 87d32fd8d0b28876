"""The web page of `-o html` is self-contained, escaped, sortable by raw values, and has a chart where there is one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from base64 import b64encode
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.cases import each_case
from tests.render.results import HOSTILE, render_text, result_of
from tokensh.rows import Column, Row

N = Column("n", "integer")
EXPIRY = Column("expiry_time", "integer", origin="user_tokens.expiry_time")


class Page(HTMLParser):
    """The cells of a page, its tags and attributes, and the texts of its style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.embedded: dict[str, str] = {}
        self._tag = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self._tag = tag
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        self._tag = ""

    def handle_data(self, data: str) -> None:
        if self._tag == "td":
            self.cells[-1] += data
        elif self._tag in ("style", "script"):
            self.embedded[self._tag] = data


@each_case("text", [*HOSTILE, "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", '" onx="'])
def test_no_text_becomes_markup_and_nothing_is_loaded(text: str) -> None:
    page = Page(render_text("html", result_of([text, N], [(text, 1)])))
    harmless = Page(render_text("html", result_of(["a", N], [("b", 1)])))
    assert page.tags == harmless.tags
    assert [name for name, _ in page.attributes] == [name for name, _ in harmless.attributes]
    assert not {"src", "href", "style", "onclick"} & {name for name, _ in page.attributes}
    assert len(page.cells) == 2


def test_the_policy_allows_the_pages_own_style_and_script_and_nothing_else() -> None:
    page = Page(render_text("html", result_of(["a"], [("b",)])))
    (policy,) = [value for name, value in page.attributes if name == "content" and "default-src" in value]
    for tag in ("style", "script"):
        digest = b64encode(sha256(page.embedded[tag].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy


def test_cells_are_readable_and_sort_by_their_raw_values() -> None:
    rows: list[Row] = [("a\nb", 10, 1_767_225_600_000), (None, 9, -1)]
    text = render_text("html", result_of(["comment", N, EXPIRY], rows), mask=True)
    assert Page(text).cells == ["a\nb", "10", "2026-01-01 00:00:00Z", "NULL", "9", "never"]
    assert re.findall(r'data-k="(-?\d+)"', text) == ["10", "1767225600000", "9", "-1"]


def test_a_secret_is_masked_if_it_must_be_and_has_no_key_to_sort_by() -> None:
    columns = [Column("token_value", "string", secret=True)]
    rows: list[Row] = [("dapi" + "7" * 32,), (7_777_777,)]
    masked = render_text("html", result_of(columns, rows), mask=True)
    assert "7" * 9 not in masked
    assert "7777777" not in masked
    assert "dapi" + "7" * 32 in render_text("html", result_of(columns, rows))


def test_a_chart_is_drawn_where_there_is_a_number_or_a_time() -> None:
    drawn = Page(render_text("html", result_of(["team", N], [("<b>", 3), ("c", 6)])))
    assert drawn.tags.count("rect") == 2
    widths = [float(value) for name, value in drawn.attributes if name == "width" and "." in value]
    assert widths == [210.0, 420.0]
    assert "svg" in Page(render_text("html", result_of([EXPIRY], [(0,)]))).tags
    assert "svg" not in Page(render_text("html", result_of(["team"], [("a",)]))).tags
    assert "svg" not in Page(render_text("html", result_of(["team", N], [("a", 1)], incremental=True))).tags


# ---- in a browser

_BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_CHECK = """<!DOCTYPE html><iframe src="/page" id="frame"></iframe><pre id="seen"></pre><script>
const frame = document.getElementById("frame");
frame.onload = () => {
  const page = frame.contentDocument, seen = [];
  const look = () => seen.push([...page.querySelectorAll("tbody tr")].filter(r => !r.hidden).map(r => r.cells[0].textContent));
  const sort = page.querySelectorAll("th button")[1], filter = page.querySelector("input");
  look(); sort.click(); look(); sort.click(); look();
  filter.value = "B"; filter.dispatchEvent(new Event("input")); look();
  seen.push(page.querySelector("output").textContent, page.querySelectorAll("svg rect").length, "ran" in window);
  document.getElementById("seen").textContent = JSON.stringify(seen);
};
</script>"""


@pytest.mark.once
@pytest.mark.skipif(_BROWSER is None, reason="Chromium is not installed")
def test_a_browser_sorts_and_filters_the_page_and_runs_no_text_of_it(tmp_path: Path) -> None:
    hostile = "<img src=x onerror='parent.ran=1'><script>parent.ran=1</script>"
    rows = [("a", 10), ("b", 9), (f"Bb {hostile}", 2_000), ("c", None)]
    pages = {"/page": render_text("html", result_of([Column("name", "string"), N], rows)), "/check": _CHECK}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/check"
        headless = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}")
        command = [str(_BROWSER), *headless, "--virtual-time-budget=5000", "--dump-dom", address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        server.shutdown()
    shown = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert shown is not None, done.stderr
    seen = json.loads(unescape(shown[1]))
    bb = f"Bb {hostile}"
    assert seen[:4] == [["a", "b", bb, "c"], ["b", "a", bb, "c"], [bb, "a", "b", "c"], [bb, "b"]]
    assert seen[4:] == ["2 of 4 rows", 4, False]
