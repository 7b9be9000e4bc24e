"""Chat models: prompts that fit the window, tokens as they come, and usage priced by the model that answered."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from model.contract.events import discard
from model.errors import ModelUnavailableError, ModerationError, RejectedCallError, UnusableReplyError
from model.interfaces import NO_ANSWER, ConversationTurn, Reply
from model.passages import Chunk, Passage
from model.providers import token_limits
from model.providers.chat_calls import ChatSource, Prompt
from model.providers.chat_models import ChatProvider, note_left_out, render_answer_prompt
from model.providers.openai import OpenAIProvider
from model.runtime import usage
from model.runtime.event_loop import Engine
from model.transport.rate_limiter import Operation
from model.transport.response_cache import ResponseCache
from standin.app import StandIn

PASSAGES = [Passage.from_text("Foxes eat berries.", "a.txt"), Passage.from_text("Cats sleep.", "b.txt")]
QUESTION = "What do foxes eat?"


def make_source(message: Any = "", model: str = "gpt-4.1", window: int = 0) -> ChatSource:
    """Return the source of a chat model that replies with ``message``, and no second time."""
    chat_model = GenericFakeChatModel(messages=iter([message]))

    async def make_model(_refused: frozenset[str]) -> Any:
        return chat_model

    return ChatSource("openai", model, make_model, window)


def make_chat(*sources: ChatSource, cache: ResponseCache | None = None) -> ChatProvider:
    return ChatProvider({f"openai:{source.model}": source for source in sources}, Operation("chat", "openai"), cache)


def run_with_account(engine: Engine, work: Any) -> tuple[Any, usage.Account]:
    with usage.track_usage() as account:
        result = engine.run(work)
    return result, account


@pytest.mark.parametrize(
    ("model", "configured", "window"),
    [
        ("gpt-4o", 0, 128_000),
        ("gpt-4o", 500, 500),
        ("gpt-4o-2024-08-06", 0, 128_000),
        ("unknown", 0, 8192),
        ("unknown", 9000, 9000),
    ],
)
def test_window_is_as_set_else_as_published_else_8192(model: str, configured: int, window: int) -> None:
    assert make_source(model=model, window=configured).window == window


def test_answer_prompt_numbers_the_passages_from_1() -> None:
    prompt = render_answer_prompt(QUESTION, PASSAGES)(make_source())
    quoted = '<passage n="1">\nFoxes eat berries.\n</passage>\n\n<passage n="2">\nCats sleep.\n</passage>\n\n'
    assert prompt.passages == 2
    assert prompt.text.endswith(f"reply with exactly: {NO_ANSWER}\n\n{quoted}Question: {QUESTION}\n")


def test_answer_prompt_quotes_title_and_headings_of_a_passage() -> None:
    chunk = Chunk("a.txt", "Foxes", "Foxes > Food", 2, 0, 13, "Berries, too.", ("date=2025-05-01", "team=Ana"))
    prompt = render_answer_prompt(QUESTION, [Passage(chunk, 0.5)])(make_source())
    assert '<passage n="1">\n# Foxes\n## Food\n(page 2, date: 2025-05-01)\nBerries, too.\n</passage>' in prompt.text


def test_answer_prompt_without_passages_is_rendered_for_any_window() -> None:
    prompt = render_answer_prompt(QUESTION, [])(make_source(window=1))
    assert prompt.passages == 0
    assert '<passage n="1">' not in prompt.text


def find_exact_window(passages: int) -> int:
    """Return the smallest window that holds so many of the passages beside prompt and reply, which gets a quarter."""
    empty = token_limits.count_tokens(render_answer_prompt(QUESTION, [])(make_source()).text)
    quoted = [f'<passage n="{n}">\n{passage.text}\n</passage>' for n, passage in enumerate(PASSAGES, 1)]
    needed = empty + sum(map(token_limits.count_tokens, quoted[:passages]))
    return next(window for window in count(needed) if window - window // 4 == needed)


@pytest.mark.parametrize(("extra", "quoted"), [(-1, 1), (0, 2), (1, 2)])
def test_passage_is_quoted_when_it_just_fits_into_the_window(extra: int, quoted: int) -> None:
    source = make_source(window=find_exact_window(2) + extra)
    assert render_answer_prompt(QUESTION, PASSAGES)(source).passages == quoted


@pytest.mark.parametrize(
    ("window", "limit", "reserved"),
    [(2048, 0, 512), (8188, 0, 2047), (8192, 0, 2048), (1_000_000, 0, 2048), (2048, 300, 300)],
)
def test_reply_gets_a_quarter_of_a_small_window_unless_a_limit_is_set(window: int, limit: int, reserved: int) -> None:
    assert replace(make_source(window=window), reply_limit=limit).reply_tokens == reserved


def test_window_below_one_passage_raises_error_with_its_size() -> None:
    render = render_answer_prompt(QUESTION, PASSAGES)
    window = find_exact_window(1)
    assert render(make_source(window=window)).passages == 1
    with pytest.raises(RejectedCallError) as error:
        render(make_source(window=window - 1))
    assert str(error.value) == (
        f"openai:gpt-4.1 cannot read even one passage: its context window is {window - 1:,} tokens; "
        "use a model with a larger window, or smaller chunks"
    )


@pytest.mark.parametrize(
    ("used", "passages", "notes"),
    [
        (2, 2, []),
        (0, 0, []),
        (1, 2, ["the last 1 of 2 passages do not fit into the chat model's context window"]),
        (0, 5, ["the last 5 of 5 passages do not fit into the chat model's context window"]),
    ],
)
def test_note_names_the_passages_left_out(used: int, passages: int, notes: list[str]) -> None:
    with usage.track_usage() as account:
        note_left_out(used, passages)
    assert account.notes == [f"passages_left_out: {note}" for note in notes]


def test_chat_without_models_raises_error(engine: Engine) -> None:
    with pytest.raises(ModelUnavailableError, match=r"^the profile names no model; add one$"):
        engine.run(make_chat().complete("Hi", "", discard))


def test_reply_names_the_model_that_gave_it(engine: Engine) -> None:
    reply = engine.run(make_chat(make_source("Hello.")).complete("Hi", "", discard))
    assert reply == Reply("Hello.", "openai:gpt-4.1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Berries. [1]", Reply("Berries. [1]", "openai:gpt-4.1", frozenset({0}))),
        ("Berries.", Reply("Berries.", "openai:gpt-4.1")),
        (NO_ANSWER, Reply(NO_ANSWER, "openai:gpt-4.1", abstained=True)),
        (NO_ANSWER.rstrip("."), Reply(NO_ANSWER.rstrip("."), "openai:gpt-4.1", abstained=True)),
        (f'"{NO_ANSWER.upper()}" [2]', Reply(f'"{NO_ANSWER.upper()}" [2]', "openai:gpt-4.1", abstained=True)),
        (f"Sorry. {NO_ANSWER} [2]", Reply(f"Sorry. {NO_ANSWER} [2]", "openai:gpt-4.1", frozenset({1}))),
        ("<think>Hm. [2]</think>Berries. [1]", Reply("Berries. [1]", "openai:gpt-4.1", frozenset({0}))),
    ],
)
def test_answer_has_citations_and_tells_whether_it_abstains(text: str, expected: Reply, engine: Engine) -> None:
    assert engine.run(make_chat(make_source(text)).answer(QUESTION, PASSAGES, discard)) == expected


def test_reply_that_content_filter_ended_raises_moderation_error(engine: Engine) -> None:
    message = AIMessage("I", response_metadata={"finish_reason": "content_filter"})
    message.usage_metadata = {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4}
    with usage.track_usage() as account, pytest.raises(ModerationError) as error:
        engine.run(make_chat(make_source(message)).complete("Hi", "", discard))
    assert str(error.value) == "openai:gpt-4.1 refused the request (content_filter); rephrase it"
    assert account.usage.output_tokens == 1  # what was refused is paid, too


@pytest.mark.parametrize("reason", ["stop", "length"])
def test_reply_with_another_finish_reason_is_returned(reason: str, engine: Engine) -> None:
    message = AIMessage("Hello.", response_metadata={"finish_reason": reason})
    assert engine.run(make_chat(make_source(message)).complete("Hi", "", discard)).text == "Hello."


@pytest.mark.parametrize(
    ("named_model", "cached_tokens", "cost"),
    [
        (None, 0, (1000 * 2.0 + 10 * 8.0) / 1e6),
        (None, 400, (600 * 2.0 + 400 * 0.5 + 10 * 8.0) / 1e6),
        ("gpt-6-luna", 0, (1000 * 0.1 + 10 * 0.5) / 1e6),
        ("gpt-4.1-mini-2025-04-14", 0, (1000 * 0.4 + 10 * 1.6) / 1e6),
    ],
)
def test_tokens_are_priced_by_the_model_in_the_response(
    named_model: str | None, cached_tokens: int, cost: float, engine: Engine
) -> None:
    message = AIMessage("Hello.", response_metadata={"model_name": named_model} if named_model else {})
    message.usage_metadata = {
        "input_tokens": 1000,
        "output_tokens": 10,
        "total_tokens": 1010,
        "input_token_details": {"cache_read": cached_tokens},
    }
    _, account = run_with_account(engine, make_chat(make_source(message)).complete("Hi", "", discard))
    assert (account.usage.input_tokens, account.usage.output_tokens, account.usage.images) == (1000, 10, 0)
    assert account.usage.cost == pytest.approx(cost)
    assert account.usage.cost_known


def test_reply_without_token_counts_has_unknown_cost(engine: Engine) -> None:
    _, account = run_with_account(engine, make_chat(make_source("Hello.")).complete("Hi", "", discard))
    assert account.usage == usage.Usage(cost_known=False)


class SilentPieces(GenericFakeChatModel):
    """A chat model that streams pieces of which some have no text."""

    pieces: Sequence[str]

    async def astream(self, *_: Any, **_more: Any) -> AsyncIterator[AIMessageChunk]:  # type: ignore[override]
        """Yield the pieces."""
        for piece in self.pieces:
            yield AIMessageChunk(piece)


def test_pieces_without_text_are_not_emitted(engine: Engine) -> None:
    chat_model = SilentPieces(messages=iter([]), pieces=["", "Hel", "", "lo.", ""])

    async def make_model(_refused: frozenset[str]) -> Any:
        return chat_model

    events: list[Any] = []
    chat = make_chat(ChatSource("openai", "gpt-4.1", make_model))
    reply = engine.run(chat.complete("Hi", "", lambda *event: events.append(event)))
    assert (reply.text, events) == ("Hello.", [("token", "Hel"), ("token", "lo.")])


@pytest.mark.parametrize(("system", "roles"), [("", ["user"]), ("Be brief.", ["system", "user"])])
def test_system_message_is_sent_only_when_there_is_text(
    system: str, roles: list[str], stand_in: StandIn, engine: Engine
) -> None:
    engine.run(OpenAIProvider().chat(["gpt-4.1"]).complete("Hi", system, discard))
    messages = stand_in.script.calls[0][1]["messages"]
    assert [message["role"] for message in messages] == roles
    assert messages[-1]["content"] == "Hi"


async def gather_replies(chat: Any, emit: Any) -> list[str]:
    return [reply.text for reply in await asyncio.gather(*(chat.complete("Hi", "", emit) for _ in range(3)))]


@pytest.mark.parametrize(("is_streamed", "calls"), [(False, 1), (True, 3)])
def test_equal_calls_share_a_reply_unless_they_are_streamed(
    is_streamed: bool, calls: int, stand_in: StandIn, engine: Engine
) -> None:
    stand_in.script.latency["chat/completions"] = 0.05
    emit = (lambda *_: None) if is_streamed else discard
    replies = engine.run(gather_replies(OpenAIProvider().chat(["gpt-4.1"]), emit))
    assert replies == ["This is the stand-in; it was sent 2 characters."] * 3
    assert len(stand_in.script.calls) == calls


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("Hi", ""), ("Hi!", "")),
        (("Hi", ""), ("Hi", "Be brief.")),
    ],
)
def test_cached_reply_is_not_that_of_another_message(
    first: tuple[str, str], second: tuple[str, str], stand_in: StandIn, engine: Engine
) -> None:
    chat = OpenAIProvider().chat(["gpt-4.1"], cache=60)
    for message, system in (first, second, first, second):
        engine.run(chat.complete(message, system, discard))
    assert len(stand_in.script.calls) == 2


def test_prompt_is_rendered_once_for_each_model(engine: Engine) -> None:
    rendered: list[str] = []

    def render(source: ChatSource) -> Prompt:
        rendered.append(source.model)
        return Prompt(f"Hi {source.model}", 3)

    chat = make_chat(make_source("Hello."), make_source("Never.", model="gpt-4o"))
    reply, prompt = engine.run(chat.reply(render, "", discard))
    assert (reply.text, prompt) == ("Hello.", Prompt("Hi gpt-4.1", 3))
    assert rendered == ["gpt-4.1"]


def test_cached_reply_is_emitted_as_one_token(engine: Engine) -> None:
    events: list[Any] = []
    chat = make_chat(make_source("Hello there."), cache=ResponseCache(Operation("chat", "fake"), 60))
    for _ in range(2):
        reply = engine.run(chat.complete("Hi", "", lambda *event: events.append(event)))
        assert reply == Reply("Hello there.", "openai:gpt-4.1")
    assert [text for _, text in events] == ["Hello", " ", "there.", "Hello there."]


def test_instructions_are_the_system_message_and_take_room_in_the_window(engine: Engine) -> None:
    messages: list[Any] = []

    class RecordingModel(GenericFakeChatModel):
        def _generate(self, prompt: Any, *arguments: Any, **settings: Any) -> Any:
            messages.extend(prompt)
            return super()._generate(prompt, *arguments, **settings)

    async def make_model(_refused: frozenset[str]) -> Any:
        return RecordingModel(messages=iter(["Berries. [1]"]))

    source = ChatSource("openai", "gpt-4.1", make_model)
    chat = ChatProvider({"openai:gpt-4.1": source}, Operation("chat", "openai"), instructions="Answer in rhymes.")
    assert engine.run(chat.answer(QUESTION, PASSAGES, discard)).text == "Berries. [1]"
    assert [(message.type, message.content[:17]) for message in messages] == [
        ("system", "Answer in rhymes."),
        ("human", "Answer the questi"),
    ]
    window = find_exact_window(2)
    instructed = render_answer_prompt(QUESTION, PASSAGES, "Answer in rhymes.")
    assert render_answer_prompt(QUESTION, PASSAGES)(make_source(window=window)).passages == 2
    assert instructed(make_source(window=window)).passages == 1


def make_replying_source(*messages: Any, tells_end: bool = True) -> ChatSource:
    """Return the source of a model that gives the messages in turn."""
    chat_model = ScriptedChatModel(replies=list(messages))

    async def make_model(_refused: frozenset[str]) -> Any:
        return chat_model

    return ChatSource("openai", "gpt-4.1", make_model, tells_end=tells_end)


def make_replying_chat(*messages: Any, tells_end: bool = True) -> ChatProvider:
    return make_chat(make_replying_source(*messages, tells_end=tells_end))


class ScriptedChatModel(BaseChatModel):
    """Gives its replies in turn, whole or in pieces of four characters."""

    replies: list[Any]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        reply = self.replies.pop(0)
        message = reply if isinstance(reply, AIMessage) else AIMessage(reply, response_metadata=STOPPED)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
        reply = self.replies.pop(0)
        text, metadata = (reply.text, reply.response_metadata) if isinstance(reply, AIMessage) else (reply, STOPPED)
        for start in range(0, len(text), 4):
            yield ChatGenerationChunk(message=AIMessageChunk(text[start : start + 4]))
        yield ChatGenerationChunk(message=AIMessageChunk("", response_metadata=metadata))


STOPPED = {"finish_reason": "stop"}
REFUSAL = AIMessage("", additional_kwargs={"refusal": "I cannot."})
ECHO = "Answer the question from the passages alone. Each stands between"


@pytest.mark.parametrize(
    "first", ["", " \n ", "<think>Hm.</think>", "[1] [2]", ECHO, REFUSAL, '<passage n="1">x</passage>']
)
@pytest.mark.parametrize("is_streamed", [False, True])
def test_reply_that_is_no_answer_is_asked_for_once_more(first: Any, is_streamed: bool, engine: Engine) -> None:
    if is_streamed and first in (ECHO, "[1] [2]", REFUSAL):
        pytest.skip("what was said cannot be taken back, and a stream has no refusal")
    tokens: list[str] = []
    emit = (lambda _kind, text: tokens.append(text)) if is_streamed else discard
    reply = engine.run(make_replying_chat(first, "Berries. [1]").answer(QUESTION, PASSAGES, emit))
    assert reply == Reply("Berries. [1]", "openai:gpt-4.1", frozenset({0}))
    assert "".join(tokens) == ("Berries. [1]" if is_streamed else "")


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ("", "openai:gpt-4.1 did not answer: it wrote nothing; try again, or use another model"),
        (ECHO, "openai:gpt-4.1 did not answer: it repeated the prompt; try again, or use another model"),
        (
            AIMessage("<think>Hm", response_metadata={"finish_reason": "length"}),
            "openai:gpt-4.1 did not answer: it wrote nothing; raise max_tokens, or use another model",
        ),
    ],
)
def test_second_reply_that_is_no_answer_is_an_error(reply: Any, message: str, engine: Engine) -> None:
    with pytest.raises(UnusableReplyError) as error:
        engine.run(make_replying_chat(reply, reply).answer(QUESTION, PASSAGES, discard))
    assert error.value.coded_message == f"no_answer: {message}"


def test_second_refusal_is_an_error_of_its_own(engine: Engine) -> None:
    with pytest.raises(ModerationError, match=r"^openai:gpt-4.1 refused the request \(refusal\); rephrase it$"):
        engine.run(make_replying_chat(REFUSAL, REFUSAL).answer(QUESTION, PASSAGES, discard))


@pytest.mark.parametrize(
    ("metadata", "is_streamed", "tells_end", "is_cut"),
    [
        ({"finish_reason": "length"}, False, True, True),
        ({"finish_reason": "length"}, True, True, True),
        ({}, True, True, True),
        ({}, True, False, False),
        ({}, False, True, False),
        (STOPPED, True, True, False),
    ],
)
def test_reply_that_was_cut_has_a_note(
    metadata: dict[str, Any], is_streamed: bool, tells_end: bool, is_cut: bool, engine: Engine
) -> None:
    chat = make_replying_chat(AIMessage("Berries. [1]", response_metadata=metadata), tells_end=tells_end)
    emit = (lambda _kind, _text: None) if is_streamed else discard
    _, account = run_with_account(engine, chat.answer(QUESTION, PASSAGES, emit))
    assert account.notes == ["cut: openai:gpt-4.1 stopped before the end of its reply"] * is_cut


def test_question_stays_as_it_is_when_the_model_completes_nothing(engine: Engine) -> None:
    history = [ConversationTurn("What do foxes eat?", "Berries.")]
    assert engine.run(make_replying_chat("", " ").complete_question("And cats?", history)) == "And cats?"


@pytest.mark.parametrize(
    ("reply", "questions"),
    [
        ("1. What do foxes eat?\n2. Where do cats sleep?", ["both?", "What do foxes eat?", "Where do cats sleep?"]),
        ("- a?\n\n- b?\n", ["both?", "a?", "b?"]),
        ("both?", ["both?"]),
        ("a?\nb?\nc?\nd?", ["both?"]),
        (" ", ["both?"]),
    ],
)
def test_model_splits_a_question_into_at_most_the_set_number(reply: str, questions: list[str], engine: Engine) -> None:
    chat = ChatProvider(
        {"openai:gpt-4.1": make_replying_source(reply, reply)}, Operation("chat", "openai"), sub_questions=3
    )
    assert engine.run(chat.split_question("both?")) == questions


def test_question_is_not_split_by_default(engine: Engine) -> None:
    assert engine.run(make_replying_chat().split_question("What and why?")) == ["What and why?"]
