"""Write the binary files of the invented office corpus of Halden Instruments.

The function ``write_binary_files`` creates documents, slides, sheets, books and PDF files below one folder.
Every run writes the same bytes. The script needs python-docx, python-pptx, XlsxWriter and reportlab.
"""

import io
import re
import sys
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from xml.sax.saxutils import escape

import xlsxwriter
from docx import Document
from docx.document import Document as WordDocument
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.table import Table as WordTable
from docx.text.paragraph import Paragraph as WordParagraph
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.presentation import Presentation as SlideDeck
from pptx.slide import Slide
from pptx.util import Cm, Pt
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    FrameBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

TableRows = Sequence[Sequence[str]]

FIRST_HEADING_OF_SECOND_COLUMN = "Nonconformity 1: torque wrenches"
ARCHIVE_TIME = (2025, 6, 1, 8, 0, 0)
FIXED_STAMP = "2025-06-01T08:00:00Z"
STAMP_PATTERN = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)?")
WORD_NAMESPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
FOOTNOTE_CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"

CONTRACT_CLAUSES: dict[str, tuple[str, ...]] = {
    "1 Subject of the contract": (
        "1.1 The Supplier manufactures and delivers moulded seals as listed in Annex A.",
        "1.2 Individual orders are placed by e-mail and confirmed by the Supplier within three working days.",
    ),
    "2 Term": (
        "2.1 The contract begins on 1 June 2024 and runs for 36 months.",
        "2.2 It is extended by twelve months each time unless a party gives notice four months before the end.",
    ),
    "3 Prices and payment": (
        "3.1 The prices in Annex B are fixed until 31 May 2025.",
        "3.2 Invoices are payable within 45 days. The Buyer may deduct 2 percent when it pays within ten days.",
        "3.3 A raw material surcharge is permitted only if the rubber index rises by more than 8 percent.",
    ),
    "4 Delivery": (
        "4.1 Goods are delivered DAP Kassel, gate 2, on weekdays before noon.",
        "4.2 For each working day of delay the Supplier pays 0.5 percent of the order value, at most 6 percent.",
        "4.3 The Supplier keeps a safety stock of 20,000 seals at its works.",
    ),
    "5 Quality": (
        "5.1 The acceptable quality level is AQL 0.65 for main dimensions.",
        "5.2 The Buyer reports hidden defects within 15 working days of their discovery.",
        "5.3 The Buyer may audit the works once a year after giving ten days' notice.",
    ),
    "6 Warranty": (
        "6.1 The warranty period is 30 months from delivery.",
        "6.2 The Supplier replaces defective seals within twelve days and bears the cost of sorting.",
    ),
    "7 Confidentiality": (
        "7.1 Drawings and recipes are confidential and may be shown only to staff who need them.",
        "7.2 The duty of secrecy continues for seven years after the end of the contract.",
        "7.3 Each breach is subject to a contractual penalty of 25,000 euros.",
    ),
    "8 Termination": (
        "8.1 Either party may terminate the contract for good cause, in particular in the event of insolvency.",
        "8.2 After termination the Supplier returns all moulds owned by the Buyer within three weeks.",
    ),
    "9 Final provisions": (
        "9.1 English law applies. Disputes are settled by arbitration with its seat in Vienna.",
        "9.2 Amendments have to be made in writing; this also applies to this clause.",
        "9.3 Signed in Kassel on 17 May 2024 by Owen Tredwell for the Buyer and Radka Horakova for the Supplier.",
    ),
}

ONBOARDING_STEPS = (
    "Collect the staff card from reception; bring your passport for the photograph.",
    "Pick up the laptop in room B-017 between 10:00 and 11:30.",
    "Change the first password and enrol your phone for two-factor login.",
    "Complete the safety course SC-1 before you enter the test benches.",
    "Choose a buddy from another department and have lunch together.",
)

