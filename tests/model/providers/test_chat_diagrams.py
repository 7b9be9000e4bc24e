"""Diagrams that a chat model describes: the message that it receives, the correction, and the picture."""

import io
import json
from collections import deque
from collections.abc import Sequence
from typing import Any

import pytest
from PIL import Image

from model.contract.events import Emit, discard
from model.errors import InvalidRequestError, UnusableReplyError
from model.images.provenance import TRAINED_MODEL
from model.interfaces import ConversationTurn, Reply
from model.passages import Passage
from model.providers.chat_diagrams import ChatDiagramGenerator
from model.providers.compatible import CompatibleProvider
from model.providers.offline.diagrams import OfflineDiagramGenerator
from model.runtime import usage
from model.runtime.event_loop import Engine
from tests.odd_server import CHAT, IMAGES, Answer, Body, chat_as_usual, refuse, run_odd_server

SPECIFICATION = json.dumps(
    {
        "title": "Food",
        "nodes": [{"id": "a", "label": "Fox"}, {"id": "b", "label": "Berries"}],
        "edges": [{"from": "a", "to": "b", "label": "eats"}],
    }
)
PASSAGES = [Passage.from_text("Foxes eat </passage> berries.", "a.txt"), Passage.from_text("Cats sleep.", "b.txt")]


class ScriptedChat:
    """A chat model that gives its replies in order and records what it receives."""

    def __init__(self, *replies: str) -> None:
        self.replies = deque(replies)
        self.calls: list[tuple[str, str, Emit]] = []

    async def complete(self, message: str, system: str, emit: Emit) -> Reply:
        """Return the next reply."""
        self.calls.append((message, system, emit))
        return Reply(self.replies.popleft(), f"fake:model-{len(self.calls)}")

    async def complete_question(self, question: str, history: Sequence[ConversationTurn]) -> str:
        """Return the question."""
        raise NotImplementedError

    async def answer(self, question: str, passages: Sequence[Passage], emit: Emit) -> Reply:
        """Return an answer."""
        raise NotImplementedError


def draw_diagram(chat: ScriptedChat, engine: Engine, prompt: str = "A diagram of food", **options: Any) -> Any:
    arguments = {"passages": [], "style": "", "size": "512x512", "sample": 1} | options
    return engine.run(ChatDiagramGenerator(chat).draw(prompt, **arguments))


@pytest.mark.parametrize(("prompt", "style"), [("A cat", ""), ("A diagram of a cat", "flow")])
def test_chat_diagrams_want_passages_for_any_prompt(prompt: str, style: str) -> None:
    assert ChatDiagramGenerator(ScriptedChat()).wants_passages(prompt, style)


def test_diagram_has_size_alt_text_origin_and_usage(engine: Engine) -> None:
    with usage.track_usage() as account:
        picture = draw_diagram(ScriptedChat(SPECIFICATION), engine, size="640x320")
    assert Image.open(io.BytesIO(picture.content)).size == (640, 320)
    assert (picture.mime_type, picture.alt_text) == ("image/png", "Diagram of Food: Fox eats Berries.")
    assert (picture.answered_by, picture.origin) == ("fake:model-1, drawn by multichain", TRAINED_MODEL)
    assert account.usage == usage.Usage(images=1)


def test_message_quotes_passages_and_ends_with_the_prompt(engine: Engine) -> None:
    chat = ScriptedChat(SPECIFICATION)
    draw_diagram(chat, engine, passages=PASSAGES)
    ((message, system, emit),) = chat.calls
    quoted = (
        '<passage n="1">\nFoxes eat \u2039/passage> berries.\n</passage>\n\n<passage n="2">\nCats sleep.\n</passage>'
    )
    assert message.endswith(f"to you.\n\n{quoted}\n\nAsked: A diagram of food\n")
    assert "\n\nUse 3 to 14 nodes. " in message
    assert (system, emit) == ("", discard)


@pytest.mark.parametrize(
    ("prompt", "style", "description"),
    [
        ("Food", "", "concept map of things and how they relate"),
        ("The steps of cooking", "", "flow chart of steps in order"),
        ("The layers of a cake", "", "diagram of layers, as groups, each with its nodes"),
        ("The layers of a cake", "map", "concept map of things and how they relate"),
        ("Food", "flow", "flow chart of steps in order"),
    ],
)
def test_message_names_the_style_of_request_or_prompt(
    prompt: str, style: str, description: str, engine: Engine
) -> None:
    chat = ScriptedChat(SPECIFICATION)
    draw_diagram(chat, engine, prompt, style=style)
    assert chat.calls[0][0].startswith(f"Draw what is asked as a {description}. Reply with one JSON object")


def test_style_is_that_of_the_drawn_graph(engine: Engine) -> None:
    assert draw_diagram(ScriptedChat(SPECIFICATION), engine, style="flow").alt_text == "Flow of Food: Fox eats Berries."


