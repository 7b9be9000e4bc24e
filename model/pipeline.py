"""Run requests: make the plan of each, run its stages, and return responses of one shape in the same order."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from .contract import references
from .contract.events import Emit, Event, EventListener, make_emitter
from .contract.fields import StageValues
from .contract.requests import Request
from .contract.stage_contract import Contract, Response
from .errors import DependencyFailedError, MultichainError, StageFailedError
from .images import fit_response
from .runtime import deadline, spans, usage
from .runtime.coalescing import single_flight
from .runtime.event_loop import Engine, Stream
from .stages.base import Stage

log = logging.getLogger(__name__)
_MAX_CONCURRENT = 250
"""Requests of one call that run at once; further ones wait. A request of another call waits for a turn of the event
loop, in which each of these may do a millisecond's work, and a batch of embeddings is as large as their number.
"""


TraceRequest = Callable[[StageValues, str], AbstractAsyncContextManager[spans.Trace]]
"""Traces the work inside for a request to a version (tracing.py)."""


@asynccontextmanager
async def _trace_nothing(_request: StageValues, _version: str) -> AsyncIterator[spans.Trace]:
    yield spans.Trace()


class Pipeline:
    """The stages of a profile by name, ready to answer requests."""

    def __init__(self, contract: Contract, stages: Mapping[str, Stage], engine: Engine | None = None) -> None:
        self.contract, self.stages, self.engine = contract, stages, engine or Engine()
        self.trace_request: TraceRequest = _trace_nothing

    def answer_requests(self, requests: list[Request], version: str = "") -> list[Response]:
        """Answer each request, in order; a stage that fails fills its own ``error``.

        Args:
            requests: The requests.
            version: Registered version, for ``meta`` and traces.

        Returns:
            One response for each request.

        Raises:
            CancelledCallError: The event loop was stopped.
            SettingError: An environment variable has an invalid value.
        """
        return self.engine.run(self._answer_all(requests, version))

    def stream_events(self, request: Request, version: str = "") -> Stream[Event]:
        """Return the events of ``request`` (contract/events.py), with the response as the last one.

        Args:
            request: The request.
            version: Registered version, for ``meta`` and traces.

        Returns:
            The events; closing the stream cancels the calls under way.
        """
        return self.engine.stream(lambda hear: self.emit_events(request, version, hear))

    async def emit_events(self, request: Request, version: str, listener: EventListener) -> None:
        """Send all events of ``request`` to ``listener``. Runs on the engine's event loop.

        Args:
            request: The request.
            version: Registered version, for ``meta`` and traces.
            listener: Receives the events.
        """
        response = await self.answer_request(request, version, listener)
        listener({"stage": "", "kind": "done", "response": response})

    async def answer_request(
        self, request: Request, version: str = "", listener: EventListener | None = None
    ) -> Response:
        """Answer one request. Runs on the engine's event loop.

        Args:
            request: The request.
            version: Registered version, for ``meta`` and traces.
            listener: Receives the request's events.

        Returns:
            The response.
        """
        with deadline.start_deadline():
            async with self.trace_request(request.stages, version) as trace:
                trace.response = await RequestRun(self, request, version, listener).run()
            return trace.response

    async def _answer_all(self, requests: list[Request], version: str) -> list[Response]:
        with deadline.start_deadline():
            responses: list[Response] = [{}] * len(requests)
            todo = iter(enumerate(requests))

            async def work() -> None:
                for position, request in todo:
                    responses[position] = await self.answer_request(request, version)

            await asyncio.gather(*(work() for _ in range(min(_MAX_CONCURRENT, len(requests)))))
            return await fit_response.fit_responses(responses, self.contract)


class RequestRun:
    """One request while it is answered."""

    def __init__(self, pipeline: Pipeline, request: Request, version: str, listener: EventListener | None) -> None:
        self._contract, self._stages, self._listener = pipeline.contract, pipeline.stages, listener
        self._plan = references.make_plan(request, pipeline.contract)
        self._response = pipeline.contract.empty_response(version)
        self._skipped: set[str] = set()

    async def run(self) -> Response:
        """Run each stage as soon as its dependencies are done, and return the response."""
        for name, refusal in self._plan.errors.items():
            self._record_error(name, refusal)
        done = {name: asyncio.Event() for name in self._plan.dependencies if name not in self._plan.errors}

        async def follow(name: str) -> None:
            for needed in self._plan.dependencies[name] & done.keys():
                await done[needed].wait()
            await self._run_stage(name)
            done[name].set()

        await asyncio.gather(*map(follow, done))
        return self._response

    async def _run_stage(self, name: str) -> None:
        """Fill the output fields of one stage, unless it is skipped."""
        stage, fields = self._contract.stages[name], self._response[name]
        started = time.perf_counter()
        with usage.track_usage() as used:
            try:
                self._check_dependencies(name)
                if self._is_skipped(name):
                    self._skipped.add(name)
                else:
                    values = references.fill_references(stage, self._plan.values[name], self._contract, self._response)
                    await self._call_stage(name, stage.validate(values))
            except MultichainError as error:
                self._record_error(name, error)
            except Exception as error:  # noqa: BLE001 - a bug in one stage must not fail other stages and rows
                self._record_error(name, _log_unforeseen(name, error))
        if fields["ran"]:
            seconds = round(time.perf_counter() - started, 6)
            fields |= {"usage": used.usage.to_fields(), "notes": used.notes, "seconds": seconds}
        if not fields["error"]:
            self._emit_fields(name)

    async def _call_stage(self, name: str, values: StageValues) -> None:
        fields, emit = self._response[name], make_emitter(name, self._listener)
        fields["ran"] = True
        if self._listener:
            self._listener({"stage": name, "kind": "started"})
        values.pop("run", None)
        with spans.open_span(name, "CHAIN", values) as step:
            try:
                async with deadline.enforce_deadline(name):
                    fields |= self._contract.stages[name].serialize(await self._run_once(name, values, emit))
            except deadline.OutOfTimeError as error:
                fields |= self._contract.stages[name].serialize(dict(error.partial))
                raise deadline.make_deadline_error(name) from None
            if step:
                step.outputs = fields
                step.attributes |= usage.current_account().usage.to_fields()

    async def _run_once(self, name: str, values: StageValues, emit: Emit) -> StageValues:
        """Run the stage; concurrent requests with equal values share one run."""
        stage = self._stages[name]
        if self._listener or not stage.is_shared:
            return await stage.run(values, emit)
        return await single_flight((stage, json.dumps(values, sort_keys=True)), lambda: stage.run(values, emit))

    def _check_dependencies(self, name: str) -> None:
        """Raise DependencyFailedError when a stage that ``name`` depends on has failed."""
        failed = sorted(stage for stage in self._plan.dependencies[name] if self._response[stage]["error"])
        if failed:
            raise DependencyFailedError(f"{name}: it depends on {', '.join(failed)}, which failed; see the error there")

    def _is_skipped(self, name: str) -> bool:
        """Return whether the stage's condition is true, or a stage that it depends on is skipped."""
        unless = self._contract.stages[name].unless
        condition = unless is not None and self._response[unless[0]][unless[1]]
        return bool(condition) or not self._skipped.isdisjoint(self._plan.dependencies[name])

    def _record_error(self, name: str, error: MultichainError) -> None:
        self._response[name]["error"] = error.coded_message
        make_emitter(name, self._listener)("error", error.coded_message)

    def _emit_fields(self, name: str) -> None:
        """Emit the stage's images, then its other fields."""
        if self._listener is None:
            return
        fields = self._response[name]
        pictures = {
            field_of_stage.name
            for field_of_stage in self._contract.stages[name].outputs
            if field_of_stage.kind == "image"
        }
        for field in sorted(pictures):
            if fields[field]:
                self._listener({"stage": name, "kind": "image", "field": field, "image": fields[field]})
        other_fields = {field: value for field, value in fields.items() if field not in pictures}
        self._listener({"stage": name, "kind": "done", "fields": other_fields})


def _log_unforeseen(name: str, error: Exception) -> StageFailedError:
    """Log where the stage broke. The exception's text is omitted, since it may contain the caller's data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    location = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "an unknown place"
    log.error("stage %s: %s at %s", name, type(error).__name__, location)
    return StageFailedError(f"{name}: the stage broke ({type(error).__name__}); try again, then read the server's log")
