"""Word, PowerPoint, LibreOffice, mail, EPUB and other markup."""

# ruff: noqa: E501 - markup of one element a line is easier to read

import io
import zipfile

import pytest

from model.blocks import parse_list, parse_table

from .conftest import ReadContent

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
BODY = """<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Contract</w:t></w:r></w:p>
<w:p><w:r><w:t xml:space="preserve">The notice period is </w:t></w:r><w:del><w:r><w:delText>four weeks</w:delText></w:r></w:del>
<w:ins><w:r><w:t>three months</w:t></w:r></w:ins><w:r><w:footnoteReference w:id="2"/></w:r></w:p>
<w:sdt><w:sdtContent><w:p><w:r><w:t>Place: Bregenz.</w:t></w:r></w:p></w:sdtContent></w:sdt>
<w:p><w:r><w:pict><w:txbxContent><w:p><w:r><w:t>The gate is closed.</w:t></w:r></w:p></w:txbxContent></w:pict></w:r></w:p>
<w:p><w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>Scope</w:t></w:r></w:p>
<w:p><w:pPr><w:numPr><w:ilvl w:val="1"/><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>Parts</w:t></w:r></w:p>
<w:p><w:pPr><w:numPr><w:ilvl w:val="1"/><w:numId w:val="1"/></w:numPr></w:pPr><w:r><w:t>Work</w:t></w:r></w:p>
<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="{span}"/></w:tcPr><w:p><w:r><w:t>Opening hours</w:t></w:r></w:p></w:tc></w:tr>
<w:tr><w:tc><w:p><w:r><w:t>Day</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>Hours</w:t></w:r></w:p></w:tc></w:tr>
<w:tr><w:tc><w:tcPr><w:vMerge w:val="restart"/></w:tcPr><w:p><w:r><w:t>Mon</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>6</w:t></w:r></w:p></w:tc></w:tr>
<w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p/></w:tc><w:tc><w:p><w:r><w:t>7</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"""
NUMBERING = """<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="6"/><w:numFmt w:val="decimal"/>
<w:lvlText w:val="%1."/></w:lvl><w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/>
<w:lvlText w:val="%1.%2"/></w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>"""
MAIL = b"""From: Ada <ada@x.example>
To: b@x.example
Subject: Keys
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/plain; charset=utf-8

The keys are in the box.

On Monday Bob wrote:
> Where are the keys?
--b
Content-Type: text/csv; name="list.csv"
Content-Disposition: attachment; filename="list.csv"

key,room
K1,12
--b
Content-Type: application/zip
Content-Disposition: attachment; filename="x.zip"

zip
--b--
"""


def make_docx(span: str = "2") -> bytes:
    parts = {
        "word/document.xml": f'<w:document xmlns:w="{WORD}"><w:body>{BODY.replace("{span}", span)}</w:body></w:document>',
        "word/numbering.xml": f'<w:numbering xmlns:w="{WORD}">{NUMBERING}</w:numbering>',
        "word/footnotes.xml": f'<w:footnotes xmlns:w="{WORD}"><w:footnote w:id="2"><w:p><w:r><w:t>In writing.</w:t></w:r>'
        "</w:p></w:footnote></w:footnotes>",
        "word/header1.xml": f'<w:hdr xmlns:w="{WORD}"><w:p><w:r><w:t>Confidential</w:t></w:r></w:p></w:hdr>',
        "word/footer1.xml": f'<w:ftr xmlns:w="{WORD}"><w:p><w:r><w:t>Page 3</w:t></w:r></w:p></w:ftr>',
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return content.getvalue()


def test_word_gives_what_a_reader_sees(read_content: ReadContent) -> None:
    (document,), _ = read_content("a.docx", make_docx())
    assert [(block.kind, block.text) for block in document.blocks[:6]] == [
        ("note", "Confidential"),
        ("heading", "Contract"),
        ("paragraph", "The notice period is three months"),
        ("note", "In writing."),
        ("paragraph", "Place: Bregenz."),
        ("paragraph", "The gate is closed."),
    ]
    numbered, table = document.blocks[6:]
    assert [(item.marker, item.text, item.depth) for item in parse_list(numbered.text)[1]] == [
        ("6.", "Scope", 0),
        ("6.1", "Parts", 1),
        ("6.2", "Work", 1),
    ]
    assert parse_table(table.text).caption == "Opening hours"
    assert parse_table(table.text).rows == (("Mon", "6"), ("Mon", "7"))


def test_word_table_of_two_hundred_million_columns_is_bounded(read_content: ReadContent) -> None:
    (document,), _ = read_content("a.docx", make_docx("200000000"))
    assert len(document.text) < 10_000


def test_slides_give_lists_tables_charts_and_notes(read_content: ReadContent) -> None:
    import pptx
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE

    presentation = pptx.Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[1])
    slide.shapes.title.text, slide.placeholders[1].text = "Sales", "More pumps\nFewer valves"
    table = slide.shapes.add_table(2, 2, 0, 0, 100, 100).table
    for number, text in enumerate(("Site", "Sum", "Graz", "12")):
        table.cell(number // 2, number % 2).text = text
    chart = CategoryChartData()
    chart.categories = ["Q1", "Q2"]
    chart.add_series("Pumps", (3, 4.5))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, 100, 100, chart)
    slide.notes_slide.notes_text_frame.text = "Thank Ada."
    content = io.BytesIO()
    presentation.save(content)
    (document,), _ = read_content("a.pptx", content.getvalue())
    assert (document.title, document.page) == ("Sales", 1)
    assert [block.text for block in document.blocks] == [
        "Sales",
        "- More pumps\n- Fewer valves",
        "| Site | Sum |\n| --- | --- |\n| Graz | 12 |",
        "|  | Pumps |\n| --- | --- |\n| Q1 | 3 |\n| Q2 | 4.5 |",
        "Thank Ada.",
    ]


