"""Image generation: the passages that are drawn from, the arguments of the generator, and the image's fields."""

import asyncio
import base64
import io
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from model.config import environment
from model.contract.events import discard
from model.contract.stage_contract import StageContract
from model.errors import ImageStorageError, InvalidRequestError
from model.interfaces import GeneratedImage
from model.passages import Chunk, Passage
from model.retrieval.retriever import Retriever
from model.runtime import usage
from model.stages.image_generation import ImageGeneration, read_passages


class WordRetriever(Retriever):
    """Retriever whose passages are the words of the question; records its searches."""

    def __init__(self) -> None:
        self.searches: list[tuple[str, int]] = []

    def restrict_to(self, documents: str) -> "WordRetriever":
        raise NotImplementedError(documents)

    async def _find(self, question: str, k: int, filter_values: dict[str, Any] | None) -> list[Passage]:
        assert filter_values is None
        self.searches.append((question, k))
        return [Passage(Chunk("found.txt", "", "", 0, 0, len(word), word), 0.5) for word in question.split()[:k]]


class TextGenerator:
    """Generator whose image is a file of ``kind`` and whose description lists the arguments of the drawing.

    It draws without passages where the prompt begins with "Plain", or the style is ``layers``.
    """

    def __init__(self, content: bytes = b"drawn", mime_type: str = "image/svg") -> None:
        self.content, self.mime_type = content, mime_type
        self.count = 0

    def wants_passages(self, prompt: str, style: str) -> bool:
        return not prompt.startswith("Plain") and style != "layers"

    async def draw(
        self, prompt: str, passages: Sequence[Passage], *, style: str, size: str, sample: int
    ) -> GeneratedImage:
        self.count += 1
        texts = [f"{passage.chunk.source}:{passage.text}" for passage in passages]
        return GeneratedImage(self.content, self.mime_type, f"{prompt} {texts} {style} {size} {sample}", "text:pen")


def encode_png() -> bytes:
    """Return a small PNG file."""
    out = io.BytesIO()
    Image.new("RGB", (4, 3), "red").save(out, "PNG")
    return out.getvalue()


def run_stage(stage: ImageGeneration, **values: Any) -> dict[str, Any]:
    """Return the stage's outputs for a prompt."""
    return asyncio.run(stage.run({"prompt": "A fox"} | values, discard))


@pytest.mark.parametrize(
    ("values", "description", "searches"),
    [
        ({}, "A fox ['found.txt:A', 'found.txt:fox']   1", [("A fox", 4)]),
        ({"style": "map", "size": "9x9", "sample": 3}, "A fox ['found.txt:A', 'found.txt:fox'] map 9x9 3",
         [("A fox", 4)]),
        ({"prompt": "Plain fox"}, "Plain fox []   1", []),
        ({"style": "layers"}, "A fox [] layers  1", []),
        ({"prompt": "Plain fox", "sources": [{"text": "a"}]}, "Plain fox []   1", []),
        ({"sources": [{"text": "a", "source": "b.txt"}, {"text": "c"}, {"text": "d", "source": None}]},
         "A fox ['b.txt:a', ':c', ':d']   1", []),
        ({"sources": []}, "A fox []   1", []),
    ],
)  # fmt: skip
def test_generator_draws_from_passages_of_request_or_search(
    values: dict[str, Any], description: str, searches: list[tuple[str, int]]
) -> None:
    retriever = WordRetriever()
    assert run_stage(ImageGeneration(retriever, TextGenerator()), **values)["alt_text"] == description
    assert retriever.searches == searches


def test_stage_searches_as_many_passages_as_it_is_set_to() -> None:
    retriever = WordRetriever()
    outputs = run_stage(ImageGeneration(retriever, TextGenerator(), passages=1))
    assert outputs["alt_text"] == "A fox ['found.txt:A']   1"
    assert retriever.searches == [("A fox", 1)]


