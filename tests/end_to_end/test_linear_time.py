"""Functions that read text of a caller, a document or a server: their time grows linearly with the text."""

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from model import text_analysis
from model.contract.events import discard
from model.diagram import draw_prompt, fonts, from_json
from model.diagram.from_text import concepts, part_of_speech, prompt_parsing, statements
from model.errors import DocumentError
from model.interfaces import ConversationTurn, Reply
from model.passages import Chunk, Passage
from model.providers import prompting, rerankers, token_limits
from model.providers.chat_calls import Prompt
from model.providers.offline.extractive_qa import ExtractiveAnswerer
from model.providers.openai_protocol import images as pictures
from model.retrieval.local.lexical import Lexical
from model.transport.rate_limiter import AdaptiveLimiter, Operation, RateLimits
from model.transport.response_cache import ResponseCache
from training.documents import loaders
from training.documents.chunking import split_document
from training.documents.document import Document
from training.documents.loaders.base import SourceFile
from training.documents.loaders.markdown import read_markdown
from training.documents.loaders.plain_text import split_paragraphs
from training.documents.locations import DocumentLocation

MIN_SECONDS = 0.05
"""CPU time from which a size is measured: below it the constant cost of a call hides the growth."""
MAX_SIZE = 100_000
"""Characters of the longest text: a function that reads it within MIN_SECONDS is not quadratic."""
_PICTURE = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
"""A GIF of one pixel."""
MAX_GROWTH = 3.0
"""Limit of the ratio of times for twice the text: 2 is linear, 4 is quadratic."""


