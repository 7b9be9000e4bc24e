"""Diagrams that a chat model writes and this machine draws: sharp text, at the price of a few hundred tokens."""

import asyncio
from collections.abc import Sequence
from string import Template
from typing import TYPE_CHECKING

from ..contract.events import silent
from ..errors import ProviderError
from ..interfaces import ChatModel, Picture
from ..passages import Passage
from ..runtime import usage
from .chat_models import PROMPTS
from .prompting import fenced

if TYPE_CHECKING:  # Graphviz comes with it
    from ..diagram.from_json import Written

_PROMPT = Template((PROMPTS / "diagram.txt").read_text("utf-8"))
_STYLES = {
    "map": "concept map of things and how they relate",
    "flow": "flow chart of steps in order",
    "layers": "diagram of layers, as groups, each with its nodes",
}
_TRIES = 2


class Diagrams:
    """Asks ``chat`` for a diagram; a reply that is none is sent back once, with what is wrong with it."""

    def __init__(self, chat: ChatModel) -> None:
        self._chat = chat

    def wants_passages(self, prompt: str, style: str) -> bool:  # noqa: ARG002 - always
        """It does: the model writes from them."""
        return True

    async def draw(self, prompt: str, passages: Sequence[Passage], *, style: str, size: str, sample: int) -> Picture:
        """A PNG. Raises ProviderError when no diagram comes, InvalidRequestError for a size that is not one."""
        from .. import diagram  # Graphviz, needed for diagrams alone
        from ..diagram.from_json import MOST_NODES

        style = style or diagram.style(prompt)
        asked = _PROMPT.substitute(
            style=_STYLES[style],
            most=MOST_NODES,
            passages="\n\n".join(fenced(n, passage.text) for n, passage in enumerate(passages, 1)),
            prompt=prompt,
        )
        diagram.pixels(size)  # before anything is paid
        name, written = await self._written(asked)
        caption = f"Written by {name}, drawn by multichain"
        content, told = await asyncio.to_thread(diagram.drawn, written.diagram(style), caption, size, sample)
        usage.spend(usage.Usage(images=1))
        return Picture(content, "image/png", told, f"{name}, drawn by multichain")

    async def _written(self, asked: str) -> "tuple[str, Written]":
        from ..diagram import from_json as written

        message = asked
        for _ in range(_TRIES):
            reply = await self._chat.complete(message, "", silent)
            try:
                return reply.answered_by, written.read(reply.text)
            except ValueError as error:
                message = f"{asked}\n\nYour last reply could not be used: {error}. Reply with the JSON object alone."
        raise ProviderError(f"{reply.answered_by} wrote no diagram that can be drawn; ask again, or name another model")
