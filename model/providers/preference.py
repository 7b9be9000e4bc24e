"""The first model of several that answers."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from typing import TypeVar

from .. import account
from ..errors import MultichainError, UnavailableError
from .failure import failure
from .retry import patiently

M = TypeVar("M")
T = TypeVar("T")


Turn = Callable[[M], AbstractAsyncContextManager[object]]
"""Waits until a call of a model may begin (pace.py)."""


async def first(
    models: Mapping[str, M], ask: Callable[[M], Awaitable[T]], turn: Turn[M] = nullcontext
) -> tuple[str, T]:
    """The name and answer of the first of ``models`` that is there, permitted and within its quota.

    Each attempt waits for its ``turn``.
    A note tells which were passed over. Raises the last one's error when none is left, and any other error at
    once: what another model might answer differently is no reason to send it the data.
    """
    last: MultichainError = UnavailableError("the profile names no model; name one")
    for name, model in models.items():
        try:
            return name, await patiently(partial(_asked, ask, model, turn))
        except MultichainError:
            raise
        except Exception as error:  # noqa: BLE001 - failure raises again what is no SDK's
            last = failure(name, error)
            if not isinstance(last, UnavailableError):
                raise last from None
            account.note("model_passed_over", str(last).partition(";")[0])
    raise last


async def _asked(ask: Callable[[M], Awaitable[T]], model: M, turn: Turn[M]) -> T:
    async with turn(model):
        return await ask(model)
