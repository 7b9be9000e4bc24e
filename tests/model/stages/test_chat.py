"""Chat stage: the message and the instructions reach the model, and its reply is the output."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from model.contract.events import Emit
from model.contract.stage_contract import StageContract
from model.errors import InvalidRequestError, ModerationError
from model.interfaces import ConversationTurn, Reply
from model.passages import Passage
from model.stages.chat import ChatStage


class EchoModel:
    """Chat model that replies with the instructions and the message, letter by letter."""

    async def complete_question(self, question: str, history: Sequence[ConversationTurn]) -> str:
        raise NotImplementedError(question, history)

    async def answer(self, question: str, passages: Sequence[Passage], emit: Emit) -> Reply:
        raise NotImplementedError(question, passages, emit)

    async def complete(self, message: str, system: str, emit: Emit) -> Reply:
        if message == "refuse":
            raise ModerationError("echo refused the request")
        text = f"[{system}] {message}"
        for letter in text:
            emit("token", letter)
        return Reply(text, "echo:letters", frozenset({0}), abstained=True)


@pytest.mark.parametrize(
    ("stage", "reply"),
    [(ChatStage(EchoModel()), "[] Hi"), (ChatStage(EchoModel(), "Be brief."), "[Be brief.] Hi")],
)
def test_reply_is_streamed_and_returned(stage: ChatStage, reply: str) -> None:
    events: list[tuple[str, Any]] = []
    outputs = asyncio.run(stage.run({"message": "Hi"}, lambda *event: events.append(event)))
    assert outputs == {"reply": reply, "answered_by": "echo:letters"}
    assert events == [("token", letter) for letter in reply]


def test_error_of_the_model_reaches_the_pipeline() -> None:
    with pytest.raises(ModerationError, match=r"^echo refused the request$"):
        asyncio.run(ChatStage(EchoModel()).run({"message": "refuse"}, lambda *_: None))


def test_message_has_at_most_a_hundred_thousand_characters() -> None:
    contract = StageContract("short", ChatStage.inputs, ChatStage.outputs)
    assert contract.parse({"message": "a" * 100_000}) == {"message": "a" * 100_000}
    for values in ({}, {"message": " "}, {"message": "a" * 100_001}):
        with pytest.raises(InvalidRequestError, match=r"^short\.message: expected text of 1 to 100,000 characters$"):
            contract.parse(values)
    assert contract.example_values() == {"message": "Say hello."}
    assert [field.name for field in contract.outputs] == ["reply"]