def test_mail_gives_headers_text_quotation_and_attachments(read_content: ReadContent) -> None:
    (document,), notes = read_content("a.eml", MAIL)
    assert (document.title, document.tags) == ("Keys", ("from=Ada <ada@x.example>", "to=b@x.example"))
    assert [(block.kind, block.text) for block in document.blocks] == [
        ("fields", "From: Ada <ada@x.example>\nTo: b@x.example\nSubject: Keys"),
        ("paragraph", "The keys are in the box."),
        ("note", "Where are the keys?"),
        ("heading", "list.csv"),
        ("fields", "key: K1\nroom: 12"),
    ]
    assert notes[0].startswith("the attachment x.zip was passed over: the file type is not supported")


def test_mailbox_gives_a_document_for_each_message(read_content: ReadContent) -> None:
    mailbox = b"From a Mon\nSubject: One\n\nFirst.\n\nFrom b Tue\nSubject: Two\n\n>From here.\n"
    documents, _ = read_content("a.mbox", mailbox)
    assert [(document.page, document.title, document.blocks[-1].text) for document in documents] == [
        (1, "One", "First."),
        (2, "Two", "From here."),
    ]


def make_archive(**parts: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), text)
    return content.getvalue()


def test_epub_gives_its_chapters_in_reading_order(read_content: ReadContent) -> None:
    content = make_archive(
        book_opf='<package xmlns="http://www.idpf.org/2007/opf"><metadata><title>Manual</title></metadata><manifest>'
        '<item id="b" href="b.xhtml"/><item id="a" href="a.xhtml"/></manifest><spine><itemref idref="a"/>'
        '<itemref idref="b"/></spine></package>',
        a_xhtml='<?xml version="1.0"?><html><body><h1>One</h1><p>First.</p></body></html>',
        b_xhtml="<html><body><p>Second.</p></body></html>",
    )
    archive = io.BytesIO(content)
    with zipfile.ZipFile(archive, "a") as book:
        book.writestr("META-INF/container.xml", '<container><rootfile full-path="book.opf"/></container>')
    (document,), _ = read_content("a.epub", archive.getvalue())
    assert (document.title, [block.text for block in document.blocks]) == ("Manual", ["One", "First.", "Second."])


def test_open_document_gives_headings_lists_tables_and_notes(read_content: ReadContent) -> None:
    body = """<office:document-content xmlns:office="o" xmlns:text="t" xmlns:table="b"><office:body><office:text>
<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes><text:h text:outline-level="2">Care</text:h>
<text:p>Oil<text:s/>it.<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Yearly.</text:p>
</text:note-body></text:note></text:p><text:list><text:list-item><text:p>first</text:p></text:list-item></text:list>
<table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell><text:p>b</text:p>
</table:table-cell></table:table-row><table:table-row><table:table-cell table:number-columns-repeated="2"><text:p>1</text:p>
</table:table-cell></table:table-row></table:table></office:text></office:body></office:document-content>"""
    (document,), _ = read_content("a.odt", make_archive(content_xml=body))
    assert [(block.kind, block.text) for block in document.blocks] == [
        ("heading", "Care"),
        ("paragraph", "Oil it."),
        ("note", "Yearly."),
        ("list", "- first"),
        ("table", "| a | b |\n| --- | --- |\n| 1 | 1 |"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "blocks"),
    [
        ("a.rst", "Care\n====\n\nOil *it*.\n\n* one\n* two\n", ["Care", "Oil it.", "- one\n- two"]),
        (
            "a.xml",
            "<p><part id='7'><name>Ring</name></part><part id='8'><name>Cap</name></part></p>",
            ["part", "id: 7\nname: Ring"],
        ),
        ("a.xml", "<doc><p>Oil <b>it</b> now.</p><p>Again.</p></doc>", ["Oil it now.", "Again."]),
        ("a.rtf", r"{\rtf1\ansi The pump needs oil.\par Every year.}", ["The pump needs oil.", "Every year."]),
        ("a.py", "import os\n\ndef run():\n    pass\n", ["```\nimport os\n```", "```\ndef run():\n    pass\n```"]),
    ],
)
def test_markup_gives_its_blocks(name: str, content: str, blocks: list[str], read_content: ReadContent) -> None:
    documents, _ = read_content(name, content)
    assert [block.text for block in documents[0].blocks] == blocks


def test_notebook_gives_cells_and_outputs(read_content: ReadContent) -> None:
    notebook = """{"cells": [{"cell_type": "markdown", "source": ["# Title\\n", "\\n", "Text."]},
    {"cell_type": "code", "source": "x = 1", "outputs": [{"text": ["17\\n"]}, {"data": {"image/png": "aaaa"}}]}]}"""
    (document,), _ = read_content("a.ipynb", notebook)
    assert [block.text for block in document.blocks] == ["Title", "Text.", "```\nx = 1\n```", "```\n17\n```"]
    old = '{"worksheets": [{"cells": [{"cell_type": "code", "input": "y = 2", "outputs": []}]}]}'
    (document,), _ = read_content("b.ipynb", old)
    assert document.text == "```\ny = 2\n```"