NDA_PARAGRAPHS: dict[str, tuple[str, ...]] = {
    "Parties and purpose": (
        "This agreement is made between Halden Instruments Ltd and Torvane Pharma plc.",
        "The parties examine a joint sterile flow sensor under the name Project Kestrel.",
    ),
    "What counts as confidential information": (
        "Confidential information means any drawing, sample, formula or figure that a party marks as confidential "
        "or confirms as such within 20 days of an oral disclosure.",
    ),
    "Duration": ("The agreement starts on 3 February 2025 and ends after four years.",),
    "Contacts": (
        "Halden names Noor van Dijk as its contact, telephone +44 117 496 0177.",
        "Torvane names Dr. Emeka Nwosu, head of process technology.",
    ),
}

MANUAL_CHAPTERS: dict[str, tuple[str, ...]] = {
    "Installing the clamp-on meter": (
        "Choose a place where the pipe is always full, and remove paint and rust with abrasive paper of grain 180.",
        "Apply a bead of coupling paste 4 mm thick to both transducers.",
        "Fix the strap by hand, then tighten it with 3.5 Nm.",
        "Start the signal test; the signal strength has to be above 62 percent.",
    ),
    "Error messages": (
        "HX-9014 appears when the two transducers have been swapped. Exchange the red and the blue plug.",
        "HX-9041 appears when the zero calibration was stopped. Close the valve and repeat it for 90 seconds.",
        "HX-9104 appears when the totaliser overflows. Reset it in the Counter menu with the code 2580.",
    ),
    "Updating the firmware": (
        "Format a USB stick with FAT32 and copy the file halden.upd into its root folder.",
        "Insert the stick, hold the Down button and switch the meter on.",
        "The update takes eleven minutes. Do not switch off while the amber LED is lit.",
        "Check the version in the Info menu afterwards.",
    ),
    "Maintenance": (
        "Renew the coupling paste every 18 months.",
        "Clean the housing with a damp cloth. Solvents attack the seal of the display.",
    ),
}

FLEET_ROWS: TableRows = (
    ("Registration", "Vehicle", "Driver", "Leased until", "Mileage limit", "Monthly rate GBP"),
    ("BX23 KLO", "Estate, diesel", "Hanna Lindqvist", "2026-02-28", "25000", "418.00"),
    ("BX24 RTV", "Electric van", "Warehouse pool", "2027-08-31", "18000", "536.50"),
    ("BX24 RTW", "Electric saloon", "Beatriz Antunes", "2027-10-31", "30000", "612.00"),
    ("KS HI 704", "Minibus, nine seats", "Kassel pool", "2026-11-30", "20000", "489.90"),
)

DATASHEET_ROWS: TableRows = (
    ("Property", "Value", "Remark"),
    ("Nominal size", "DN 15 to DN 100", "other sizes on request"),
    ("Flow range", "0.2 to 68 tonnes per hour", "for water at 20 °C"),
    ("Process temperature", "-50 to 205 °C", "short peaks of 230 °C"),
    ("Maximum pressure", "100 bar", "flange PN 100"),
    ("Power supply", "18 to 32 V DC", "13 watts"),
    ("Outputs", "two 4-20 mA, one pulse", "galvanically isolated"),
    ("Explosion protection", "ATEX zone 1", "certificate TR 21 0586"),
)

AUDIT_SECTIONS: dict[str, tuple[str, ...]] = {
    "Scope": (
        "Renata Oliveira of Certima Audit visited the Bologna depot from 12 to 14 May 2025. "
        "The audit covered ISO 9001 and ISO 17025 and was based on 46 samples.",
    ),
    "Method": (
        "The auditor spoke with 17 employees, inspected the goods-in area and the calibration laboratory, and "
        "compared paper forms with the entries in the quality database. Samples were drawn at random from the "
        "years 2023 to 2025. Findings were discussed with Lucia Marchetti on the last afternoon.",
    ),
    "Strengths": (
        "The calibration records are complete. The team answers customers in 1.6 days on average. "
        "The new climate chamber keeps its temperature within 0.15 kelvin.",
    ),
    "Nonconformity 1: torque wrenches": (
        "Four torque wrenches had passed their calibration date. The depot has to send them to the laboratory "
        "by 20 June 2025. Responsible: Matteo Ferrante.",
    ),
    "Nonconformity 2: training records": (
        "Training records of three temporary workers were missing. They have to be supplied by 11 July 2025. "
        "Responsible: Chiara Bonetti.",
    ),
    "Observation": (
        "Solvent bottles in room S-09 carry handwritten labels. Printed labels with hazard symbols are recommended.",
    ),
    "Result": ("The certificate remains valid. The next surveillance audit is planned for calendar week 19 of 2026.",),
}


