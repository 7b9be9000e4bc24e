"""The main content of web pages."""

import pytest

from model.blocks import parse_code, parse_list, parse_question, parse_table
from model.errors import DocumentError

from .conftest import ReadContent

PAGE = """<!DOCTYPE html><html><head><title>Boiler K-40</title><style>.x{color:red}</style></head><body>
<header><a href="/">Home</a></header><nav><ul><li>Products</li></ul></nav>
<div class="cookie-banner">We use cookies.</div>
<main><h1>Boiler</h1><p>Heats <b>40</b> litres.<br>Weighs 18 kg.</p><!-- no -->
<table><caption>Lamps</caption><thead><tr><th>Lamp</th><th>Meaning</th><th>Remedy</th></tr></thead>
<tr><td rowspan="2">red</td><td>no water</td><td>open the tap</td></tr><tr><td>hot</td><td>wait</td></tr>
<tr><td>yellow</td><td colspan="2">scale</td></tr></table>
<pre><code># reset
  k40ctl</code></pre>
<ol start="2"><li>Open<ul><li>slowly</li></ul></li><li>Close</li></ol>
<dl><dt>BOM</dt><dd>A list of components.</dd></dl>
<details><summary>How do I book?</summary><p>Use the calendar.</p></details>
<p hidden>Made of glass.</p><p style="display: none">Secret.</p><div aria-hidden="true">x</div></main>
<aside>Related: K-60.</aside><footer>Imprint</footer></body></html>"""


def test_page_gives_its_main_content_as_blocks(read_content: ReadContent) -> None:
    (document,), notes = read_content("a.html", PAGE)
    assert (document.title, notes) == ("Boiler K-40", [])
    kinds = ["heading", "paragraph", "table", "code", "list", "question", "question"]
    assert [block.kind for block in document.blocks] == kinds
    paragraph, table, code, items, term, details = (block.text for block in document.blocks[1:])
    assert paragraph == "Heats 40 litres. Weighs 18 kg."
    assert parse_table(table).caption == "Lamps"
    assert parse_table(table).rows == (
        ("red", "no water", "open the tap"),
        ("red", "hot", "wait"),
        ("yellow", "scale", ""),
    )
    assert parse_code(code) == "# reset\n  k40ctl"
    assert [(item.marker, item.text, item.depth) for item in parse_list(items)[1]] == [
        ("2.", "Open", 0),
        ("-", "slowly", 1),
        ("3.", "Close", 0),
    ]
    assert parse_question(term) == ("BOM", "A list of components.")
    assert parse_question(details) == ("How do I book?", "Use the calendar.")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ('<meta charset="windows-1252"><p>Gr\xf6\xdfe</p>'.encode("latin-1"), "Größe"),
        ("<p>Größe</p>".encode(), "Größe"),
        ("<p>Größe</p>".encode("utf-16"), "Größe"),
        ('<meta charset="no-such"><p>Größe</p>'.encode("latin-1"), "Größe"),
    ],
)
def test_page_is_decoded_as_it_declares_or_as_its_bytes_suggest(
    content: bytes, text: str, read_content: ReadContent
) -> None:
    (document,), _ = read_content("a.html", content)
    assert document.text == text


def test_table_that_lays_out_a_page_is_read_as_its_cells(read_content: ReadContent) -> None:
    page = "<table><tr><td><p>One.</p></td></tr><tr><td><table><tr><td>a</td><td>b</td></tr></table></td></tr></table>"
    (document,), _ = read_content("a.html", page)
    assert [block.kind for block in document.blocks] == ["paragraph", "table"]


def test_huge_span_is_bounded(read_content: ReadContent) -> None:
    page = "<table><tr><td colspan=200000000>a</td></tr><tr><td rowspan=9999>b</td><td>c</td></tr></table>"
    (document,), _ = read_content("a.html", page)
    assert len(document.text) < 20_000


def test_deep_nesting_is_read_or_refused_in_words(read_content: ReadContent) -> None:
    (document,), _ = read_content("a.html", "<div>" * 200 + "deep" + "</div>" * 200)
    assert document.text == "deep"
    with pytest.raises(DocumentError, match="the page contains no text"):
        read_content("b.html", "<div>" * 3000 + "deep" + "</div>" * 3000)
