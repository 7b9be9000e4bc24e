"""Send a message to a chat model, without a search: a shorter answer, a translation, a caption."""

from ..contract.events import Emit
from ..contract.fields import Field, StageValues
from ..interfaces import ChatModel
from .base import Stage


class ChatStage(Stage):
    """Send ``message`` to a chat model, below the instructions in ``system``."""

    is_shared = True
    inputs = (
        Field("message", "text", "The message of the user.", required=True, maximum=100_000, example="Say hello."),
    )
    outputs = (Field("reply", "text", "The model's reply."),)

    def __init__(self, chat: ChatModel, system: str = "") -> None:
        """Make the stage.

        Args:
            chat: The chat model.
            system: Instructions that precede every message.
        """
        self._chat, self._system = chat, system

    async def run(self, values: StageValues, emit: Emit) -> StageValues:
        """Send the message.

        Args:
            values: ``message``.
            emit: Receives the reply's tokens.

        Returns:
            ``reply``.

        Raises:
            ProviderError: The chat model did not answer.
        """
        reply = await self._chat.complete(values["message"], self._system, emit)
        return {"reply": reply.text, "answered_by": reply.answered_by}