def freeze_archive(data: bytes) -> bytes:
    """Return the zip archive with fixed times, so that two runs give the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as sink:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith((".xlsx", ".docx")):
                content = freeze_archive(content)
            if name in ("docProps/core.xml", "word/comments.xml"):
                content = STAMP_PATTERN.sub(FIXED_STAMP.encode(), content)
            info = zipfile.ZipInfo(name, ARCHIVE_TIME)
            info.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            sink.writestr(info, content)
    return target.getvalue()


def write_archive(path: Path, members: dict[str, str]) -> None:
    """Write a zip archive of text members, in the order given."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    path.write_bytes(freeze_archive(buffer.getvalue()))


def save_word_document(document: WordDocument, path: Path) -> None:
    """Save a Word document with frozen times."""
    buffer = io.BytesIO()
    document.save(buffer)
    path.write_bytes(freeze_archive(buffer.getvalue()))


def add_footnote(document: WordDocument, paragraph: WordParagraph, text: str) -> None:
    """Add one footnote to the document and its reference to the end of the paragraph."""
    body = "".join(
        f'<w:footnote w:id="{number}"{kind}><w:p>{content}</w:p></w:footnote>'
        for number, kind, content in (
            (-1, ' w:type="separator"', "<w:r><w:separator/></w:r>"),
            (0, ' w:type="continuationSeparator"', "<w:r><w:continuationSeparator/></w:r>"),
            (1, "", f'<w:r><w:footnoteRef/></w:r><w:r><w:t xml:space="preserve"> {escape(text)}</w:t></w:r>'),
        )
    )
    xml = f'<?xml version="1.0" encoding="UTF-8"?><w:footnotes xmlns:w="{WORD_NAMESPACE}">{body}</w:footnotes>'
    package = document.part.package
    part = Part(PackURI("/word/footnotes.xml"), FOOTNOTE_CONTENT_TYPE, xml.encode("utf-8"), package)
    document.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
    reference = OxmlElement("w:footnoteReference")
    reference.set(qn("w:id"), "1")
    paragraph.add_run()._r.append(reference)


def add_tracked_change(paragraph: WordParagraph, deleted: str, inserted: str) -> None:
    """Append a tracked replacement to the paragraph: a deleted text and an inserted text."""
    for number, (tag, text_tag, text) in enumerate((("w:del", "w:delText", deleted), ("w:ins", "w:t", inserted)), 901):
        change = OxmlElement(tag)
        change.set(qn("w:id"), str(number))
        change.set(qn("w:author"), "Priya Raghunathan")
        change.set(qn("w:date"), FIXED_STAMP)
        run = OxmlElement("w:r")
        content = OxmlElement(text_tag)
        content.set(qn("xml:space"), "preserve")
        content.text = text
        run.append(content)
        change.append(run)
        paragraph._p.append(change)


def fill_word_table(table: WordTable, rows: TableRows) -> None:
    """Fill the cells of a Word table row by row."""
    for row, values in zip(table.rows, rows, strict=True):
        for cell, value in zip(row.cells, values, strict=True):
            cell.text = value


