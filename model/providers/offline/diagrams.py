"""Diagrams that this machine draws from the prompt and the passages, without a model."""

from collections.abc import Sequence

from ...images.provenance import ALGORITHM
from ...interfaces import GeneratedImage
from ...passages import Passage
from ...runtime import usage


class OfflineDiagramGenerator:
    """Draws the noun phrases of the prompt, and of the passages retrieved for it, as a labelled diagram."""

    def wants_passages(self, prompt: str, style: str) -> bool:
        """Return True: the diagram shows what the passages say about the concepts of the prompt."""
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
            InvalidRequestError: ``size`` is not a size that can be drawn.
        """
        from ...diagram import draw_in_thread, draw_prompt  # loads the tagger and Graphviz, which only images need

        drawing = await draw_in_thread(draw_prompt, prompt, passages, style, size, sample)
        usage.record_usage(usage.Usage(images=1))
        if not drawing.is_from_documents:
            usage.add_note(
                "drawn_from_prompt", "the picture shows the prompt's own words and is not from the documents"
            )
        return GeneratedImage(drawing.content, "image/png", drawing.alt_text, "offline:diagram", ALGORITHM)
