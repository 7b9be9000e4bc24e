"""A picture of what a prompt says."""

import asyncio
import base64
from hashlib import sha256

from ..contract.events import Tell
from ..contract.fields import Field, Values
from ..images.provenance import marked
from ..images.storage import check, store, stored
from ..interfaces import STYLES, Images, Picture
from ..passages import Passage
from ..retrieval.retriever import Retriever
from .base import Stage

_LARGE = 500_000
"""Bytes of a picture from which a thread prepares it: some milliseconds' work."""


class ImageGeneration(Stage):
    """Draws the prompt, with passages for a provider that can use them: those given, or ``passages`` found for it."""

    shared = True
    inputs = (
        Field(
            "prompt",
            "text",
            "What to draw.",
            required=True,
            most=32_000,
            example="A conceptual diagram of LangChain in use",
        ),
        Field(
            "sources",
            "list",
            "Passages to draw from, such as {qa.sources}; without them they are searched for by the prompt.",
            fields=(Field("text", "text", "The passage.", required=True), Field("source", "text", "Its document.")),
        ),
        Field("style", "text", "The form of a diagram; without it, the one that fits the prompt.", choices=STYLES),
        Field("size", "text", "Width and height in pixels, such as 1536x864.", most=9),
        Field("sample", "integer", "Which of several pictures of the same prompt.", least=1, most=100),
    )
    outputs = (
        Field("image", "image", "The picture as base64; empty when it is at the url."),
        Field("mime_type", "text", "Its type, such as image/png."),
        Field("url", "text", "Where it is stored, when it is not in the response."),
        Field("sha256", "text", "The SHA-256 of the picture's file, in hexadecimal."),
        Field("alt_text", "text", "The picture in words."),
    )

    def __init__(self, retriever: Retriever, images: Images, passages: int = 4) -> None:
        self._retriever, self._images, self._passages = retriever, images, passages

    async def run(self, values: Values, tell: Tell) -> Values:  # noqa: ARG002 - a picture comes whole
        """Takes the passages, or retrieves them, and draws."""
        passages = await self._found(values)
        if stored():
            await asyncio.to_thread(check)
        picture = await self._images.draw(
            values["prompt"],
            passages,
            style=values.get("style", ""),
            size=values.get("size", ""),
            sample=values.get("sample", 1),
        )
        if stored() or len(picture.content) > _LARGE:
            return await asyncio.to_thread(_given, picture)
        return _given(picture)

    async def _found(self, values: Values) -> list[Passage]:
        """The passages given, or found for the prompt; none where nothing is made of them."""
        if not self._images.wants_passages(values["prompt"], values.get("style", "")):
            return []
        if "sources" in values:
            return [Passage.given(one["text"], one.get("source") or "") for one in values["sources"]]
        return await self._retriever.search(values["prompt"], self._passages)


def _given(picture: Picture) -> Values:
    """The picture with what made it written into it: stored where it is to be stored, else as base64."""
    content = marked(picture.content, picture.answered_by, picture.alt_text, picture.origin)
    url = store(content, picture.mime_type)
    return {
        "image": "" if url else base64.b64encode(content).decode(),
        "mime_type": picture.mime_type,
        "url": url,
        "sha256": sha256(content).hexdigest(),
        "alt_text": picture.alt_text,
        "answered_by": picture.answered_by,
    }
