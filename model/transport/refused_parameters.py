"""Call a server without the parameters that it refuses, which its first refusal teaches."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from .error_mapping import find_refused_parameter

T = TypeVar("T")


async def call_without_refused(call: Callable[[], Awaitable[T]], parameters: Iterable[str], refused: set[str]) -> T:
    """Return the result of ``call``, repeated without each parameter that the server refuses.

    Args:
        call: Makes the call, without the parameters in ``refused``.
        parameters: Names of the parameters without which the call can be made.
        refused: What the server is known to refuse; a refusal adds to it.

    Raises:
        Exception: The server refused the call for another reason.
    """
    parameters = frozenset(parameters)
    while True:
        try:
            return await call()
        except Exception as error:
            name, sent = find_refused_parameter(error, parameters), parameters - refused
            if not name or not sent:
                raise
            refused |= {name} if name in sent else sent  # one that is left out already stands for its kin