def write_contract(path: Path) -> None:
    """Write the supply contract with nine numbered clauses and an annex table."""
    document = Document()
    document.sections[0].header.paragraphs[0].text = "Contract SC-2024-17 - confidential"
    document.sections[0].footer.paragraphs[0].text = "Halden Instruments Ltd, Tannery Yard 5, Bristol"
    document.add_heading("Supply contract for moulded seals", 0)
    document.add_paragraph("between Halden Instruments Ltd (Buyer) and Ostrava Gummi s.r.o. (Supplier)")
    for heading, subclauses in CONTRACT_CLAUSES.items():
        document.add_heading(heading, 1)
        for subclause in subclauses:
            document.add_paragraph(subclause)
    document.add_heading("Annex B: Prices", 1)
    rows = (
        ("Seal", "Material", "Quantity per box", "Price per 100 in EUR"),
        ("OG-24", "EPDM", "500", "61.30"),
        ("OG-42", "FKM", "250", "148.75"),
        ("OG-48", "Silicone", "400", "92.10"),
    )
    table = document.add_table(len(rows), 4, style="Table Grid")
    fill_word_table(table, rows)
    save_word_document(document, path)


def add_first_week_table(document: WordDocument) -> None:
    """Add the timetable of the first week; the cell of the last day spans two columns."""
    rows = (
        ("Day", "Morning", "Afternoon"),
        ("Monday", "Welcome by HR, room A-110", "IT set-up"),
        ("Tuesday", "Product training with Rupert Ashdown", "Tour of the sound lab"),
        ("Wednesday", "Safety course", "First aid course with the Red Cross"),
        ("Thursday", "Shadow a colleague", "Talk with Ingrid Solberg at 15:15"),
        ("Friday", "Team breakfast and feedback", ""),
    )
    table = document.add_table(len(rows), 3, style="Table Grid")
    fill_word_table(table, rows)
    merged = table.cell(5, 1).merge(table.cell(5, 2))
    merged.text = "Team breakfast and feedback"


def write_onboarding_guide(path: Path) -> None:
    """Write the guide for new employees with steps, a footnote, a tracked change and a comment."""
    document = Document()
    document.sections[0].header.paragraphs[0].text = "Welcome to Halden"
    document.sections[0].footer.paragraphs[0].text = "Document HR-31, issue 6"
    document.add_heading("Onboarding guide for new employees in Bristol", 0)
    document.add_heading("Before the first day", 1)
    paragraph = document.add_paragraph("Send the signed contract and form HR-05 to Callum Fairweather.")
    add_footnote(document, paragraph, "Apprentices send form HR-06 and the letter of their school instead.")
    document.add_heading("Steps on the first day", 1)
    for step in ONBOARDING_STEPS:
        document.add_paragraph(step, style="List Number")
    document.add_heading("Timetable of the first week", 1)
    add_first_week_table(document)
    document.add_heading("Lockers and clothing", 1)
    changed = document.add_paragraph("The deposit for a locker key is ")
    add_tracked_change(changed, "10 pounds.", "15 pounds.")
    clothing = "Safety shoes are paid for up to 95 pounds a pair; order them at Gribble Workwear."
    runs = document.add_paragraph(clothing).runs
    document.add_comment(runs, text="Check the amount after the next tender.", author="Marlon Pike", initials="MP")
    document.add_heading("Who helps", 1)
    document.add_paragraph("Questions about the welcome programme: Odette Kimura, room A-112, extension 0119.")
    save_word_document(document, path)


def set_slide_title(slide: Slide, title: str) -> None:
    """Set the title of a slide whose layout has a title."""
    shape = slide.shapes.title
    if shape is None:
        raise ValueError("The layout of the slide has no title.")
    shape.text = title


def add_text_slide(deck: SlideDeck, title: str, lines: Sequence[str], notes: str = "") -> Slide:
    """Add a slide with a title, bullet lines and speaker notes."""
    slide: Slide = deck.slides.add_slide(deck.slide_layouts[1])
    set_slide_title(slide, title)
    slide.placeholders[1].text = "\n".join(lines)
    notes_frame = slide.notes_slide.notes_text_frame if notes else None
    if notes_frame is not None:
        notes_frame.text = notes
    return slide


