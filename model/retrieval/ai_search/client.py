"""One question to an index of AI Search, by its REST call, with the patience and the pace of all other calls."""

from collections.abc import Callable
from typing import Any, TypeVar

from ...contract.fields import Values
from ...errors import CredentialError, MultichainError, ProviderError
from ...runtime import loop_resources
from ...transport import databricks_client
from ...transport.error_mapping import is_lost, passing, reading, status
from ...transport.rate_limiter import Endpoint, heard
from ...transport.retry import patiently

T = TypeVar("T")

_PATH = "/api/2.0/vector-search/indexes/{}/query"
_ENDPOINT = Endpoint("search", "ai_search")
_TIMEOUT = 30.0
_UNAUTHENTICATED, _ABSENT = 401, {403, 404}


class RefusedError(Exception):
    """An answer that is an error, as retry.py and pace.py read one."""

    def __init__(self, response: Any) -> None:  # httpx's
        super().__init__(response.status_code)
        self.status_code, self.response = int(response.status_code), response


async def query(index: str, body: Values, read: Callable[[Values], T]) -> T:
    """What ``read`` makes of the answer to ``body``. Raises MultichainError."""

    async def ask() -> T:
        async with _ENDPOINT.turn():
            client = await databricks_client.shared()
            response = await loop_resources.http(_heard).post(
                str(client.config.host).rstrip("/") + _PATH.format(index),
                json=body,
                headers=await databricks_client.headers(),
                timeout=_TIMEOUT,
            )
            if response.is_error:
                raise RefusedError(response)
            with reading():
                return read(response.json())

    try:
        return await patiently(ask)
    except MultichainError:
        raise
    except Exception as error:  # noqa: BLE001 - what is no answer's fault is raised as it is
        raise _failure(f"the AI Search index {index}", error) from None


def _failure(name: str, error: Exception) -> MultichainError:
    """What ``error`` is to a caller. Raises ``error`` itself when no answer was the cause."""
    if not (is_lost(error) or isinstance(error, RefusedError)):
        raise error
    told = status(error)
    if told == _UNAUTHENTICATED:
        return CredentialError(databricks_client.UNKNOWN)
    if told in _ABSENT:
        return ProviderError(
            f"{name} is not there, or not permitted; grant SELECT on it, and USE on its catalog and schema"
        )
    return passing(name, error) or ProviderError(
        f"{name} did not take the query (HTTP {told}); check the part index of the profile, and the filter"
    )


async def _heard(response: Any) -> None:  # httpx's
    """Takes what a response's headers say of the pace."""
    heard(response.headers)
