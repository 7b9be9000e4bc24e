"""The multi-chain in LangChain's own hands: LCEL, LangGraph, callbacks, streams."""

import asyncio
from pathlib import Path
from typing import Any

import mlflow
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from model.contract.requests import parse_requests
from model.errors import InvalidRequestError
from model.langchain_adapter import MultiChain
from model.profile import Profile
from model.retrieval.local.index import Index
from tests.fixtures import PROFILE

STAGES = """\
  image_generation: {kind: image_generation, images: {provider: offline}}
  short:
    kind: chat
    message: "Shorter: {qa.answer}"
    chat:
      provider: langchain
      model: langchain_core.language_models.fake_chat_models:FakeListChatModel
      settings: {responses: [In short.]}
"""
QUESTION = {"qa": {"question": "What is GPT-4?"}}
REQUEST = QUESTION | {"short": {"run": True}}
ANSWER = "GPT-4 is a powerful language model developed by OpenAI. [1]"


class Heard(BaseCallbackHandler):
    """Keeps the names of what starts, with their tags."""

    def __init__(self) -> None:
        self.started: list[tuple[str, tuple[str, ...]]] = []

    def on_chain_start(self, *given: Any, tags: Any = None, **told: Any) -> None:
        self.started.append((told.get("name") or given[0]["name"], tuple(tags or ())))

    on_chat_model_start = on_chain_start


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory, index_folder: Path) -> MultiChain:
    file = tmp_path_factory.mktemp("profile") / "mine.yaml"
    file.write_text(PROFILE + STAGES, "utf-8")
    profile = Profile.read(str(file))
    return MultiChain(profile.make_pipeline(profile.make_retriever(Index.open(index_folder))), "7")


def timeless(response: Any) -> Any:
    """Without seconds, and without usage, which is that of who asked first."""
    dropped = {"seconds", "usage"}
    return {name: {key: value for key, value in part.items() if key not in dropped} for name, part in response.items()}


def test_invoke_is_what_predict_answers(chain: MultiChain) -> None:
    response = chain.invoke(REQUEST)
    pipeline = chain._pipeline  # noqa: SLF001 - to compare with
    assert timeless(response) == timeless(
        pipeline.answer_requests(parse_requests(REQUEST, pipeline.contract).requests, "7")[0]
    )
    assert (response["qa"]["answer"], response["short"]["reply"]) == (ANSWER, "In short.")


def test_the_other_ways_give_the_same(chain: MultiChain) -> None:
    expected = timeless(chain.invoke(REQUEST))
    assert timeless(asyncio.run(chain.ainvoke(REQUEST))) == expected
    assert timeless(chain.batch([REQUEST, QUESTION])[0]) == expected
    assert [timeless(one) for one in asyncio.run(chain.abatch([REQUEST] * 3))] == [expected] * 3


def test_one_bad_request_of_a_batch(chain: MultiChain) -> None:
    bad: Any = {"qa": {"question": 5}}
    good, refused = chain.batch([QUESTION, bad], return_exceptions=True)
    assert good["qa"]["answer"] == ANSWER
    assert isinstance(refused, InvalidRequestError)
    with pytest.raises(InvalidRequestError, match=r"^qa.question: expected text"):
        chain.invoke(bad)


def test_a_stream_gives_parts_that_add_up(chain: MultiChain) -> None:
    request = REQUEST | {"image_generation": {"prompt": "A fox"}}
    parts = list(chain.stream(request))
    assert [list(part) for part in parts[:-1]] in (
        [["qa"], ["image_generation"], ["short"]],
        [["qa"], ["short"], ["image_generation"]],
        [["image_generation"], ["qa"], ["short"]],
    )
    whole = parts[0]
    for part in parts[1:]:
        whole = whole | part
    assert timeless(whole) == timeless(chain.invoke(request))

    async def streamed() -> list[Any]:
        return [part async for part in chain.astream(REQUEST)]

    assert [list(part) for part in asyncio.run(streamed())] == [["qa"], ["short"], ["image_generation", "meta"]]


def test_callbacks_and_tags_reach_the_stages_and_what_is_in_them(chain: MultiChain) -> None:
    for call in (chain.invoke, lambda *given: asyncio.run(chain.ainvoke(*given))):
        heard = Heard()
        call(REQUEST, {"callbacks": [heard], "tags": ["mine"]})
        assert [name for name, _ in heard.started] == ["MultiChain", "qa", "short", "FakeListChatModel"]
        assert all("mine" in tags for _, tags in heard.started)


def test_events(chain: MultiChain) -> None:
    async def events() -> list[Any]:
        return [event async for event in chain.astream_events(REQUEST, version="v2")]

    found = asyncio.run(events())
    assert {(event["event"], event["name"]) for event in found} >= {
        ("on_chain_start", "MultiChain"),
        ("on_chain_end", "qa"),
        ("on_chain_start", "short"),
        ("on_chat_model_stream", "FakeListChatModel"),
        ("on_chain_end", "MultiChain"),
    }
    tokens = [event["data"]["chunk"].text for event in found if event["event"] == "on_chat_model_stream"]
    assert "".join(map(str, tokens)) == "In short."


def test_an_lcel_chain(chain: MultiChain) -> None:
    ask = RunnableLambda(lambda question: {"qa": {"question": question}})
    assert (ask | chain | RunnableLambda(lambda told: told["qa"]["answer"])).invoke("What is GPT-4?") == ANSWER


def test_a_langgraph_node(chain: MultiChain) -> None:
    class State(TypedDict, total=False):
        question: str
        answer: str

    async def answer(state: State) -> State:
        told = await chain.ainvoke({"qa": {"question": state["question"]}})
        return {"answer": told["qa"]["answer"]}

    graph = StateGraph(State)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    assert asyncio.run(graph.compile().ainvoke({"question": "What is GPT-4?"}))["answer"] == ANSWER


def test_a_registered_versions_chain_and_retriever(logged: str) -> None:
    loaded: Any = mlflow.pyfunc.load_model(logged)
    model = loaded.unwrap_python_model()
    assert model.chain.invoke(QUESTION)["qa"]["answer"] == ANSWER
    retriever = model.retriever(k=2)
    documents = retriever.invoke("What is GPT-4?")
    assert [type(one).__name__ for one in documents] == ["Document", "Document"]
    assert documents[0].page_content.startswith("GPT-4 is a powerful language model")
    assert documents[0].metadata["source"] == "gpt-4.txt"
    assert asyncio.run(retriever.ainvoke("What is GPT-4?")) == documents
    narrowed = model.retriever(filter={"source": "langchain.txt"}).invoke("What is GPT-4?")
    assert {one.metadata["source"] for one in narrowed} == {"langchain.txt"}
