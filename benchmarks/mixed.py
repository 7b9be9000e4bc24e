"""Measure a build of 10 MB of text in files of all kinds beside one of 10 MB of plain text: ``make bench``.

Half of the mixed text is Markdown and plain text, the rest Word, Excel, PDF and HTML in equal parts.
"""

import io
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from html import escape
from pathlib import Path

import xlsxwriter
from docx import Document
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate

BYTES = 10_000_000
FILE_BYTES = 50_000
"""Bytes of text in a file."""
_VOCABULARY = 40_000
_MIXED = {".txt": 0.25, ".md": 0.25, ".docx": 0.125, ".xlsx": 0.125, ".pdf": 0.125, ".html": 0.125}
"""Share of the text by suffix."""
_BUILD = """
import sys, time
from pathlib import Path
from model.profile import Profile
from training.indexing.build import build_index
from training.progress import ignore_progress
started = time.perf_counter()
build_index(Profile.read("offline"), [sys.argv[1]], Path(sys.argv[2]), ignore_progress)
print(time.perf_counter() - started)
"""


def measure_mixed_build() -> None:
    """Print time, memory and size of both builds, each in a process of its own."""
    print(f"\nbuild of {BYTES / 1e6:.0f} MB of text        seconds    memory    index")
    results = [_measure_build(name, shares) for name, shares in (("plain text", {".txt": 1.0}), ("mixed", _MIXED))]
    (plain_seconds, plain_memory), (mixed_seconds, mixed_memory) = results
    print(f"mixed / plain text          {mixed_seconds / plain_seconds:7.2f}   {mixed_memory / plain_memory:7.2f}")


def _measure_build(name: str, shares: dict[str, float]) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        documents, index = Path(folder) / "documents", Path(folder) / "index"
        documents.mkdir()
        write_corpus(documents, shares)
        process = subprocess.Popen(
            [sys.executable, "-c", _BUILD, str(documents), str(index)], stdout=subprocess.PIPE, text=True
        )
        output, _ = process.communicate()
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
        size = sum(file.stat().st_size for file in index.rglob("*") if file.is_file()) / BYTES
        seconds = float(output)
        print(f"{name:24} {seconds:10.1f} s {memory:6.2f} GB {size:6.1f} times the text", flush=True)
        return seconds, memory


def write_corpus(folder: Path, shares: dict[str, float]) -> None:
    """Write BYTES of generated text into ``folder``, each kind of file with its share."""
    generator = random.Random(7)
    words = [
        "".join(generator.choices("aeioubcdfghklmnprstvw", k=generator.randint(2, 11))) for _ in range(_VOCABULARY)
    ]
    weights = [1 / (rank + 10) for rank in range(_VOCABULARY)]  # Zipf: few words are frequent
    for suffix, share in shares.items():
        for number in range(round(share * BYTES / FILE_BYTES)):
            paragraphs = _make_paragraphs(generator, words, weights)
            (folder / f"{number}{suffix}").write_bytes(_WRITERS[suffix](paragraphs))


def _make_paragraphs(generator: random.Random, words: list[str], weights: list[float]) -> list[str]:
    paragraphs: list[str] = []
    length = 0
    while length < FILE_BYTES:
        sentences = [
            " ".join(generator.choices(words, weights, k=generator.randint(8, 20))).capitalize() + "."
            for _ in range(generator.randint(3, 7))
        ]
        paragraphs.append(" ".join(sentences))
        length += len(paragraphs[-1])
    return paragraphs


def _write_text(paragraphs: list[str]) -> bytes:
    return "\n\n".join(paragraphs).encode()


def _write_html(paragraphs: list[str]) -> bytes:
    body = "".join(f"<h2>Part {number}</h2><p>{escape(text)}</p>" for number, text in enumerate(paragraphs))
    return f"<html><body><main>{body}</main></body></html>".encode()


def _write_word(paragraphs: list[str]) -> bytes:
    document = Document()
    for text in paragraphs:
        document.add_paragraph(text)
    content = io.BytesIO()
    document.save(content)
    return content.getvalue()


def _write_workbook(paragraphs: list[str]) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as workbook:
        sheet = workbook.add_worksheet("Notes")
        sheet.write_row(0, 0, ["code", "note", "count"])
        for number, text in enumerate(paragraphs, 1):
            sheet.write_row(number, 0, [f"C-{number}", text, number])
    return content.getvalue()


def _write_pdf(paragraphs: list[str]) -> bytes:
    content = io.BytesIO()
    style = getSampleStyleSheet()["BodyText"]
    SimpleDocTemplate(content).build([Paragraph(text, style) for text in paragraphs])
    return content.getvalue()


_WRITERS: dict[str, Callable[[list[str]], bytes]] = {
    ".txt": _write_text,
    ".md": _write_text,
    ".html": _write_html,
    ".docx": _write_word,
    ".xlsx": _write_workbook,
    ".pdf": _write_pdf,
}

if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    measure_mixed_build()