def add_table_slide(deck: SlideDeck, title: str, rows: TableRows) -> None:
    """Add a slide with a title and a table."""
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    set_slide_title(slide, title)
    shape = slide.shapes.add_table(len(rows), len(rows[0]), Cm(2), Cm(5), Cm(21), Cm(8))
    for row_index, values in enumerate(rows):
        for column_index, value in enumerate(values):
            cell = shape.table.cell(row_index, column_index)
            cell.text = value
            cell.text_frame.paragraphs[0].font.size = Pt(16)


def add_chart_slide(deck: SlideDeck, title: str, categories: Sequence[str], values: Sequence[float]) -> None:
    """Add a slide with a column chart of one series."""
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    set_slide_title(slide, title)
    data = CategoryChartData()
    data.categories = list(categories)
    data.add_series("Orders in million pounds", tuple(values))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Cm(2), Cm(5), Cm(21), Cm(12), data)


def write_sales_slides(path: Path) -> None:
    """Write the slides of the sales meeting with a table, speaker notes and a chart."""
    deck = Presentation()
    cover = deck.slides.add_slide(deck.slide_layouts[0])
    set_slide_title(cover, "European sales meeting 2025")
    cover.placeholders[1].text = "Lisbon, 10 and 11 June 2025 - Beatriz Antunes"
    add_text_slide(
        deck,
        "Discount rules",
        (
            "Resellers: 18 percent from the third device on",
            "Universities: 12 percent, no minimum quantity",
            "Discounts above 22 percent need the signature of Tobias Wrenfield",
        ),
        "Mention that the discount for universities was extended until December 2026.",
    )
    rows = (
        ("Region", "Area manager", "Target 2025", "Main competitor"),
        ("Iberia", "Duarte Pestana", "£3.1m", "Sondex"),
        ("Nordics", "Aino Rautio", "£4.7m", "Flowmark"),
        ("Benelux", "Maarten Claes", "£2.6m", "Kravitz Messtechnik"),
        ("Poland", "Jolanta Wilk", "£1.9m", "Flowmark"),
    )
    add_table_slide(deck, "Regions and area managers", rows)
    add_chart_slide(deck, "Orders by quarter 2024", ("Q1", "Q2", "Q3", "Q4"), (10.8, 12.3, 9.6, 13.9))
    add_text_slide(
        deck,
        "Trade fairs",
        ("Aquatech Amsterdam: stand 7.231", "Achema Frankfurt: stand E-46 in hall 11", "Brau Nuremberg: visit only"),
        "Aino Rautio books the hotel rooms; deadline is 18 July.",
    )
    buffer = io.BytesIO()
    deck.save(buffer)
    path.write_bytes(freeze_archive(buffer.getvalue()))


def write_budget_sheet(sheet: xlsxwriter.worksheet.Worksheet, bold: xlsxwriter.format.Format) -> None:
    """Fill the sheet with the budget of each department; totals and differences are formulas with cached values."""
    rows = (
        ("Development", 1840000, 1795500),
        ("Production", 3260000, 3311200),
        ("Service", 915000, 902300),
        ("Sales", 1270000, 1248900),
        ("IT", 486000, 509750),
        ("Human Resources", 352000, 338400),
    )
    sheet.write_row(0, 0, ("Department", "Budget 2025 GBP", "Forecast 2025 GBP", "Difference"), bold)
    for index, (name, budget, forecast) in enumerate(rows, 1):
        sheet.write_row(index, 0, (name, budget, forecast))
        sheet.write_formula(index, 3, f"=C{index + 1}-B{index + 1}", None, forecast - budget)
    last = len(rows) + 1
    sheet.write(last, 0, "Total", bold)
    for column, letter in ((1, "B"), (2, "C"), (3, "D")):
        values = (sum(row[1] for row in rows), sum(row[2] for row in rows), sum(row[2] - row[1] for row in rows))
        sheet.write_formula(last, column, f"=SUM({letter}2:{letter}{last})", bold, values[column - 1])


