"""Diagrams that a chat model describes and this machine draws: sharp text for a few hundred tokens."""

from collections.abc import Sequence
from string import Template
from textwrap import shorten
from typing import TYPE_CHECKING

from ..contract.events import discard
from ..errors import UnusableReplyError
from ..interfaces import ChatModel, GeneratedImage, ImageGenerator, JsonWriter
from ..passages import Passage
from ..runtime import usage
from .chat_models import PROMPTS
from .prompting import delimit_passage

if TYPE_CHECKING:  # Graphviz comes with it
    from ..diagram.from_json import DiagramSpecification

_PROMPT = Template((PROMPTS / "diagram.txt").read_text("utf-8"))
_STYLE_DESCRIPTIONS = {
    "map": "concept map of things and how they relate",
    "flow": "flow chart of steps in order",
    "layers": "diagram of layers, as groups, each with its nodes",
}
_ATTEMPTS, _MAX_DEFECT = 2, 120


class ChatDiagramGenerator:
    """Asks a chat model to describe a diagram in JSON; an unusable reply is returned once, with its defect.

    Args:
        chat: The chat model, which follows a JSON schema where it is a ``JsonWriter``.
        substitute: Draws where the model describes no diagram; None for an error.
    """

    def __init__(self, chat: ChatModel, substitute: ImageGenerator | None = None) -> None:
        self._chat, self._substitute = chat, substitute

    def wants_passages(self, prompt: str, style: str) -> bool:
        """Return True: the model describes the diagram from the passages."""
        return True

    async def draw(
        self, prompt: str, passages: Sequence[Passage], *, style: str, size: str, sample: int
    ) -> GeneratedImage:
        """Return a diagram as a PNG image.

        Args:
            prompt: What to draw.
            passages: The passages retrieved for the prompt.
            style: ``map``, ``flow`` or ``layers``; empty to choose by the prompt.
            size: Width and height in pixels, such as ``1024x1024``; empty for the default.
            sample: 1 for the first image of a prompt; further numbers vary layout and colours.

        Raises:
            UnusableReplyError: The model described no diagram that can be drawn, and there is no substitute.
            InvalidRequestError: ``size`` is not a size that can be drawn.
        """
        from .. import diagram  # loads Graphviz, which only diagrams need
        from ..diagram.from_json import MAX_NODES

        chosen_style = style or diagram.choose_style(prompt)
        instructions = _PROMPT.substitute(
            style=_STYLE_DESCRIPTIONS[chosen_style],
            most=MAX_NODES,
            passages="\n\n".join(delimit_passage(n, passage.text) for n, passage in enumerate(passages, 1)),
            prompt=prompt,
        )
        diagram.parse_size(size)  # before anything is paid
        try:
            name, specification = await self._write_diagram(instructions)
        except UnusableReplyError as error:
            if self._substitute is None:
                raise
            usage.add_note("drawn_by_substitute", f"{str(error).partition(';')[0]}, so this machine drew the picture")
            return await self._substitute.draw(prompt, passages, style=style, size=size, sample=sample)
        caption = f"Written by {name}, drawn by multichain"
        content, alt_text = await diagram.draw_in_thread(
            diagram.draw_graph, specification.to_graph(chosen_style), caption, size, sample
        )
        usage.record_usage(usage.Usage(images=1))
        return GeneratedImage(content, "image/png", alt_text, f"{name}, drawn by multichain")

    async def _write_diagram(self, instructions: str) -> "tuple[str, DiagramSpecification]":
        from ..diagram.from_json import DiagramSpecification, parse_specification

        schema, message = DiagramSpecification.model_json_schema(), instructions
        for _ in range(_ATTEMPTS):
            if isinstance(self._chat, JsonWriter):
                reply = await self._chat.complete_json(message, schema)
            else:
                reply = await self._chat.complete(message, "", discard)
            try:
                return reply.answered_by, parse_specification(reply.text)
            except ValueError as error:
                defect = str(error)
                message = (
                    f"{instructions}\n\nYour last reply could not be used: {defect}. Reply with the JSON object alone."
                )
        raise UnusableReplyError(
            f"{reply.answered_by} described no diagram that can be drawn ({shorten(defect, _MAX_DEFECT)}); try again, "
            "or use another model"
        )
