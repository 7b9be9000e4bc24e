"""Generate an image from a prompt."""

import asyncio
import base64
from hashlib import sha256
from itertools import accumulate

from ..config.settings import PositiveCount
from ..contract.events import Emit
from ..contract.fields import Field, StageValues
from ..images.provenance import embed_provenance
from ..images.storage import check_storage, is_storage_set, store_image
from ..interfaces import STYLES, GeneratedImage, ImageGenerator
from ..passages import Passage
from ..retrieval.retriever import Retriever
from ..runtime import usage
from .base import Stage

_MAX_CHARACTERS = 100_000
"""Characters of a request's sources that a picture is drawn from."""
_LARGE_IMAGE = 500_000
"""Bytes of an image from which a thread prepares it: some milliseconds of work."""


class ImageGeneration(Stage):
    """Draw the prompt, from the request's passages or those found for it, where the provider uses passages."""

    is_shared = True
    inputs = (
        Field(
            "prompt",
            "text",
            "What to draw.",
            required=True,
            maximum=32_000,
            example="A conceptual diagram of LangChain in use",
        ),
        Field(
            "sources",
            "list",
            "Passages to draw from, such as {qa.sources}; by default those that match the prompt.",
            maximum=100,
            fields=(
                Field("text", "text", "The passage.", required=True, maximum=100_000),
                Field("source", "text", "The passage's document."),
            ),
        ),
        Field("style", "text", "Form of the diagram; by default the form that fits the prompt.", choices=STYLES),
        Field("size", "text", "Width and height in pixels, such as 1536x864.", maximum=9),
        Field("sample", "integer", "Number of the image among several of one prompt.", minimum=1, maximum=100),
    )
    outputs = (
        Field("image", "image", "The image in base64; empty when the image is stored at the url."),
        Field("mime_type", "text", "Media type of the image, such as image/png."),
        Field("url", "text", "Address of a stored image; empty when the response contains the image."),
        Field("sha256", "text", "SHA-256 of the image file, in hexadecimal."),
        Field("alt_text", "text", "Description of the image in words."),
    )

    def __init__(self, retriever: Retriever, images: ImageGenerator, passages: PositiveCount = 4) -> None:
        """Make the stage.

        Args:
            retriever: Finds passages for a prompt.
            images: Generates the image.
            passages: Number of passages to find.
        """
        self._retriever, self._images, self._passages = retriever, images, passages

    async def run(self, values: StageValues, emit: Emit) -> StageValues:
        """Find passages and draw.

        Args:
            values: ``prompt``, and maybe ``sources``, ``style``, ``size`` and ``sample``.
            emit: Not used: an image arrives as a whole.

        Returns:
            The image with its description.

        Raises:
            InvalidRequestError: ``size`` is not supported.
            ProviderError: The provider did not answer with an image.
            ImageStorageError: The image cannot be stored.
        """
        passages = await self._find_passages(values)
        if is_storage_set():
            await asyncio.to_thread(check_storage)
        picture = await self._images.draw(
            values["prompt"],
            passages,
            style=values.get("style", ""),
            size=values.get("size", ""),
            sample=values.get("sample", 1),
        )
        if is_storage_set() or len(picture.content) > _LARGE_IMAGE:
            return await asyncio.to_thread(_output_fields, picture)
        return _output_fields(picture)

    async def _find_passages(self, values: StageValues) -> list[Passage]:
        """Return the passages of the request, or those found for the prompt; none when the provider uses none."""
        if not self._images.wants_passages(values["prompt"], values.get("style", "")):
            return []
        if "sources" in values:
            return read_passages(values["sources"])
        return await self._retriever.search(values["prompt"], self._passages)


def read_passages(sources: list[StageValues]) -> list[Passage]:
    """Return the passages of a request, within the characters that are drawn from; add a note where more came."""
    texts = [source["text"] or "" for source in sources]
    ends = list(accumulate(map(len, texts)))
    if ends and ends[-1] > _MAX_CHARACTERS:
        usage.add_note("input_cut", f"the sources were cut to {_MAX_CHARACTERS:,} characters before the drawing")
    room = [max(_MAX_CHARACTERS - end + len(text), 0) for text, end in zip(texts, ends, strict=True)]
    return [
        Passage.from_text(text[:length], source.get("source") or "")
        for source, text, length in zip(sources, texts, room, strict=True)
        if text[:length].strip()
    ]


def _output_fields(picture: GeneratedImage) -> StageValues:
    """Return the image with its provenance: stored where a place is set, else as base64."""
    content = embed_provenance(picture.content, picture.answered_by, picture.alt_text, picture.origin)
    url = store_image(content, picture.mime_type)
    return {
        "image": "" if url else base64.b64encode(content).decode(),
        "mime_type": picture.mime_type,
        "url": url,
        "sha256": sha256(content).hexdigest(),
        "alt_text": picture.alt_text,
        "answered_by": picture.answered_by,
    }