def write_investment_sheet(book: xlsxwriter.Workbook, bold: xlsxwriter.format.Format) -> None:
    """Add the sheet of investments with approval dates, delivery dates and gross prices as formulas."""
    sheet = book.add_worksheet("Investments")
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    rows = (
        ("Helium leak tester", "Kassel", date(2025, 2, 14), date(2025, 9, 1), 86400),
        ("Laser welder", "Kassel", date(2025, 3, 21), date(2025, 11, 24), 212000),
        ("Climate chamber", "Bologna", date(2024, 12, 5), date(2025, 4, 10), 58750),
        ("Anechoic panels", "Bristol", date(2025, 5, 30), date(2025, 10, 13), 33900),
    )
    sheet.write_row(0, 0, ("Asset", "Site", "Approved", "Delivery", "Net price GBP", "With 20% VAT"), bold)
    for index, (asset, site, approved, delivery, price) in enumerate(rows, 1):
        sheet.write_row(index, 0, (asset, site))
        sheet.write_datetime(index, 2, datetime(approved.year, approved.month, approved.day), day)
        sheet.write_datetime(index, 3, datetime(delivery.year, delivery.month, delivery.day), day)
        sheet.write_number(index, 4, price)
        sheet.write_formula(index, 5, f"=E{index + 1}*1.2", None, price * 12 / 10)


def write_budget_workbook(path: Path) -> None:
    """Write the workbook with the budget and the investments."""
    book = xlsxwriter.Workbook(str(path))
    book.set_properties({"title": "Budget 2025", "author": "Tobias Wrenfield", "created": datetime(2025, 6, 1)})
    bold = book.add_format({"bold": True})
    write_budget_sheet(book.add_worksheet("Budget"), bold)
    write_investment_sheet(book, bold)
    book.close()


def write_maintenance_workbook(path: Path) -> None:
    """Write the workbook with the maintenance plan of the Kassel machines and a sheet of service firms."""
    book = xlsxwriter.Workbook(str(path))
    book.set_properties({"title": "Maintenance plan", "author": "Sabine Kroll", "created": datetime(2025, 6, 1)})
    bold = book.add_format({"bold": True})
    day = book.add_format({"num_format": "dd.mm.yyyy"})
    plan = book.add_worksheet("Plan")
    plan.write_row(0, 0, ("Machine", "Task", "Last done", "Interval days", "Next due"), bold)
    rows = (
        ("Compressor K2", "Change oil filter", datetime(2025, 3, 3), 120, datetime(2025, 7, 1)),
        ("Compressor K3", "Change oil filter", datetime(2025, 4, 14), 120, datetime(2025, 8, 12)),
        ("Overhead crane", "Inspect hook and rope", datetime(2024, 10, 8), 365, datetime(2025, 10, 8)),
        ("Vacuum oven V1", "Replace door seal", datetime(2025, 1, 27), 200, datetime(2025, 8, 15)),
    )
    for index, (machine, task, done, interval, due) in enumerate(rows, 1):
        plan.write_row(index, 0, (machine, task))
        plan.write_datetime(index, 2, done, day)
        plan.write_number(index, 3, interval)
        plan.write_formula(index, 4, f"=C{index + 1}+D{index + 1}", day, (due - datetime(1899, 12, 30)).days)
    firms = book.add_worksheet("Service firms")
    firms.write_row(0, 0, ("Machine", "Firm", "Contact", "Phone"), bold)
    firms.write_row(1, 0, ("Compressor K2", "Druckluft Habicht", "Enno Petersen", "+49 561 555 0610"))
    firms.write_row(2, 0, ("Overhead crane", "Kranbau Zwehren", "Silke Maibaum", "+49 561 555 0655"))
    book.close()