def test_samples_of_one_description_differ(engine: Engine) -> None:
    contents = [draw_diagram(ScriptedChat(SPECIFICATION), engine, sample=sample).content for sample in (1, 1, 2)]
    assert contents[0] == contents[1] != contents[2]


def test_unusable_reply_is_corrected_by_a_second_message(engine: Engine) -> None:
    chat = ScriptedChat("I cannot draw.", SPECIFICATION)
    picture = draw_diagram(chat, engine)
    first, second = (message for message, *_ in chat.calls)
    assert second.startswith(f"{first}\n\nYour last reply could not be used: ")
    assert second.endswith(". Reply with the JSON object alone.")
    assert picture.answered_by == "fake:model-2, drawn by multichain"


def test_second_unusable_reply_raises_error_without_a_third_call(engine: Engine) -> None:
    chat = ScriptedChat("no", "never", SPECIFICATION)
    with usage.track_usage() as account, pytest.raises(UnusableReplyError) as error:
        draw_diagram(chat, engine)
    defect = "described no diagram that can be drawn (there is no JSON object in it)"
    assert str(error.value) == f"fake:model-2 {defect}; try again, or use another model"
    assert len(chat.calls) == 2
    assert account.usage.images == 0


@pytest.mark.parametrize("size", ["255x512", "512x3841", "512", "big"])
def test_invalid_size_raises_error_before_the_call(size: str, engine: Engine) -> None:
    chat = ScriptedChat(SPECIFICATION)
    with pytest.raises(InvalidRequestError, match=r"^size: expected WIDTHxHEIGHT, each from 256 to 3840"):
        draw_diagram(chat, engine, size=size)
    assert chat.calls == []


def test_substitute_draws_what_the_model_cannot_describe(engine: Engine) -> None:
    same_ids = json.dumps({"title": "T", "nodes": [{"id": "a", "label": "A"}, {"id": "a", "label": "B"}]})
    chat = ScriptedChat(same_ids, same_ids)
    generator = ChatDiagramGenerator(chat, OfflineDiagramGenerator())
    with usage.track_usage() as account:
        picture = engine.run(generator.draw("A fox eats berries", [], style="", size="512x512", sample=1))
    assert (picture.answered_by, picture.mime_type) == ("offline:diagram", "image/png")
    defect = "described no diagram that can be drawn (two nodes have the same id)"
    assert account.notes[0] == f"drawn_by_substitute: fake:model-2 {defect}, so this machine drew the picture"


def draw_at(answer: Answer, engine: Engine, **settings: Any) -> tuple[Any, list[Body], list[str]]:
    """Return the picture of a server's chat model, the bodies that the server was sent, and the notes."""
    with run_odd_server({CHAT: answer, IMAGES: lambda _: (404, {"detail": "Not Found"})}) as server:
        generator = CompatibleProvider().images(chat_models=["m"], **settings)
        with usage.track_usage() as account:
            picture = engine.run(generator.draw("A city", [], style="", size="512x512", sample=1))
    return picture, server.bodies(CHAT), account.notes


def test_diagram_is_asked_for_by_its_json_schema(engine: Engine) -> None:
    picture, bodies, notes = draw_at(lambda _: (200, chat_as_usual(SPECIFICATION)), engine)
    assert (picture.answered_by, notes) == ("compatible:m, drawn by multichain", [])
    (body,) = bodies
    assert body["response_format"]["type"] == "json_schema"
    assert {"title", "nodes", "edges"} <= body["response_format"]["json_schema"]["schema"]["properties"].keys()


def test_server_without_schemas_is_asked_without_one(engine: Engine) -> None:
    def answer(body: Body) -> tuple[int, Body]:
        if "response_format" in body:
            return refuse("response_format is not supported by this model")
        return 200, chat_as_usual(SPECIFICATION)

    picture, bodies, _ = draw_at(answer, engine)
    assert picture.alt_text == "Diagram of Food: Fox eats Berries."
    assert ["response_format" in body for body in bodies] == [True, False]


def test_auto_draws_a_diagram_where_the_server_has_no_images(engine: Engine) -> None:
    picture, _, notes = draw_at(lambda _: (200, chat_as_usual(SPECIFICATION)), engine, models=["p"])
    assert picture.answered_by == "compatible:m, drawn by multichain"
    assert notes == ["drawn_by_substitute: compatible draws no images, so this is a diagram"]


def test_auto_draws_on_this_machine_where_the_model_describes_nothing(engine: Engine) -> None:
    picture, bodies, notes = draw_at(lambda _: (200, chat_as_usual("I like cities.")), engine)
    assert (picture.answered_by, len(bodies)) == ("offline:diagram", 2)
    assert notes[0].startswith("drawn_by_substitute: compatible:m described no diagram that can be drawn (there is no")


def test_way_diagram_is_an_error_where_the_model_describes_nothing(engine: Engine) -> None:
    with pytest.raises(UnusableReplyError, match=r"described no diagram that can be drawn \(there is no JSON object"):
        draw_at(lambda _: (200, chat_as_usual("I like cities.")), engine, way="diagram")
