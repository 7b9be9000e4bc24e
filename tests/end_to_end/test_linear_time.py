"""No function that reads a caller's, a document's or a server's text takes time that grows faster than the text."""

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
from model.diagram import draw_prompt, from_json
from model.diagram import fonts as text
from model.diagram.from_text import concepts, part_of_speech, prompt_parsing, statements
from model.errors import DocumentError
from model.interfaces import ConversationTurn, Reply
from model.passages import Chunk, Passage
from model.providers import prompting, rerankers, token_limits
from model.providers.chat_models import Prompt
from model.providers.extractive_qa import ExtractiveAnswerer
from model.providers.openai_protocol import images as pictures
from model.retrieval.local.lexical import Lexical
from model.transport.rate_limiter import AdaptiveLimiter, Operation, RateLimits
from model.transport.response_cache import ResponseCache
from training.documents import loaders
from training.documents.chunking import split_document
from training.documents.document import Document
from training.documents.locations import DocumentLocation

SECONDS = 0.05
"""A size is measured from this time on: below it, what a call costs at any size hides how it grows."""
LONGEST = 100_000
"""Characters from which a text read within SECONDS need not grow: the square of it would take far longer."""
AT_MOST = 3.0
"""Times that twice the text may take: twice as long is linear, four times is the square."""


def repeat(piece: str) -> Callable[[int], str]:
    """Make texts of ``size`` characters out of one piece."""
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


def passage(text: str) -> Passage:
    return Passage(Chunk("a.txt", "", "", 0, 0, len(text), text), 0.5, 0.5)


def answer(question: str, text: str) -> object:
    return asyncio.run(EXTRACTIVE.answer(question, [passage(text)], discard))


def complete(question: str, earlier: str) -> object:
    return asyncio.run(EXTRACTIVE.complete_question(question, [ConversationTurn(earlier)]))


def read_file(suffix: str, around: str = "{}") -> Callable[[str], object]:
    """Read a text as a document of that kind, which may refuse it."""

    def read(text: str) -> None:
        place = DocumentLocation(f"a{suffix}", suffix, "a", content=around.replace("{}", text).encode())
        with suppress(DocumentError):
            list(loaders.read_documents(place))

    return read


def read_diagram(reply: str) -> None:
    with suppress(ValueError):
        from_json.parse_specification(reply)


def read_marks(text: str) -> None:
    """Read the marks that a chat model gave two passages."""

    class Chat:
        async def reply(self, *_: object) -> tuple[Reply, Prompt]:
            return Reply(text, "x"), Prompt("", passages=2)

    chat: Any = Chat()
    asyncio.run(rerankers.ChatReranker(chat).rank("Which?", []))


def describe_picture(prompt: str) -> None:
    """Describe a picture that an image model drew of ``prompt``."""

    async def generate(**_: object) -> Any:
        return SimpleNamespace(data=[SimpleNamespace(b64_json="AAAA")], usage=None)

    async def client() -> Any:
        return SimpleNamespace(images=SimpleNamespace(generate=generate))

    images = pictures.ImagesApiGenerator(
        Operation("images", "x"), ResponseCache("images"), ["x"], client, {"output_format": "png"}
    )
    asyncio.run(images.draw(prompt, [], style="", size="", sample=1))


def read_duration(text: str) -> None:
    """Read a header that says how long to wait."""

    async def hear() -> None:
        AdaptiveLimiter(RateLimits()).observe_headers(
            {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": text}
        )

    asyncio.run(hear())


READERS: dict[str, Callable[[str], object]] = {
    "words": text_analysis.split_words,
    "sentences": lambda text: list(text_analysis.split_sentences(text)),
    "the words and letters of a question": LEXICAL.scores,
    "the words and letters of a chunk": lambda text: Lexical.build([passage(text).chunk], "english"),
    "a follow-up question": lambda text: complete(text, "Do whales swim?"),
    "an earlier question": lambda text: complete("Do they?", text),
    "a question that is answered by quotation": lambda text: answer(text, "Whales swim in the sea."),
    "a passage that is quoted": lambda text: answer("Do whales swim?", text),
    "the form of a diagram": prompt_parsing.choose_style,
    "whether a diagram is asked for": prompt_parsing.wants_diagram,
    "the list in a prompt": prompt_parsing.parse_list,
    "the clauses of a prompt": prompt_parsing.split_clauses,
    "the script of a prompt": text.is_mostly_non_latin,
    "a label's lines": lambda label: text.wrap_text(label, 20),
    "Markdown marks": part_of_speech.strip_markup,
    "noun phrases": statements.extract_phrases,
    "statements": lambda text: list(statements.extract_statements(text)),
    "a prompt that is drawn": lambda prompt: draw_prompt(prompt, []),
    "a list that is drawn": lambda items: draw_prompt(f"Layers of a shop: {items}", []),
    "a passage that is drawn": lambda text: concepts.build_graph("Whales", [passage(text)]),
    "a passage in a prompt": lambda text: prompting.delimit_passage(1, text),
    "a text that is embedded": lambda text: list(token_limits.make_batches([text])),
    "citations in a reply": lambda reply: prompting.check_citations(reply, 3),
    "marks in a reply": read_marks,
    "a diagram in a reply": read_diagram,
    "a picture's description": describe_picture,
    "a duration in a header": read_duration,
    "a plain file": read_file(".txt"),
    "a web page": read_file(".html"),
    "a paragraph of a web page": read_file(".html", "<p>{}</p>"),
    "a table": read_file(".csv", "text,other\n{}"),
    "JSON": read_file(".json"),
    "JSON lines": read_file(".jsonl"),
    "a notebook": read_file(".ipynb"),
    "the sections and pieces of Markdown": lambda text: split_document(
        Document("a.md", text, has_markup=True), 1200, 120
    ),
    "the pieces of a plain text": lambda text: split_document(Document("a.txt", text, has_markup=False), 1200, 120),
}


@pytest.fixture
def _without_collection() -> Iterator[None]:
    """No collection of garbage: one walks all that the process holds, whatever is measured."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def cpu_seconds(read: Callable[[str], object], text: str) -> float:
    begun = time.process_time()
    read(text)
    return time.process_time() - begun


def growth(read: Callable[[str], object], shape: Callable[[int], str]) -> float:
    """How many times as long twice the text takes, best of three; 0 where the longest text takes next to nothing."""
    size = 500
    while (once := cpu_seconds(read, shape(size))) < SECONDS:
        if size >= LONGEST:
            return 0.0
        size *= 2
    twice = cpu_seconds(read, shape(2 * size))
    for _ in range(2):
        if twice > AT_MOST * once:
            once = max(once, cpu_seconds(read, shape(size)))  # the shorter text may have been lucky
            twice = min(twice, cpu_seconds(read, shape(2 * size)))
    return twice / once


@pytest.mark.usefixtures("_without_collection")
@pytest.mark.parametrize("reader", READERS)
def test_time_grows_no_faster_than_the_text(reader: str) -> None:
    read = READERS[reader]
    read(SHAPES["sentences"](500))  # what is imported or opened at first use is no part of it
    found = {shape: growth(read, make) for shape, make in SHAPES.items()}
    assert {shape: round(times, 1) for shape, times in found.items() if times > AT_MOST} == {}
