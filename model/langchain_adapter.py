"""Present the multi-chain to LangChain: as a Runnable, and its search as a retriever."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.runnables.utils import AddableDict
from pydantic import ConfigDict

from .config.settings import PositiveCount
from .contract.events import Emit, Event
from .contract.fields import StageValues
from .contract.requests import Request, parse_requests
from .contract.stage_contract import Response
from .pipeline import Pipeline
from .retrieval.retriever import Retriever
from .runtime.event_loop import Engine
from .stages.base import Stage


class MultiChain(Runnable[dict[str, Any], Response]):
    """A pipeline as a Runnable: takes a request and returns a response, as ``predict`` does for one dict.

    Callbacks, tags and metadata of the config reach each stage, as a run of its name, and the chat models and Runnables
    inside. ``stream`` yields each stage's part of the response when it is done; the parts add up to the response. A
    request that does not fit raises InvalidRequestError.
    """

    def __init__(self, pipeline: Pipeline, version: str = "") -> None:
        """Wrap ``pipeline``, and share its event loop and clients."""
        watched = {name: _ObservedStage(name, stage) for name, stage in pipeline.stages.items()}
        self.name = "MultiChain"
        self._pipeline, self._version = Pipeline(pipeline.contract, watched, pipeline.engine), version

    def invoke(self, input: dict[str, Any], config: RunnableConfig | None = None, **_: Any) -> Response:  # noqa: A002 - LangChain's signature
        """Return the response."""
        return self._pipeline.engine.run(self._acall_with_config(self._answer, input, config))

    async def ainvoke(self, input: dict[str, Any], config: RunnableConfig | None = None, **_: Any) -> Response:  # noqa: A002
        """Return the response; cancelling cancels the calls under way."""
        return await self._pipeline.engine.wait_for(self._acall_with_config(self._answer, input, config))

    def stream(
        self,
        input: dict[str, Any],  # noqa: A002
        config: RunnableConfig | None = None,
        **_: Any,
    ) -> Iterator[Response]:
        """Yield the parts of the response, each when its stage is done."""
        yield from self._transform_stream_with_config(iter([input]), self._stream_parts, config)

    async def astream(
        self,
        input: dict[str, Any],  # noqa: A002
        config: RunnableConfig | None = None,
        **_: Any,
    ) -> AsyncIterator[Response]:
        """Yield the parts of the response, each when its stage is done."""

        async def only_input() -> AsyncIterator[dict[str, Any]]:
            yield input

        async for part in self._atransform_stream_with_config(only_input(), self._astream_parts, config):
            yield part

    async def _answer(self, raw: dict[str, Any]) -> Response:
        return await self._pipeline.answer_request(self._parse(raw), self._version)

    def _stream_parts(self, inputs: Iterator[dict[str, Any]]) -> Iterator[Response]:
        parts = _ResponseParts()
        for event in self._pipeline.stream_events(self._parse(next(inputs)), self._version):
            yield from parts.read_event(event)

    async def _astream_parts(self, inputs: AsyncIterator[dict[str, Any]]) -> AsyncIterator[Response]:
        parts = _ResponseParts()
        loop = asyncio.get_running_loop()
        items: asyncio.Queue[Event | None] = asyncio.Queue()
        request = self._parse(await anext(inputs))

        def enqueue(event: Event | None) -> None:
            loop.call_soon_threadsafe(items.put_nowait, event)

        async def work() -> None:
            try:
                await self._pipeline.emit_events(request, self._version, enqueue)
            finally:
                enqueue(None)

        answering = asyncio.ensure_future(self._pipeline.engine.wait_for(work()))
        try:
            while (event := await items.get()) is not None:
                for part in parts.read_event(event):
                    yield part
            await answering
        finally:
            answering.cancel()

    def _parse(self, raw: dict[str, Any]) -> Request:
        return parse_requests(raw, self._pipeline.contract).requests[0]


class DocumentRetriever(BaseRetriever):
    """Find passages as LangChain documents, best first.

    ``k`` and ``filter`` are those of a request. ``invoke("…", k=1)`` sets them for one call.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    retriever: Retriever
    engine: Engine
    k: PositiveCount = 4
    filter: dict[str, Any] | None = None

    async def _aget_relevant_documents(self, query: str, *, run_manager: object, **settings: Any) -> list[Document]:
        return await self.engine.wait_for(self._search(query, **settings))

    def _get_relevant_documents(self, query: str, *, run_manager: object, **settings: Any) -> list[Document]:
        return self.engine.run(self._search(query, **settings))

    async def _search(
        self,
        query: str,
        k: PositiveCount | None = None,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the name in a request
    ) -> list[Document]:
        passages = await self.retriever.search(query, k or self.k, self.filter if filter is None else filter)
        passage_fields = [passage.to_fields() for passage in passages]
        return [Document(fields.pop("text"), metadata=fields) for fields in passage_fields]


class _ObservedStage(Stage):
    """A stage that appears as a run of its own in LangChain's callbacks."""

    def __init__(self, name: str, stage: Stage) -> None:
        self._name, self._stage = name, stage

    async def run(self, values: StageValues, emit: Emit) -> StageValues:
        async def call(values: StageValues) -> StageValues:
            return await self._stage.run(values, emit)

        return await RunnableLambda(call, name=self._name).ainvoke(values)


class _ResponseParts:
    """Collect the parts of a response from its events."""

    def __init__(self) -> None:
        self._pictures: dict[str, StageValues] = {}
        self._emitted: set[str] = set()

    def read_event(self, event: Event) -> Iterator[Response]:
        """Yield what the event completes: a stage that is done; at the end, all that was not emitted yet."""
        stage = event["stage"]
        if event["kind"] == "image":
            self._pictures.setdefault(stage, {})[event["field"]] = event["image"]
        elif event["kind"] == "done" and stage:
            self._emitted.add(stage)
            yield AddableDict({stage: event["fields"] | self._pictures.get(stage, {})})
        elif event["kind"] == "done":
            yield AddableDict({name: part for name, part in event["response"].items() if name not in self._emitted})
