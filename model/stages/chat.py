"""A message to a chat model, without a search: a shorter answer, a translation, a caption."""

from ..contract.events import Tell
from ..contract.fields import Field, Values
from ..interfaces import ChatModel
from .base import Stage


class Chat(Stage):
    """Sends ``message`` to a chat model, below the instructions in ``system``."""

    shared = True
    inputs = (Field("message", "text", "What to say to it.", required=True, most=100_000, example="Say hello."),)
    outputs = (Field("reply", "text", "What it answered."),)

    def __init__(self, chat: ChatModel, system: str = "") -> None:
        self._chat, self._system = chat, system

    async def run(self, values: Values, tell: Tell) -> Values:
        """Asks, and gives the whole reply."""
        reply = await self._chat.complete(values["message"], self._system, tell)
        return {"reply": reply.text, "answered_by": reply.answered_by}
