"""An answer in JSON with a flag is read whole, cut and in any pieces; other text is read as it is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.contract.events import discard
from model.interfaces import NO_ANSWER, Reply
from model.passages import Passage
from model.providers.chat_models import ChatProvider
from model.providers.compatible import CompatibleProvider
from model.providers.flagged_answer import AnswerReader, FlaggedAnswer, read_answer
from model.providers.openai import OpenAIProvider
from model.runtime import usage
from model.runtime.event_loop import Engine
from standin.app import StandIn
from tests.odd_server import CHAT, Body, chat_as_usual, refuse, run_odd_server, stream_as_usual

PASSAGES = [Passage.from_text("Foxes eat berries.", "a.txt"), Passage.from_text("Cats sleep.", "b.txt")]
QUESTION = "What do foxes eat?"
BERRIES = '{"abstains": false, "answer": "Berries. [1]"}'
GERMAN_ABSTENTION = "Die Dokumente sagen das nicht."


def write(reply: str, body: Body) -> tuple[int, Any]:
    """Return a server's answer, streamed in pieces of five characters where that is asked for."""
    pieces = [reply[start : start + 5] for start in range(0, len(reply), 5)]
    return 200, stream_as_usual(pieces) if body.get("stream") else chat_as_usual(reply)


def ask(chat: ChatProvider, engine: Engine, *, is_streamed: bool) -> tuple[Reply, str, list[str]]:
    """Return the reply to the question, the tokens that were streamed, and the notes."""
    tokens: list[str] = []
    emit = (lambda _kind, text: tokens.append(text)) if is_streamed else discard
    with usage.track_usage() as account:
        reply = engine.run(chat.answer(QUESTION, PASSAGES, emit))
    return reply, "".join(tokens), account.notes


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (BERRIES, FlaggedAnswer("Berries. [1]")),
        (f'\n{{"abstains": true, "answer": "{GERMAN_ABSTENTION}"}}', FlaggedAnswer(GERMAN_ABSTENTION, abstains=True)),
        ('{"abstains": true, "answer": " "}', FlaggedAnswer(NO_ANSWER, abstains=True)),
        ('{"abstains": false, "answer": "Berr', FlaggedAnswer("Berr")),
        ('{"answer": "Berries."}', FlaggedAnswer("Berries.")),
        ("Berries. [1]", FlaggedAnswer("Berries. [1]")),
        ('{"abstains": false}', FlaggedAnswer('{"abstains": false}')),
        ('{"answer": 7}', FlaggedAnswer('{"answer": 7}')),
        ("{berries}", FlaggedAnswer("{berries}")),
        ("", FlaggedAnswer("")),
    ],
)
def test_answer_and_flag_are_read_from_json_and_other_text_is_the_answer(reply: str, answer: FlaggedAnswer) -> None:
    assert read_answer(reply) == answer


@given(text=st.text(min_size=1), size=st.integers(1, 9), is_escaped=st.booleans())
def test_streamed_pieces_make_up_the_answer(text: str, size: int, is_escaped: bool) -> None:
    reply = json.dumps({"abstains": False, "answer": text}, ensure_ascii=is_escaped)
    reader = AnswerReader()
    pieces = [reader.feed(reply[start : start + size]) for start in range(0, len(reply), size)]
    assert "".join([*pieces, reader.finish()]).strip() == text.strip()


@given(text=st.text(min_size=1).filter(lambda text: not text.lstrip().startswith("{")), size=st.integers(1, 9))
def test_streamed_text_is_passed_on_as_it_comes(text: str, size: int) -> None:
    reader = AnswerReader()
    pieces = [reader.feed(text[start : start + size]) for start in range(0, len(text), size)]
    assert "".join(pieces).lstrip() == text.lstrip()
    assert reader.finish() == ("" if text.strip() else text)


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize(
    ("reply", "expected", "tokens"),
    [
        (BERRIES, Reply("Berries. [1]", "compatible:m", frozenset({0})), "Berries. [1]"),
        (
            f'<think>Hm. {{</think>{{"abstains": true, "answer": "{GERMAN_ABSTENTION}"}}',
            Reply(GERMAN_ABSTENTION, "compatible:m", abstained=True),
            GERMAN_ABSTENTION,
        ),
        ("Berries. [1]", Reply("Berries. [1]", "compatible:m", frozenset({0})), "Berries. [1]"),
        (NO_ANSWER, Reply(NO_ANSWER, "compatible:m", abstained=True), NO_ANSWER),
    ],
)
def test_flag_of_a_server_with_structured_outputs_tells_an_abstention(
    reply: str, expected: Reply, tokens: str, is_streamed: bool, engine: Engine
) -> None:
    with run_odd_server({CHAT: lambda body: write(reply, body)}) as server:
        chat = CompatibleProvider().chat(models=["m"], structured=True)
        assert ask(chat, engine, is_streamed=is_streamed)[:2] == (expected, tokens if is_streamed else "")
    (body,) = server.bodies(CHAT)
    json_schema = body["response_format"]["json_schema"]
    assert (json_schema["strict"], list(json_schema["schema"]["properties"])) == (True, ["abstains", "answer"])


@pytest.mark.parametrize("is_streamed", [False, True])
def test_server_that_refuses_schemas_is_asked_for_text(is_streamed: bool, engine: Engine) -> None:
    def answer(body: Body) -> tuple[int, Any]:
        if "response_format" in body:
            return refuse("response_format is not supported by this model")
        return write("Berries. [1]", body)

    with run_odd_server({CHAT: answer}) as server:
        chat = CompatibleProvider().chat(models=["m"], structured=True)
        for _ in range(2):
            assert ask(chat, engine, is_streamed=is_streamed)[0].text == "Berries. [1]"
    assert ["response_format" in body for body in server.bodies(CHAT)] == [True, False, False]


@pytest.mark.parametrize(
    ("settings", "is_flagged"),
    [({}, False), ({"structured": True}, True), ({"structured": True, "omit": ["response_format"]}, False)],
)
def test_unpublished_model_has_the_sentence_unless_the_profile_says_otherwise(
    settings: dict[str, Any], is_flagged: bool, engine: Engine
) -> None:
    with run_odd_server({CHAT: lambda body: write("Berries. [1]", body)}) as server:
        ask(CompatibleProvider().chat(models=["m"], **settings), engine, is_streamed=False)
    assert ["response_format" in body for body in server.bodies(CHAT)] == [is_flagged]


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize(("structured", "is_flagged"), [(None, True), (False, False)])
def test_published_model_of_openai_has_the_flag(
    structured: bool | None, is_flagged: bool, is_streamed: bool, stand_in: StandIn, engine: Engine
) -> None:
    chat = OpenAIProvider().chat(models=["gpt-4.1"], structured=structured)
    reply, tokens, _ = ask(chat, engine, is_streamed=is_streamed)
    assert (reply.text, reply.cited, tokens) == (
        "Foxes eat berries. [1]",
        {0},
        "Foxes eat berries. [1]" if is_streamed else "",
    )
    assert ["response_format" in body for _, body in stand_in.script.calls] == [is_flagged]


def test_reply_in_json_that_was_cut_is_answered_with_a_note(engine: Engine) -> None:
    body = chat_as_usual('{"abstains": false, "answer": "Foxes eat berries', "length")
    with run_odd_server({CHAT: lambda _: (200, body)}):
        reply, _, notes = ask(CompatibleProvider().chat(models=["m"], structured=True), engine, is_streamed=False)
    assert (reply.text, notes[0]) == ("Foxes eat berries", "cut: compatible:m stopped before the end of its reply")
