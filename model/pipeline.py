"""The multi-chain: takes requests, runs their plans, gives responses of one shape in the same order."""

import asyncio
import logging
import time
from collections.abc import Mapping

from . import plan
from .contract import Contract, Response, StageContract
from .engine import Engine
from .errors import MultichainError, StageFailedError, WaitedError
from .normalise import Request
from .stages.base import Stage

log = logging.getLogger(__name__)


class Pipeline:
    """The stages of a profile by name, ready to answer."""

    def __init__(self, stages: Mapping[str, Stage]) -> None:
        self.contract = Contract(
            {name: StageContract(name, stage.inputs, stage.outputs) for name, stage in stages.items()}
        )
        self._stages = stages
        self._engine = Engine()

    def answers(self, requests: list[Request], version: str = "") -> list[Response]:
        """A response for each request, in order; a stage that fails fills its own ``error``."""
        return self._engine.run(self._gather(requests, version))

    async def _gather(self, requests: list[Request], version: str) -> list[Response]:
        return await asyncio.gather(*(self._answer(request, version) for request in requests))

    async def _answer(self, request: Request, version: str) -> Response:
        """Runs each stage the moment that those it refers to are done."""
        response = self.contract.empty(version)
        order = plan.make(request, self.contract)
        for name, refusal in order.errors.items():
            response[name]["error"] = refusal.field
        done = {name: asyncio.Event() for name in order.needs if name not in order.errors}

        async def follow(name: str) -> None:
            for needed in order.needs[name] & done.keys():
                await done[needed].wait()
            await self._run(name, request, order.needs[name], response)
            done[name].set()

        await asyncio.gather(*map(follow, done))
        return response

    async def _run(self, name: str, request: Request, needs: set[str], response: Response) -> None:
        """Fills the fields of one stage in ``response``."""
        fields = response[name]
        started = time.perf_counter()
        try:
            _check(name, needs, response)
            values = plan.fill(name, request.stages[name], self.contract, response)
            values = self.contract.stages[name].read(values)
            fields["ran"] = True
            fields |= await self._stages[name].run(values)
        except MultichainError as error:
            fields["error"] = error.field
        except Exception as error:  # noqa: BLE001 - a stage's bug must not take the other stages and rows with it
            fields["error"] = _unforeseen(name, error).field
        fields["seconds"] = round(time.perf_counter() - started, 6) if fields["ran"] else 0.0


def _check(name: str, needs: set[str], response: Response) -> None:
    """Raises WaitedError when a stage that ``name`` waited for has failed."""
    failed = sorted(stage for stage in needs if response[stage]["error"])
    if failed:
        raise WaitedError(f"{name}: it waited for {', '.join(failed)}, which failed; see the error there")


def _unforeseen(name: str, error: Exception) -> StageFailedError:
    """Logs where it broke, not what the exception says: that may repeat the caller's data."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "an unknown place"
    log.error("stage %s: %s at %s", name, type(error).__name__, place)
    return StageFailedError(f"{name}: it broke ({type(error).__name__}); try again, then read the server's log")
