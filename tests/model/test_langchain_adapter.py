"""The multi-chain as a LangChain Runnable: LCEL, LangGraph, callbacks and streams."""

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


class RunRecorder(BaseCallbackHandler):
    """Callback handler that records the names and tags of started runs."""

    def __init__(self) -> None:
        self.started: list[tuple[str, tuple[str, ...]]] = []

    def on_chain_start(self, *arguments: Any, tags: Any = None, **options: Any) -> None:
        self.started.append((options.get("name") or arguments[0]["name"], tuple(tags or ())))

    on_chat_model_start = on_chain_start


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory, index_folder: Path) -> MultiChain:
    file = tmp_path_factory.mktemp("profile") / "mine.yaml"
    file.write_text(PROFILE + STAGES, "utf-8")
    profile = Profile.read(str(file))
    return MultiChain(profile.make_pipeline(profile.make_retriever(Index.open(index_folder))), "7")


def remove_varying_fields(response: Any) -> Any:
    """Return a response without its seconds and its usage, which only the first of equal calls has."""
    varying_fields = {"seconds", "usage"}
    return {
        name: {key: value for key, value in part.items() if key not in varying_fields}
        for name, part in response.items()
    }


def test_invoke_returns_response_of_the_pipeline(chain: MultiChain) -> None:
    response = chain.invoke(REQUEST)
    pipeline = chain._pipeline  # noqa: SLF001 - to compare with
    assert remove_varying_fields(response) == remove_varying_fields(
        pipeline.answer_requests(parse_requests(REQUEST, pipeline.contract).requests, "7")[0]
    )
    assert (response["qa"]["answer"], response["short"]["reply"]) == (ANSWER, "In short.")


def test_async_and_batch_calls_return_the_response_of_invoke(chain: MultiChain) -> None:
    expected = remove_varying_fields(chain.invoke(REQUEST))
    assert remove_varying_fields(asyncio.run(chain.ainvoke(REQUEST))) == expected
    assert remove_varying_fields(chain.batch([REQUEST, QUESTION])[0]) == expected
    assert [remove_varying_fields(response) for response in asyncio.run(chain.abatch([REQUEST] * 3))] == [expected] * 3


def test_batch_returns_exception_for_invalid_request_alone(chain: MultiChain) -> None:
    invalid_request: Any = {"qa": {"question": 5}}
    response, error = chain.batch([QUESTION, invalid_request], return_exceptions=True)
    assert response["qa"]["answer"] == ANSWER
    assert isinstance(error, InvalidRequestError)
    with pytest.raises(InvalidRequestError, match=r"^qa.question: expected text"):
        chain.invoke(invalid_request)


def test_streamed_parts_add_up_to_the_response(chain: MultiChain) -> None:
    request = REQUEST | {"image_generation": {"prompt": "A fox"}}
    parts = list(chain.stream(request))
    assert [list(part) for part in parts[:-1]] in (
        [["qa"], ["image_generation"], ["short"]],
        [["qa"], ["short"], ["image_generation"]],
        [["image_generation"], ["qa"], ["short"]],
    )
    response = parts[0]
    for part in parts[1:]:
        response = response | part
    assert remove_varying_fields(response) == remove_varying_fields(chain.invoke(request))

    async def collect_parts() -> list[Any]:
        return [part async for part in chain.astream(REQUEST)]

    assert [list(part) for part in asyncio.run(collect_parts())] == [["qa"], ["short"], ["image_generation", "meta"]]


def test_callbacks_and_tags_reach_stages_and_their_chat_models(chain: MultiChain) -> None:
    for call in (chain.invoke, lambda *arguments: asyncio.run(chain.ainvoke(*arguments))):
        handler = RunRecorder()
        call(REQUEST, {"callbacks": [handler], "tags": ["mine"]})
        assert [name for name, _ in handler.started] == ["MultiChain", "qa", "short", "FakeListChatModel"]
        assert all("mine" in tags for _, tags in handler.started)


def test_astream_events_reports_stages_and_tokens(chain: MultiChain) -> None:
    async def collect_events() -> list[Any]:
        return [event async for event in chain.astream_events(REQUEST, version="v2")]

    events = asyncio.run(collect_events())
    assert {(event["event"], event["name"]) for event in events} >= {
        ("on_chain_start", "MultiChain"),
        ("on_chain_end", "qa"),
        ("on_chain_start", "short"),
        ("on_chat_model_stream", "FakeListChatModel"),
        ("on_chain_end", "MultiChain"),
    }
    tokens = [event["data"]["chunk"].text for event in events if event["event"] == "on_chat_model_stream"]
    assert "".join(map(str, tokens)) == "In short."


def test_multichain_runs_in_lcel_chain(chain: MultiChain) -> None:
    make_request = RunnableLambda(lambda question: {"qa": {"question": question}})
    read_answer = RunnableLambda(lambda response: response["qa"]["answer"])
    assert (make_request | chain | read_answer).invoke("What is GPT-4?") == ANSWER


def test_multichain_runs_in_langgraph_node(chain: MultiChain) -> None:
    class State(TypedDict, total=False):
        question: str
        answer: str

    async def answer(state: State) -> State:
        response = await chain.ainvoke({"qa": {"question": state["question"]}})
        return {"answer": response["qa"]["answer"]}

    graph = StateGraph(State)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    assert asyncio.run(graph.compile().ainvoke({"question": "What is GPT-4?"}))["answer"] == ANSWER


def test_registered_version_has_chain_and_retriever(logged: str) -> None:
    loaded: Any = mlflow.pyfunc.load_model(logged)
    model = loaded.unwrap_python_model()
    assert model.chain.invoke(QUESTION)["qa"]["answer"] == ANSWER
    retriever = model.retriever(k=2)
    documents = retriever.invoke("What is GPT-4?")
    assert [type(document).__name__ for document in documents] == ["Document", "Document"]
    assert documents[0].page_content.startswith("GPT-4 is a powerful language model")
    assert documents[0].metadata["source"] == "gpt-4.txt"
    assert asyncio.run(retriever.ainvoke("What is GPT-4?")) == documents
    filtered_documents = model.retriever(filter={"source": "langchain.txt"}).invoke("What is GPT-4?")
    assert {document.metadata["source"] for document in filtered_documents} == {"langchain.txt"}
