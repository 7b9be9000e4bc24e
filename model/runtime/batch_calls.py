"""Answer paid calls from the results of a Batch API, and collect those that have no result yet.

While MULTICHAIN_BATCH names a folder, a call of the Batch API's kinds is not sent. Its body has a digest; where
``results/DIGEST.json`` has the reply, the caller receives it as from the service. Otherwise the call is written to
``collected/DIGEST.json``, and the caller receives an error of the code PENDING. So all that stands above a call is the
same with the Batch API and without it: a stage of several calls is answered in as many rounds. Azure's Batch API
answers chats alone, so its other calls are refused rather than sent at the full price.
"""

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..config import environment

PENDING, UNSUPPORTED = "batch_pending", "batch_unsupported"
"""Error codes of a call that was collected, and of one that Azure's Batch API does not answer."""
RESULTS_FOLDER, COLLECTED_FOLDER = "results", "collected"
PRICE_SHARE = 0.5
"""Share of the usual price that a call costs by the Batch API (openai.com/api/pricing, November 2026)."""
_PATHS = ("/v1/chat/completions", "/v1/images/generations", "/v1/responses")
_AZURE_PATH = re.compile(r"/openai(?:/deployments/([^/]+))?(/chat/completions|/images/generations|/responses)")
_AZURE_KIND = "/chat/completions"
_BAD_REQUEST, _FAILED_DEPENDENCY = 400, 424


@dataclass(frozen=True, slots=True)
class _Call:
    """A call of the Batch API's kinds.

    Attributes:
        base_url: Address of the service: up to its ``/v1``, or an Azure resource with its ``api-version``.
        path: Path of the call, as a line of a file names it.
        model: Deployment that an address on Azure names; empty elsewhere.
        is_supported: Whether the service's Batch API answers such calls.
    """

    base_url: str
    path: str
    model: str = ""
    is_supported: bool = True


def make_client_class(client_class: type[Any]) -> type[Any]:
    """Return a class of HTTP clients that answers from results, and collects.

    Args:
        client_class: A class of asynchronous clients of httpx.
    """

    class BatchClient(client_class):  # type: ignore[misc]  # a class of OpenAI's SDK
        """Sends all calls but those of the Batch API's kinds."""

        async def send(self, request: Any, **options: Any) -> Any:
            """Return the reply to a request."""
            call = _find_call(request.url) if request.method == "POST" else None
            if call is None:
                return await super().send(request, **options)
            status, body = _look_up(call, json.loads(await request.aread()))
            return _make_response(request, status, body)

    return BatchClient


def share_of_price() -> float:
    """Return the share of the usual price that calls of the Batch API's kinds cost now."""
    return PRICE_SHARE if environment.BATCH_FOLDER.read() else 1.0


def _find_call(url: Any) -> _Call | None:  # httpx's
    """Return what kind of the Batch API's calls goes to an address; None where it is none."""
    azure = _AZURE_PATH.fullmatch(url.path)
    if azure:
        deployment, path = azure.groups()
        address = f"{url.scheme}://{url.netloc.decode()}?api-version={url.params.get('api-version', '')}"
        return _Call(address, path, deployment or "", path == _AZURE_KIND)
    path = next((path for path in _PATHS if url.path.endswith(path)), "")
    return _Call(str(url).partition(path)[0] + "/v1", path) if path else None


def _look_up(call: _Call, body: dict[str, Any]) -> tuple[int, Any]:
    """Return HTTP status and body of the reply to a call; collect the call when there is none."""
    if not call.is_supported:
        return _BAD_REQUEST, _make_error(UNSUPPORTED, "not among the calls of this Batch API")
    if call.model:
        body = body | {"model": call.model + environment.BATCH_SUFFIX.read()}
    folder = Path(environment.BATCH_FOLDER.read())
    digest = sha256(json.dumps([call.path, body], sort_keys=True).encode()).hexdigest()
    result = folder / RESULTS_FOLDER / f"{digest}.json"
    if result.is_file():
        reply = json.loads(result.read_text("utf-8"))
        return int(reply["status"]), reply["body"]
    collected = folder / COLLECTED_FOLDER / f"{digest}.json"
    if not collected.is_file():
        collected.parent.mkdir(parents=True, exist_ok=True)
        unfinished = collected.with_suffix(".part")
        unfinished.write_text(json.dumps({"base_url": call.base_url, "url": call.path, "body": body}), "utf-8")
        unfinished.replace(collected)
    return _FAILED_DEPENDENCY, _make_error(PENDING, "collected for the Batch API")


def _make_error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "batch", "code": code, "param": None}}


def _make_response(request: Any, status: int, body: Any) -> Any:
    from httpx2 import Response  # what OpenAI's SDK calls with

    return Response(status, json=body, request=request)
