"""Follow-up questions: completed from the history, by a chat model or offline by words of earlier questions."""

from typing import Any

import pytest

from model.contract.requests import Request
from model.interfaces import ConversationTurn
from model.passages import Chunk
from model.pipeline import Pipeline
from model.providers.offline.extractive_qa import ExtractiveAnswerer
from model.providers.openai import OpenAIProvider
from model.retrieval.local.lexical import Lexical
from model.runtime.event_loop import Engine
from standin.app import StandIn

openai = OpenAIProvider()

LEXICAL = Lexical.build([Chunk("a.txt", "", "", 0, 0, 20, "The pump needs oil.")], "english")
NOTE = "question_completed: the question was completed from the history: Who developed it? GPT-4"


@pytest.mark.parametrize(
    ("question", "completed_question"),
    [
        ("Who developed it?", "Who developed it? GPT-4"),
        ("And why?", "And why? GPT-4"),
        ("Is GPT-4 that powerful?", "Is GPT-4 that powerful?"),
        ("Which framework simplifies applications?", "Which framework simplifies applications?"),
    ],
)
def test_offline_completion_adds_words_of_the_last_question_to_a_follow_up(
    question: str, completed_question: str, engine: Engine
) -> None:
    history = [ConversationTurn("Tell me about LangChain."), ConversationTurn("What is GPT-4?", "A model.")]
    assert engine.run(ExtractiveAnswerer(LEXICAL).complete_question(question, history)) == completed_question


def ask(pipeline: Pipeline, question: str, *history: dict[str, Any]) -> Any:
    """Return the output fields of ``qa`` for a question after ``history``."""
    return pipeline.answer_requests([Request({"qa": {"question": question, "history": list(history)}})])[0]["qa"]


def test_follow_up_is_answered_about_the_subject_of_the_history(pipeline: Pipeline) -> None:
    without_history = ask(pipeline, "Who developed it?")
    with_history = ask(pipeline, "Who developed it?", {"question": "What is GPT-4?", "answer": "A model."})
    assert (with_history["answer"], with_history["notes"]) == (
        "GPT-4 is a powerful language model developed by OpenAI. [1]",
        [NOTE],
    )
    assert with_history["support"] > without_history["support"]
    assert without_history["notes"] == []


def test_chat_model_completes_the_question_from_the_last_turns(stand_in: StandIn, engine: Engine) -> None:
    stand_in.script.replies.extend(["Who developed GPT-4?", " ", " "])
    chat = openai.chat(["gpt-4.1"])
    history = [ConversationTurn(f"Question {n}?", f"Answer {n}.") for n in range(9)]
    assert engine.run(chat.complete_question("Who developed it?", history)) == "Who developed GPT-4?"
    prompt = stand_in.script.calls[0][1]["messages"][0]["content"]
    assert ("Question 2?" in prompt, "Question 3?\nAnswer: Answer 3." in prompt) == (False, True)
    assert prompt.endswith("Last question: Who developed it?\n")
    assert engine.run(chat.complete_question("Who developed it?", history)) == "Who developed it?"