@pytest.mark.parametrize("size", [5, 500_000, 500_001])
def test_image_is_base64_without_a_place_to_store_it(size: int) -> None:
    outputs = run_stage(ImageGeneration(WordRetriever(), TextGenerator(b"a" * size)), prompt="Plain")
    assert outputs == {
        "image": base64.b64encode(b"a" * size).decode(),
        "mime_type": "image/svg",
        "url": "",
        "sha256": sha256(b"a" * size).hexdigest(),
        "alt_text": "Plain []   1",
        "answered_by": "text:pen",
    }


def test_image_contains_who_made_it_and_its_checksum_counts_that() -> None:
    outputs = run_stage(ImageGeneration(WordRetriever(), TextGenerator(encode_png(), "image/png")), prompt="Plain")
    content = base64.b64decode(outputs["image"])
    assert outputs["sha256"] == sha256(content).hexdigest()
    packet = Image.open(io.BytesIO(content)).info["XML:com.adobe.xmp"]
    assert 'xmp:CreatorTool="multichain; text:pen"' in packet
    assert "/trainedAlgorithmicMedia" in packet
    assert ">Plain []   1<" in packet


def test_stored_image_is_an_address_instead_of_base64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.PICTURES.name, str(tmp_path / "pictures"))
    outputs = run_stage(ImageGeneration(WordRetriever(), TextGenerator(b"drawn", "image/webp")))
    file = tmp_path / "pictures" / f"{sha256(b'drawn').hexdigest()}.webp"
    assert (outputs["image"], outputs["url"], outputs["sha256"]) == ("", file.as_uri(), file.stem)
    assert file.read_bytes() == b"drawn"


def test_nothing_is_drawn_when_the_image_could_not_be_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setenv(environment.PICTURES.name, str(tmp_path / "file" / "pictures"))
    generator = TextGenerator()
    with pytest.raises(ImageStorageError, match=f"^an image cannot be stored where {environment.PICTURES.name} says"):
        run_stage(ImageGeneration(WordRetriever(), generator))
    assert generator.count == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "draw.prompt: expected text of 1 to 32,000 characters"),
        ({"prompt": "a" * 32_001}, "draw.prompt: expected text of 1 to 32,000 characters"),
        ({"prompt": "a", "style": "tree"}, "draw.style: expected one of map, flow, layers"),
        ({"prompt": "a", "size": "10000x1000"}, "draw.size: expected text of 1 to 9 characters"),
        ({"prompt": "a", "sample": 0}, "draw.sample: expected a whole number from 1 to 100"),
        ({"prompt": "a", "sample": 101}, "draw.sample: expected a whole number from 1 to 100"),
        (
            {"prompt": "a", "sources": [{"source": "b"}]},
            "draw.sources: expected a list of at most 100 objects with text",
        ),
    ],
)
def test_request_outside_the_declared_limits_is_refused(values: dict[str, Any], message: str) -> None:
    contract = StageContract("draw", ImageGeneration.inputs, ImageGeneration.outputs)
    with pytest.raises(InvalidRequestError) as error:
        contract.parse(values)
    assert str(error.value) == message
    limits = {"prompt": "a" * 32_000, "sources": [{"text": "a"}], "style": "map", "size": "1000x1000", "sample": 100}
    assert contract.parse(limits) == limits


def test_sources_are_drawn_from_up_to_100_000_characters_with_a_note() -> None:
    sources = [{"text": None}, {"text": "a" * 60_000}, {"text": "b" * 60_000, "source": "b.txt"}, {"text": "c"}]
    with usage.track_usage() as account:
        passages = read_passages(sources)
    assert [(passage.chunk.source, passage.text[:1], len(passage.text)) for passage in passages] == [
        ("", "a", 60_000),
        ("b.txt", "b", 40_000),
    ]
    assert account.notes == ["input_cut: the sources were cut to 100,000 characters before the drawing"]