def build_manifest(media_type: str) -> str:
    """Return the manifest of an OpenDocument file."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.2">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{media_type}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
        "</manifest:manifest>"
    )


def write_open_document(path: Path, kind: str, body: str) -> None:
    """Write an OpenDocument file of the kind ``text`` or ``spreadsheet``."""
    media_type = f"application/vnd.oasis.opendocument.{kind}"
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "text", "table")
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content{names} office:version="1.2">'
        f"<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    )
    members = {"mimetype": media_type, "content.xml": content, "META-INF/manifest.xml": build_manifest(media_type)}
    write_archive(path, members)


def write_secrecy_agreement(path: Path) -> None:
    """Write the secrecy agreement as an OpenDocument text with headings."""
    parts = ['<text:h text:outline-level="1">Non-disclosure agreement NDA-2025-03</text:h>']
    for heading, paragraphs in NDA_PARAGRAPHS.items():
        parts.append(f'<text:h text:outline-level="2">{escape(heading)}</text:h>')
        parts.extend(f"<text:p>{escape(paragraph)}</text:p>" for paragraph in paragraphs)
    write_open_document(path, "text", "".join(parts))


def build_sheet_cell(value: str) -> str:
    """Return one cell of an OpenDocument sheet, typed as date, number or text."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        attributes = f'office:value-type="date" office:date-value="{value}"'
    elif re.fullmatch(r"\d+(?:\.\d+)?", value):
        attributes = f'office:value-type="float" office:value="{value}"'
    else:
        attributes = 'office:value-type="string"'
    return f"<table:table-cell {attributes}><text:p>{escape(value)}</text:p></table:table-cell>"


def write_fleet_sheet(path: Path) -> None:
    """Write the list of company cars as an OpenDocument spreadsheet."""
    rows = "".join(
        f"<table:table-row>{''.join(build_sheet_cell(value) for value in row)}</table:table-row>" for row in FLEET_ROWS
    )
    columns = f'<table:table-column table:number-columns-repeated="{len(FLEET_ROWS[0])}"/>'
    write_open_document(path, "spreadsheet", f'<table:table table:name="Fleet">{columns}{rows}</table:table>')


def build_chapter(title: str, paragraphs: Sequence[str]) -> str:
    """Return one chapter of the book as XHTML; the paragraphs become a numbered list."""
    items = "".join(f"<li>{escape(paragraph)}</li>" for paragraph in paragraphs)
    return (
        '<?xml version="1.0" encoding="UTF-8"?><html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en">'
        f"<head><title>{escape(title)}</title></head><body><h1>{escape(title)}</h1><ol>{items}</ol></body></html>"
    )


def build_book_package(chapter_count: int) -> str:
    """Return the package document of the book with its metadata, manifest and reading order."""
    items = "".join(
        f'<item id="c{number}" href="c{number}.xhtml" media-type="application/xhtml+xml"/>'
        for number in range(1, chapter_count + 1)
    )
    order = "".join(f'<itemref idref="c{number}"/>' for number in range(1, chapter_count + 1))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">halden-fm-22</dc:identifier>'
        "<dc:title>Service manual for the flow meters FM-22xx</dc:title><dc:language>en</dc:language>"
        f'<meta property="dcterms:modified">{FIXED_STAMP}</meta></metadata><manifest>{items}'
        '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/></manifest>'
        f"<spine>{order}</spine></package>"
    )


def write_service_manual(path: Path) -> None:
    """Write the service manual as an EPUB book with a table of contents."""
    container = (
        '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
        '<rootfiles><rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles>'
        "</container>"
    )
    links = "".join(
        f'<li><a href="c{number}.xhtml">{escape(title)}</a></li>' for number, title in enumerate(MANUAL_CHAPTERS, 1)
    )
    navigation = (
        '<?xml version="1.0" encoding="UTF-8"?><html xmlns="http://www.w3.org/1999/xhtml" '
        'xmlns:epub="http://www.idpf.org/2007/ops"><head><title>Contents</title></head>'
        f'<body><nav epub:type="toc"><ol>{links}</ol></nav></body></html>'
    )
    members = {"mimetype": "application/epub+zip", "META-INF/container.xml": container}
    members["OEBPS/content.opf"] = build_book_package(len(MANUAL_CHAPTERS))
    members["OEBPS/nav.xhtml"] = navigation
    for number, (title, paragraphs) in enumerate(MANUAL_CHAPTERS.items(), 1):
        members[f"OEBPS/c{number}.xhtml"] = build_chapter(title, paragraphs)
    write_archive(path, members)


