"""Write one self-contained web page: a table that can be sorted and filtered, and a chart where there is a number or a time.

The page loads nothing and needs no server. Its own policy (CSP) allows the style and the script in it, by their hashes, and nothing
else, so that no text of a result could run even if it were not escaped.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from html import escape
from typing import TextIO

from tokensh.render import cells
from tokensh.render.chart import Chart, make_chart
from tokensh.render.options import Options
from tokensh.render.writer import gather_blocks, write_blocks
from tokensh.rows import Column, Row, RowSet, Value
from tokensh.text import escape_unsafe

# Rows that a chart is made of; the table has all.
_MOST_DRAWN = 100_000
_STYLE = """
:root{color-scheme:light dark;--line:#8886;--bar:#3b78b8}
body{font:15px/1.4 system-ui,sans-serif;margin:1.5rem}
table{border-collapse:collapse}
th,td{padding:.3rem .7rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;white-space:pre-wrap}
thead th{position:sticky;top:0;background:Canvas;border-bottom:2px solid var(--line)}
th button{all:unset;cursor:pointer;font-weight:600}
th button:focus-visible{outline:2px solid}
th[aria-sort=ascending] button::after{content:" \\2191"}
th[aria-sort=descending] button::after{content:" \\2193"}
.n{text-align:right;font-variant-numeric:tabular-nums}
.null{opacity:.6}
.high{color:light-dark(#b3261e,#ff9a90);font-weight:600}
.medium{color:light-dark(#8a5a00,#ffca6a)}
h1{font-size:1.2rem;margin:0}
input{font:inherit;padding:.3rem .5rem;margin-bottom:1rem}
svg{display:block;margin-top:1.5rem;max-width:100%}
svg text{font:13px system-ui,sans-serif;fill:CanvasText}
svg rect{fill:var(--bar)}
"""
_SEVERITIES = {"high": 3, "medium": 2, "low": 1}
"""The words of a column named `severity`, with what they are sorted by."""
_SCRIPT = """
addEventListener("DOMContentLoaded",()=>{
const body=document.querySelector("tbody"),rows=[...body.rows],heads=[...document.querySelectorAll("th")];
const key=(row,at)=>{const cell=row.cells[at];return cell.dataset.k===undefined?cell.textContent:+cell.dataset.k};
const isNull=(row,at)=>row.cells[at].className.includes("null");
heads.forEach((head,at)=>head.firstChild.addEventListener("click",()=>{
const sign=head.getAttribute("aria-sort")==="ascending"?-1:1;
heads.forEach(each=>each.removeAttribute("aria-sort"));
head.setAttribute("aria-sort",sign>0?"ascending":"descending");
rows.sort((a,b)=>{if(isNull(a,at)||isNull(b,at))return isNull(a,at)-isNull(b,at);
const x=key(a,at),y=key(b,at);return sign*(x<y?-1:x>y?1:0)});
body.append(...rows)}));
const count=document.querySelector("output");
document.querySelector("input").addEventListener("input",event=>{
const wanted=event.target.value.toLowerCase();let shown=0;
rows.forEach(row=>{row.hidden=!row.textContent.toLowerCase().includes(wanted);shown+=!row.hidden});
count.textContent=shown+" of "+rows.length+" rows"})});
"""


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def render_page(result: RowSet, stream: TextIO, options: Options) -> int:
    """Write the page and return the number of rows; raises OSError if the stream fails."""
    kept: list[Row] = []
    blocks = gather_blocks(result, _format_rows(result, kept, options))
    count = write_blocks(stream, blocks, head=_page_head(result.columns, options), tail="</tbody></table>\n")
    chart = make_chart(result.columns, kept, options) if kept else None
    if chart is not None:
        stream.write("".join(_draw_chart(chart)))
        stream.flush()
    return count


def _page_head(columns: Sequence[Column], options: Options) -> str:
    # On lines of their own, so that a terminal that shows the page wraps none of them.
    policy = ";\n".join(
        (
            "default-src 'none'",
            f"style-src {_hash(_STYLE)}",
            f"script-src {_hash(_SCRIPT)}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    names = "".join(
        f"<th{_class_of(column, options)}><button>{escape(escape_unsafe(column.name))}</button></th>"
        for column in columns
    )
    title, _, line = (escape(escape_unsafe(text, keep_newlines=True)) for text in options.title.partition("\n"))
    heading = f"<h1>{title}</h1>\n<p>{line}</p>\n" if title else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        f'<meta name="viewport" content="width=device-width"><title>{title or "tokensh"}</title>\n'
        f"<style>{_STYLE}</style><script>{_SCRIPT}</script></head><body>\n{heading}"
        '<input type="search" placeholder="Filter" aria-label="Filter rows"> <output></output>\n'
        f"<table><thead><tr>{names}</tr></thead><tbody>\n"
    )


def _class_of(column: Column, options: Options) -> str:
    is_number = column.type in cells.NUMERIC and not cells.shows_times(column, options.replace(terminal=True))
    return ' class="n"' if is_number else ""


def _format_rows(result: RowSet, kept: list[Row], options: Options) -> Iterator[str]:
    """Yield the rows as HTML, and keep them for the chart."""
    # A page is read later: a distance such as `in 3d` would be wrong by then.
    shown = options.replace(terminal=True, now=None, null="NULL" if options.null is None else options.null)
    columns = [(column, cells.readable_formats(column, shown), _class_of(column, options)) for column in result.columns]
    for row in result.rows:
        if len(kept) < _MOST_DRAWN and not result.incremental:
            kept.append(row)
        yield "".join(
            (
                "<tr>",
                *(_format_cell(*column, value, shown) for column, value in zip(columns, row, strict=True)),
                "</tr>\n",
            )
        )


def _format_cell(column: Column, formats: cells.Formats, class_: str, value: Value, options: Options) -> str:
    if value is None:
        return f'<td class="null">{escape(formats[type(None)](None))}</td>'
    if column.name == "severity" and value in _SEVERITIES:
        return f'<td class="{value}" data-k="{_SEVERITIES[str(value)]}">{value}</td>'
    is_masked = column.secret and options.mask
    if isinstance(value, str) and not is_masked:
        text = escape_unsafe(value, keep_newlines=True)
    else:
        text = formats[type(value)](value)
    sort_key = f' data-k="{value!r}"' if isinstance(value, int | float) and not is_masked else ""
    return f"<td{class_}{sort_key}>{escape(text)}</td>"


def _draw_chart(chart: Chart) -> Iterator[str]:
    """Yield a chart as SVG: pixels, a line of 22 for each bar."""
    labels, room, line = 220, 420, 22
    most = max((abs(bar.size) for bar in chart.bars), default=0) or 1
    height = line * (len(chart.bars) + 1) + 8
    yield f'<svg role="img" width="{labels + room + 80}" height="{height}"><title>{escape(chart.title)}</title>\n'
    yield f'<text x="0" y="16">{escape(chart.title)}</text>\n'
    for number, bar in enumerate(chart.bars, 1):
        y, length = number * line + 4, abs(bar.size) / most * room
        label = bar.label if len(bar.label) <= 30 else f"{bar.label[:29]}…"
        yield (
            f'<text x="{labels - 8}" y="{y + 14}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="{labels}" y="{y}" width="{max(length, 1):.1f}" height="{line - 5}"/>'
            f'<text x="{labels + length + 6:.1f}" y="{y + 14}">{escape(bar.text)}</text>\n'
        )
    yield "</svg>\n"
