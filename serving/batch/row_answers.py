"""Ask a target the requests of many rows, and make a row of the output of each response."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..doors.described_stage import DescribedStage
from ..errors import RefusedError, ServingError, find_code
from ..targets import LoadedTarget, Request, Response, Target
from .ledger import Answer
from .parts import USAGE_FIELDS, OutputRow

TRANSPORT_CODES = frozenset({"address", "credential", "model_unavailable", "provider_busy", "target"})
"""Codes of errors by which a provider or target cannot be reached, whatever the row."""
_CACHE_SECONDS = 30 * 24 * 3600
"""For how long a reply is kept that a killed run had paid for."""
_CACHE_BYTES = 4 * 10**9
PENDING = "pending"
"""Code of a row that waits for the Batch API."""
REPLIES_FOLDER = "replies"
"""Folder beside a ledger, in which replies are kept."""
_WINDOW_ROWS, _WINDOWS = 64, 4
_CALLS_AT_ONCE = 40
"""Calls of a version that was logged before versions told their number."""
_REMOTE_ROWS = 32
"""Rows that another server is asked at the same time."""


class RowAsker(Protocol):
    """Asks requests of rows.

    Attributes:
        window: Rows that are asked in one call.
        windows: Calls at the same time.
        repaid_calls: Most calls that are paid again when the process is killed.
    """

    window: int
    windows: int
    repaid_calls: int

    def ask(self, requests: Sequence[Request]) -> list[Response | str]:
        """Return a response to each request, or the error by which it was refused.

        Raises:
            ServingError: The target cannot be reached.
        """
        ...


class LoadedAsker:
    """Asks a version that is loaded here, many rows in a call, so that their embeddings are batched.

    Each reply that was paid for is kept in a folder until its row is in the ledger.
    """

    window, windows = _WINDOW_ROWS, _WINDOWS

    def __init__(self, target: LoadedTarget, calls_at_once: int) -> None:
        """Make an asker of a version that makes so many calls of chat and image models at once."""
        self._target, self.repaid_calls = target, calls_at_once

    def ask(self, requests: Sequence[Request]) -> list[Response | str]:
        """Return a response to each request.

        Raises:
            ServingError: The version returned something else than a response for each request.
        """
        return [*self._target.ask_rows(requests)]


class RemoteAsker:
    """Asks a server or an endpoint, one row in a call."""

    window, windows, repaid_calls = 1, _REMOTE_ROWS, _REMOTE_ROWS

    def __init__(self, target: Target) -> None:
        self._target = target

    def ask(self, requests: Sequence[Request]) -> list[Response | str]:
        """Return a response to each request, or the error by which it was refused.

        Raises:
            ServingError: The target cannot be reached.
        """
        return [self._ask_one(request) for request in requests]

    def _ask_one(self, request: Request) -> Response | str:
        try:
            return self._target.ask(request)
        except RefusedError as error:
            return error.message


def make_asker(target: Target, description: Mapping[str, Any]) -> RowAsker:
    """Return what asks a target, which describes itself so, the requests of rows."""
    if isinstance(target, LoadedTarget):
        return LoadedAsker(target, count_repaid_calls(description))
    return RemoteAsker(target)


def count_repaid_calls(description: Mapping[str, Any]) -> int:
    """Return how many calls a version makes at once, which are paid again when it is killed, by its description."""
    return int(description.get("calls_at_once", _CALLS_AT_ONCE))


def keep_replies(folder: Path) -> None:
    """Let versions keep replies beside the ledger in a folder, so that those of a killed run are not paid again."""
    for name, value in (reply_variables(folder) | {"MULTICHAIN_CACHE_BYTES": str(_CACHE_BYTES)}).items():
        os.environ.setdefault(name, value)


def reply_variables(folder: Path) -> dict[str, str]:
    """Return the variables by which a version keeps replies beside the ledger in a folder."""
    replies = str((folder / REPLIES_FOLDER).absolute())
    return {"MULTICHAIN_CACHE": replies, "MULTICHAIN_CACHE_SECONDS": str(_CACHE_SECONDS)}


def forget_replies(folder: Path) -> None:
    """Remove the replies that are kept in a folder; all rows that they belong to are in the ledger."""
    shutil.rmtree(folder / REPLIES_FOLDER, ignore_errors=True)


def make_answer(
    key: str,
    key_column: str,
    request_hash: str,
    request: Request,
    response: Response | str,
    stages: Sequence[DescribedStage],
    version: str,
) -> Answer:
    """Return the answer to a row.

    Args:
        key: The row's key, as JSON.
        key_column: Name of the key.
        request_hash: SHA-256 of the request.
        request: The row's request.
        response: The response, or the error by which the request was refused.
        stages: The version's stages.
        version: The version that was asked.

    Raises:
        ServingError: The response has other stages than the version's description.
    """
    if isinstance(response, str):
        outputs: dict[str, Any] = {stage.name: None for stage in stages}
        errors, usages, seconds = [response], [], 0.0
        version_of_answer = version
    else:
        if missing := [stage.name for stage in stages if stage.name not in response]:
            raise ServingError(
                f"the answers have no {', '.join(missing)}: another version serves than when the run began; run again"
            )
        outputs = {stage.name: response[stage.name] for stage in stages}
        errors = [str(outputs[name]["error"]) for name in outputs if outputs[name]["error"]]
        usages = [outputs[name]["usage"] for name in outputs]
        seconds = sum(outputs[name]["seconds"] for name in outputs)
        version_of_answer = str(response["meta"]["version"]) or version
    usage = {name: sum(int(each[name]) for each in usages) for name in USAGE_FIELDS}
    cost = sum(float(each["cost"]) for each in usages)
    output: OutputRow = {
        key_column: json.loads(key),
        "request": json.dumps(request, ensure_ascii=False),
        **outputs,
        "error": errors[0] if errors else "",
        "usage": usage,
        "cost": cost,
        "version": version_of_answer,
        "seconds": seconds,
    }
    is_pending = any(find_code(error) == PENDING for error in errors)
    return Answer(
        key,
        request_hash,
        version,
        PENDING if is_pending else find_code(errors[0]) if errors else "",
        cost,
        usage["input_tokens"] + usage["output_tokens"],
        seconds,
        output,
    )


def cannot_be_reached(answers: Sequence[Answer]) -> bool:
    """Return whether all answers failed because nothing could be reached, which says nothing of their rows."""
    return bool(answers) and all(answer.code in TRANSPORT_CODES for answer in answers)
