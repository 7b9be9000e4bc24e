"""The multi-chain: takes requests, runs their plans, gives responses of one shape in the same order."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from .contract import references
from .contract.events import Event, Hear, Tell, telling
from .contract.fields import Values
from .contract.requests import Request
from .contract.stage_contract import Contract, Response
from .errors import MultichainError, StageFailedError, WaitedError
from .images import fit_response
from .runtime import deadline, spans, usage
from .runtime.coalescing import once
from .runtime.event_loop import Engine, Stream
from .stages.base import Stage

log = logging.getLogger(__name__)
_AT_ONCE = 1000
"""Requests of one call that are under way: more wait without taking room."""


Traced = Callable[[Values, str], AbstractAsyncContextManager[spans.Trace]]
"""Traces what is done inside for a request of a version (tracing.py)."""


@asynccontextmanager
async def _untraced(_request: Values, _version: str) -> AsyncIterator[spans.Trace]:
    yield spans.Trace()


class Pipeline:
    """The stages of a profile by name, ready to answer as ``contract`` says."""

    def __init__(self, contract: Contract, stages: Mapping[str, Stage], engine: Engine | None = None) -> None:
        self.contract, self.stages, self.engine = contract, stages, engine or Engine()
        self.traced: Traced = _untraced

    def answers(self, requests: list[Request], version: str = "") -> list[Response]:
        """A response for each request, in order; a stage that fails fills its own ``error``."""
        return self.engine.run(self._gather(requests, version))

    def events(self, request: Request, version: str = "") -> Stream[Event]:
        """What happens while ``request`` is answered (events.py), the response last; closing it cancels the rest."""
        return self.engine.stream(lambda hear: self.tell(request, version, hear))

    async def tell(self, request: Request, version: str, hear: Hear) -> None:
        """Lets ``hear`` hear all events of ``request``; for the engine's own loop."""
        response = await self.answer(request, version, hear)
        hear({"stage": "", "kind": "done", "response": response})

    async def answer(self, request: Request, version: str = "", hear: Hear | None = None) -> Response:
        """The response to ``request``; for the engine's own loop."""
        with deadline.begun():
            async with self.traced(request.stages, version) as trace:
                trace.response = await _Answer(self, request, version, hear).whole()
            return trace.response

    async def _gather(self, requests: list[Request], version: str) -> list[Response]:
        with deadline.begun():
            responses: list[Response] = [{}] * len(requests)
            todo = iter(enumerate(requests))

            async def work() -> None:
                for place, request in todo:
                    responses[place] = await self.answer(request, version)

            await asyncio.gather(*(work() for _ in range(min(_AT_ONCE, len(requests)))))
            return await fit_response.fitted(responses, self.contract)


class _Answer:
    """One request on its way to a response."""

    def __init__(self, pipeline: Pipeline, request: Request, version: str, hear: Hear | None) -> None:
        self._contract, self._stages, self._hear = pipeline.contract, pipeline.stages, hear
        self._plan = references.make(request, pipeline.contract)
        self._response = pipeline.contract.empty(version)
        self._skipped: set[str] = set()

    async def whole(self) -> Response:
        """Runs each stage the moment that those it needs are done; with none left, the response."""
        for name, refusal in self._plan.errors.items():
            self._fail(name, refusal)
        done = {name: asyncio.Event() for name in self._plan.needs if name not in self._plan.errors}

        async def follow(name: str) -> None:
            for needed in self._plan.needs[name] & done.keys():
                await done[needed].wait()
            await self._run(name)
            done[name].set()

        await asyncio.gather(*map(follow, done))
        return self._response

    async def _run(self, name: str) -> None:
        """Fills the fields of one stage, unless it is to be skipped."""
        stage, fields = self._contract.stages[name], self._response[name]
        started = time.perf_counter()
        with usage.opened() as used:
            try:
                self._check(name)
                if self._skips(name):
                    self._skipped.add(name)
                else:
                    values = references.fill(stage, self._plan.values[name], self._contract, self._response)
                    await self._call(name, stage.check(values))
            except MultichainError as error:
                self._fail(name, error)
            except Exception as error:  # noqa: BLE001 - a stage's bug must not take the other stages and rows with it
                self._fail(name, _unforeseen(name, error))
        if fields["ran"]:
            seconds = round(time.perf_counter() - started, 6)
            fields |= {"usage": used.usage.fields(), "notes": used.notes, "seconds": seconds}
        if not fields["error"]:
            self._tell_done(name)

    async def _call(self, name: str, values: Values) -> None:
        fields, tell = self._response[name], telling(name, self._hear)
        fields["ran"] = True
        if self._hear:
            self._hear({"stage": name, "kind": "started"})
        values.pop("run", None)
        with spans.span(name, "CHAIN", values) as step:
            async with deadline.kept(name):
                fields |= self._contract.stages[name].give(await self._asked(name, values, tell))
            if step:
                step.outputs = fields
                step.attributes |= usage.used().usage.fields()

    async def _asked(self, name: str, values: Values, tell: Tell) -> Values:
        """What the stage gives; what other requests ask it in the same words meanwhile is asked once."""
        stage = self._stages[name]
        if self._hear or not stage.shared:
            return await stage.run(values, tell)
        return await once((stage, json.dumps(values, sort_keys=True)), lambda: stage.run(values, tell))

    def _check(self, name: str) -> None:
        """Raises WaitedError when a stage that ``name`` needs has failed."""
        failed = sorted(stage for stage in self._plan.needs[name] if self._response[stage]["error"])
        if failed:
            raise WaitedError(f"{name}: it waited for {', '.join(failed)}, which failed; see the error there")

    def _skips(self, name: str) -> bool:
        """Whether its condition says so, or a stage that it needs is itself skipped."""
        unless = self._contract.stages[name].unless
        told = unless is not None and self._response[unless[0]][unless[1]]
        return bool(told) or not self._skipped.isdisjoint(self._plan.needs[name])

    def _fail(self, name: str, error: MultichainError) -> None:
        self._response[name]["error"] = error.field
        telling(name, self._hear)("error", error.field)

    def _tell_done(self, name: str) -> None:
        """Its pictures, then its other fields."""
        if self._hear is None:
            return
        fields = self._response[name]
        pictures = {one.name for one in self._contract.stages[name].outputs if one.kind == "image"}
        for field in sorted(pictures):
            if fields[field]:
                self._hear({"stage": name, "kind": "image", "field": field, "image": fields[field]})
        told = {field: value for field, value in fields.items() if field not in pictures}
        self._hear({"stage": name, "kind": "done", "fields": told})


def _unforeseen(name: str, error: Exception) -> StageFailedError:
    """Logs where it broke, not what the exception says: that may repeat the caller's data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "an unknown place"
    log.error("stage %s: %s at %s", name, type(error).__name__, place)
    return StageFailedError(f"{name}: it broke ({type(error).__name__}); try again, then read the server's log")