def repeat(piece: str) -> Callable[[int], str]:
    """Return a function that makes a text of ``size`` characters by repeating ``piece``."""
    return lambda size: (piece * (size // len(piece) + 1))[:size]


SHAPES: dict[str, Callable[[int], str]] = {
    "one word": repeat("a"),
    "one word of East Asia": lambda size: "".join(chr(0x4E00 + n % 20_000) for n in range(size)),
    "spaces, then a letter": lambda size: " " * size + "x",
    "spaces between letters": lambda size: "a" + " " * size + "b",
    "line breaks between letters": lambda size: "a" + "\n" * size + "b",
    "lines of spaces, then a letter": lambda size: "\n " * (size // 2) + "x",
    "different words": lambda size: " ".join(f"w{n}" for n in range(size // 6)),
    "sentences": repeat("It is so. "),
    "initials": repeat("U.S. "),
    "list items": repeat("- a\n"),
    "headings": repeat("# a\n"),
    "table rows": repeat("| a |\n"),
    "commas": repeat(","),
    "nouns on both sides": lambda size: "dogs, " * (size // 12) + "see " + "cats, " * (size // 12),
    "and": repeat("a and "),
    "then": repeat(" then "),
    "opening brackets": repeat("("),
    "opening square brackets": repeat("["),
    "links without an end": repeat("[]("),
    "opening braces": repeat("{a."),
    "closing braces": repeat("}"),
    "fences with spaces": lambda size: "<" + " " * size,
    "tags without an end": repeat("<a "),
    "comments without an end": repeat("<!--"),
    "paragraphs without an end": repeat("<p>x"),
    "citations without an end": repeat("[1,"),
    "marked citations without an end": repeat("【1†"),
    "digits": repeat("1"),
    "arrows": repeat("a -> "),
    "colons": repeat(":"),
    "dashes": repeat("-"),
    "quotation marks": repeat("\"'(["),
    "marks of emphasis": repeat("*a "),
}

CHUNKS = [
    Chunk(f"{n}.txt", "", "", 0, 0, len(text), text)
    for n, text in enumerate(["Temperatures rise in summer.", "Whales swim in the sea.", "A whale sang."])
]
LEXICAL = Lexical.build(CHUNKS, "english")
EXTRACTIVE = ExtractiveAnswerer(LEXICAL)


def make_passage(text: str) -> Passage:
    return Passage(Chunk("a.txt", "", "", 0, 0, len(text), text), 0.5, 0.5)


def answer_question(question: str, text: str) -> object:
    return asyncio.run(EXTRACTIVE.answer(question, [make_passage(text)], discard))


def complete_question(question: str, previous_question: str) -> object:
    return asyncio.run(EXTRACTIVE.complete_question(question, [ConversationTurn(previous_question)]))


def make_file_reader(suffix: str, template: str = "{}") -> Callable[[str], object]:
    """Return a function that reads a text as a file with ``suffix``; a refusal by the loader is no failure."""

    def read(text: str) -> None:
        location = DocumentLocation(f"a{suffix}", suffix, "a", content=template.replace("{}", text).encode())
        with suppress(DocumentError):
            loaders.read_documents(SourceFile(location))

    return read


def read_diagram(reply: str) -> None:
    with suppress(ValueError):
        from_json.parse_specification(reply)


def read_marks(text: str) -> None:
    """Read ``text`` as the marks that a chat model gave two passages."""

    class Chat:
        async def reply(self, *_: object) -> tuple[Reply, Prompt]:
            return Reply(text, "x"), Prompt("", passages=2)

    chat: Any = Chat()
    asyncio.run(rerankers.ChatReranker(chat).rank("Which?", []))


def describe_picture(prompt: str) -> None:
    """Describe a picture that an image model drew of ``prompt``."""

    async def post(_path: str, **_: object) -> dict[str, Any]:
        return {"data": [{"b64_json": _PICTURE}]}

    async def fetch_nothing(_: str) -> bytes:
        raise OSError

    async def client() -> Any:
        return SimpleNamespace(post=post)

    operation = Operation("images", "x")
    images = pictures.ImagesApiGenerator(
        operation, ResponseCache(operation), ["x"], client, {"output_format": "png"}, fetch_nothing
    )
    asyncio.run(images.draw(prompt, [], style="", size="", sample=1))


def read_duration(text: str) -> None:
    """Read ``text`` as a header with the duration of a wait."""

    async def observe() -> None:
        AdaptiveLimiter(RateLimits()).observe_headers(
            {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": text}
        )

    asyncio.run(observe())


READERS: dict[str, Callable[[str], object]] = {
    "words": text_analysis.split_words,
    "sentences": lambda text: list(text_analysis.split_sentences(text)),
    "the words and letters of a question": LEXICAL.scores,
    "the words and letters of a chunk": lambda text: Lexical.build([make_passage(text).chunk], "english"),
    "a follow-up question": lambda text: complete_question(text, "Do whales swim?"),
    "an earlier question": lambda text: complete_question("Do they?", text),
    "a question that is answered by quotation": lambda text: answer_question(text, "Whales swim in the sea."),
    "a passage that is quoted": lambda text: answer_question("Do whales swim?", text),
    "the form of a diagram": prompt_parsing.choose_style,
    "whether a diagram is asked for": prompt_parsing.wants_diagram,
    "the list in a prompt": prompt_parsing.parse_list,
    "the clauses of a prompt": prompt_parsing.split_clauses,
    "the script of a prompt": fonts.is_mostly_non_latin,
    "a label's lines": lambda label: fonts.wrap_text(label, 20),
    "Markdown marks": part_of_speech.strip_markup,
    "noun phrases": statements.extract_phrases,
    "statements": lambda text: list(statements.extract_statements(text)),
    "a prompt that is drawn": lambda prompt: draw_prompt(prompt, []),
    "a list that is drawn": lambda items: draw_prompt(f"Layers of a shop: {items}", []),
    "a passage that is drawn": lambda text: concepts.build_graph("Whales", [make_passage(text)]),
    "a passage in a prompt": lambda text: prompting.delimit_passage(1, text),
    "a text that is embedded": lambda text: list(token_limits.make_batches([text])),
    "citations in a reply": lambda reply: prompting.check_citations(reply, 3),
    "marks in a reply": read_marks,
    "a diagram in a reply": read_diagram,
    "a picture's description": describe_picture,
    "a duration in a header": read_duration,
    "a plain file": make_file_reader(".txt"),
    "a web page": make_file_reader(".html"),
    "a paragraph of a web page": make_file_reader(".html", "<p>{}</p>"),
    "a table": make_file_reader(".csv", "text,other\n{}"),
    "JSON": make_file_reader(".json"),
    "JSON lines": make_file_reader(".jsonl"),
    "a notebook": make_file_reader(".ipynb"),
    "Markdown": make_file_reader(".md"),
    "XML": make_file_reader(".xml", "<a>{}</a>"),
    "YAML": make_file_reader(".yaml"),
    "mail": make_file_reader(".eml", "From: a\n\n{}"),
    "source code": make_file_reader(".py"),
    "the sections and pieces of Markdown": lambda text: split_document(
        Document("a.md", tuple(read_markdown(text))), 1200, 120
    ),
    "the pieces of a plain text": lambda text: split_document(
        Document("a.txt", tuple(split_paragraphs(text))), 1200, 120
    ),
}


@pytest.fixture
def _paused_garbage_collection() -> Iterator[None]:
    """Pause garbage collection, whose time depends on all objects of the process."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def measure_cpu_seconds(read: Callable[[str], object], text: str) -> float:
    started = time.process_time()
    read(text)
    return time.process_time() - started


def measure_growth(read: Callable[[str], object], shape: Callable[[int], str]) -> float:
    """Return the time for twice the text divided by the time for the text, best of three.

    The ratio is 0 when a text of MAX_SIZE takes less than MIN_SECONDS.
    """
    size = 500
    while (seconds := measure_cpu_seconds(read, shape(size))) < MIN_SECONDS:
        if size >= MAX_SIZE:
            return 0.0
        size *= 2
    double_seconds = measure_cpu_seconds(read, shape(2 * size))
    for _ in range(2):
        if double_seconds > MAX_GROWTH * seconds:
            # The first measurement of the shorter text may have been too short by chance.
            seconds = max(seconds, measure_cpu_seconds(read, shape(size)))
            double_seconds = min(double_seconds, measure_cpu_seconds(read, shape(2 * size)))
    return double_seconds / seconds


@pytest.mark.usefixtures("_paused_garbage_collection")
@pytest.mark.parametrize("reader", READERS)
def test_time_of_reader_grows_at_most_linearly_with_the_text(reader: str) -> None:
    read = READERS[reader]
    read(SHAPES["sentences"](500))  # imports and files of the first use are not measured
    growth = {name: measure_growth(read, shape) for name, shape in SHAPES.items()}
    assert {name: round(ratio, 1) for name, ratio in growth.items() if ratio > MAX_GROWTH} == {}
