"""Answer paid calls from the results of OpenAI's Batch API, and collect those that have no result yet.

While MULTICHAIN_BATCH names a folder, a call of the Batch API's kinds is not sent. Its body has a digest; where
``results/DIGEST.json`` has the reply, the caller receives it as from the service. Otherwise the call is written to
``collected/DIGEST.json``, and the caller receives an error of the code PENDING. So all that stands above a call is the
same with the Batch API and without it: a stage of several calls is answered in as many rounds.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..config import environment

PENDING = "batch_pending"
"""Error code of a call that was collected."""
RESULTS_FOLDER, COLLECTED_FOLDER = "results", "collected"
PRICE_SHARE = 0.5
"""Share of the usual price that a call costs by the Batch API (openai.com/api/pricing, November 2026)."""
_PATHS = ("/v1/chat/completions", "/v1/images/generations", "/v1/responses")
_FAILED_DEPENDENCY = 424


def make_client_class(client_class: type[Any]) -> type[Any]:
    """Return a class of HTTP clients that answers from results, and collects.

    Args:
        client_class: A class of asynchronous clients of httpx.
    """

    class BatchClient(client_class):  # type: ignore[misc]  # a class of OpenAI's SDK
        """Sends all calls but those of the Batch API's kinds."""

        async def send(self, request: Any, **options: Any) -> Any:
            """Return the reply to a request."""
            path = next((path for path in _PATHS if request.url.path.endswith(path)), "")
            if request.method != "POST" or not path:
                return await super().send(request, **options)
            status, body = _look_up(path, str(request.url), json.loads(await request.aread()))
            return _make_response(request, status, body)

    return BatchClient


def share_of_price() -> float:
    """Return the share of the usual price that calls of the Batch API's kinds cost now."""
    return PRICE_SHARE if environment.BATCH_FOLDER.read() else 1.0


def _look_up(path: str, url: str, body: dict[str, Any]) -> tuple[int, Any]:
    """Return HTTP status and body of the reply to a call; collect the call when there is none."""
    folder = Path(environment.BATCH_FOLDER.read())
    digest = sha256(json.dumps([path, body], sort_keys=True).encode()).hexdigest()
    result = folder / RESULTS_FOLDER / f"{digest}.json"
    if result.is_file():
        reply = json.loads(result.read_text("utf-8"))
        return int(reply["status"]), reply["body"]
    collected = folder / COLLECTED_FOLDER / f"{digest}.json"
    if not collected.is_file():
        collected.parent.mkdir(parents=True, exist_ok=True)
        unfinished = collected.with_suffix(".part")
        base = url.partition(path)[0] + "/v1"
        unfinished.write_text(json.dumps({"base_url": base, "url": path, "body": body}), "utf-8")
        unfinished.replace(collected)
    error = {"message": "collected for the Batch API", "type": "batch", "code": PENDING, "param": None}
    return _FAILED_DEPENDENCY, {"error": error}


def _make_response(request: Any, status: int, body: Any) -> Any:
    from httpx2 import Response  # what OpenAI's SDK calls with

    return Response(status, json=body, request=request)
