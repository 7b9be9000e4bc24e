"""Query an index of AI Search by its REST call, with the retries and limits of all other calls."""

from collections.abc import Callable
from typing import Any, TypeVar

from ...contract.fields import StageValues
from ...errors import CredentialError, MultichainError, RejectedCallError
from ...runtime import loop_resources
from ...transport import databricks_client
from ...transport.error_mapping import http_status, is_no_response, map_transient_error, parsing_response
from ...transport.rate_limiter import Operation, observe_headers
from ...transport.retry import call_with_retries

T = TypeVar("T")

_PATH = "/api/2.0/vector-search/indexes/{}/query"
_OPERATION = Operation("search", "ai_search")
_TIMEOUT = 30.0
_UNAUTHENTICATED, _NOT_FOUND_STATUSES = 401, {403, 404}


class HTTPStatusError(Exception):
    """An HTTP error response, in the form that retry.py and rate_limiter.py read."""

    def __init__(self, response: Any) -> None:  # httpx's
        super().__init__(response.status_code)
        self.status_code, self.response = int(response.status_code), response


async def query_index(index: str, body: StageValues, read: Callable[[StageValues], T]) -> T:
    """Send a query to an index.

    Args:
        index: Name in Unity Catalog: catalog, schema and index.
        body: Body of the REST call.
        read: Parses the JSON of the response.

    Returns:
        What ``read`` returns.

    Raises:
        ProviderError: The index does not exist, is not permitted, or did not answer.
    """

    async def call() -> T:
        async with _OPERATION.acquire():
            client = await databricks_client.shared_client()
            response = await loop_resources.http_client(_observe_headers).post(
                str(client.config.host).rstrip("/") + _PATH.format(index),
                json=body,
                headers=await databricks_client.authentication_headers(),
                timeout=_TIMEOUT,
            )
            if response.is_error:
                raise HTTPStatusError(response)
            with parsing_response():
                return read(response.json())

    try:
        return await call_with_retries(call)
    except MultichainError:
        raise
    except Exception as error:  # noqa: BLE001 - what is no answer's fault is raised as it is
        raise _map_error(f"the AI Search index {index}", error) from None


def _map_error(name: str, error: Exception) -> MultichainError:
    """Return the error for a caller.

    Raises:
        Exception: ``error`` itself, when no response caused it.
    """
    if not (is_no_response(error) or isinstance(error, HTTPStatusError)):
        raise error
    status_code = http_status(error)
    if status_code == _UNAUTHENTICATED:
        return CredentialError(databricks_client.UNAUTHENTICATED_MESSAGE)
    if status_code in _NOT_FOUND_STATUSES:
        return RejectedCallError(
            f"{name} is not there, or not permitted; grant SELECT on it, and USE on its catalog and schema"
        )
    return map_transient_error(name, error) or RejectedCallError(
        f"{name} did not take the query (HTTP {status_code}); check the part index of the profile, and the filter"
    )


async def _observe_headers(response: Any) -> None:  # httpx's
    """Takes what a response's headers say of the pace."""
    observe_headers(response.headers)