def draw_page_frame(canvas: Canvas, document: BaseDocTemplate) -> None:
    """Draw the running header and the page number of one PDF page."""
    canvas.saveState()
    canvas.setFont("Helvetica", 8)
    canvas.drawString(56, A4[1] - 36, f"Halden Instruments - {document.title}")
    canvas.drawRightString(A4[0] - 56, 30, f"Page {document.page}")
    canvas.restoreState()


def build_pdf(path: Path, title: str, column_count: int, flowables: list[Flowable]) -> None:
    """Build a PDF file with the given number of columns, a header and a footer."""
    document = BaseDocTemplate(str(path), pagesize=A4, title=title, author="Halden Instruments", invariant=1)
    gap = 18
    width = (A4[0] - 112 - gap * (column_count - 1)) / column_count
    frames = [Frame(56 + index * (width + gap), 56, width, A4[1] - 112) for index in range(column_count)]
    document.addPageTemplates([PageTemplate(id="page", frames=frames, onPage=draw_page_frame)])
    document.build(flowables)


def write_datasheet(path: Path) -> None:
    """Write the data sheet of the Coriolis meter as a PDF file with a table."""
    styles = getSampleStyleSheet()
    table = Table(DATASHEET_ROWS, colWidths=(150, 170, 140))
    grid = [("GRID", (0, 0), (-1, -1), 0.5, colors.grey), ("BACKGROUND", (0, 0), (-1, 0), colors.lightgrey)]
    table.setStyle(TableStyle(grid))
    order_text = (
        "State the nominal size, the flange and the output in the order. The meter is supplied with a calibration "
        "certificate at five points. A certificate at ten points costs 190 pounds extra."
    )
    mounting_text = (
        "Mount the meter with the tubes pointing downwards for liquids and upwards for gases. "
        "Support the pipe at a distance of 300 mm on both sides."
    )
    flowables: list[Flowable] = [
        Paragraph("Data sheet FM-2241 Coriolis mass flow meter", styles["Title"]),
        Paragraph("Technical data", styles["Heading2"]),
        table,
        Spacer(1, 14),
        Paragraph("Mounting", styles["Heading2"]),
        Paragraph(mounting_text, styles["BodyText"]),
        Paragraph("Ordering", styles["Heading2"]),
        Paragraph(order_text, styles["BodyText"]),
    ]
    build_pdf(path, "Data sheet FM-2241", 1, flowables)


def write_audit_report(path: Path) -> None:
    """Write the audit report as a PDF file with two columns."""
    styles = getSampleStyleSheet()
    body = ParagraphStyle("Column", parent=styles["BodyText"], fontSize=11, leading=16, spaceAfter=24)
    flowables: list[Flowable] = [Paragraph("Audit report Bologna 2025", styles["Heading1"])]
    for heading, paragraphs in AUDIT_SECTIONS.items():
        if heading == FIRST_HEADING_OF_SECOND_COLUMN:
            flowables.append(FrameBreak())
        flowables.append(Paragraph(heading, styles["Heading2"]))
        flowables.extend(Paragraph(paragraph, body) for paragraph in paragraphs)
    build_pdf(path, "Audit report Bologna 2025", 2, flowables)


def write_binary_files(folder: Path) -> None:
    """Write all binary files of the corpus below the folder and create its subfolders where needed."""
    writers = {
        "legal/supply-contract.docx": write_contract,
        "hr/onboarding-guide.docx": write_onboarding_guide,
        "company/sales-meeting-2025.pptx": write_sales_slides,
        "finance/budget-2025.xlsx": write_budget_workbook,
        "quality/maintenance-plan.xlsx": write_maintenance_workbook,
        "legal/nda-torvane.odt": write_secrecy_agreement,
        "finance/company-cars.ods": write_fleet_sheet,
        "support/service-manual-fm-22.epub": write_service_manual,
        "products/datasheet-fm-2241.pdf": write_datasheet,
        "quality/audit-report-2025.pdf": write_audit_report,
    }
    for name, write_file in writers.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path)


if __name__ == "__main__":
    write_binary_files(Path(sys.argv[1]))
