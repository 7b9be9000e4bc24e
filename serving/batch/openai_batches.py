"""Send collected calls by the Batch API of OpenAI or Azure, at half the price, and fetch what it answers.

A loaded version whose MULTICHAIN_BATCH names a folder writes each call that it would send into ``collected``, and reads
replies from ``results`` (model/runtime/batch_calls.py). Here calls become files of lines, files batches, and
batches' lines results. A batch's id is in the ledger before anything else happens, and a batch of which the id was lost
is found again by its file's checksum. References: platform.openai.com/docs/guides/batch and
learn.microsoft.com/azure/ai-services/openai/how-to/batch.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any

from ..errors import ServingError
from .ledger import Ledger

FOLDER_VARIABLE = "MULTICHAIN_BATCH"
CALLS_FOLDER = "calls"
"""Folder beside the ledger with collected calls and their results."""
MAX_LINES, MAX_BYTES = 50_000, 190_000_000
"""Bounds of a file: 50,000 calls, and a little less than 200 MB."""
_PREFIX, _KEY_VARIABLE, _AZURE_KEY_VARIABLE = "MULTICHAIN_", "OPENAI_API_KEY", "AZURE_OPENAI_API_KEY"
_AZURE_MARK = "?api-version="
_AZURE_SCOPE = "https://cognitiveservices.azure.com/.default"
_FACT, _METADATA = "batches", "multichain"
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_USABLE = frozenset({"validating", "in_progress", "finalizing", "completed"})
_FIRST_PAUSE, _MAX_PAUSE = 0.5, 60.0
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class CollectedCall:
    """A call that is to be sent.

    Attributes:
        digest: Digest of path and body, by which its reply is found.
        base_url: Address of the service, up to its ``/v1``; of Azure, the resource's with its ``api-version``.
        url: Path of the call.
        body: Body of the call.
    """

    digest: str
    base_url: str
    url: str
    body: dict[str, Any]


class OpenAIBatches:
    """The batches of one ledger.

    Args:
        ledger: Keeps the ids of batches.
        folder: The ledger's folder.
        report: Receives a line for each batch that is sent or ends.
    """

    def __init__(self, ledger: Ledger, folder: Path, report: Callable[[str], None]) -> None:
        self._ledger, self._folder, self._report = ledger, folder / CALLS_FOLDER, report
        self._clients: dict[str, Any] = {}

    def answer_collected(self) -> int:
        """Send the collected calls that have no result, wait for them, and return how many got one.

        Raises:
            ServingError: The service has no Batch API, refused a file or a key, or cannot be reached. The same command
                goes on with the batches that were sent.
        """
        before = len(self._list_results())
        self._await_batches()  # those of a run that was ended
        for base_url, calls in groupby(sorted(self._list_calls(), key=_order), key=lambda call: call.base_url):
            sent = self._list_sent(base_url)
            for file in _make_files(list(calls)):
                self._submit(base_url, file, sent)
        self._await_batches()
        return len(self._list_results()) - before

    def _list_calls(self) -> Iterator[CollectedCall]:
        """Yield the collected calls without a result."""
        results = self._list_results()
        for file in sorted((self._folder / "collected").glob("*.json")):
            if file.stem not in results:
                yield CollectedCall(file.stem, **json.loads(file.read_text("utf-8")))

    def _list_results(self) -> set[str]:
        return {file.stem for file in (self._folder / "results").glob("*.json")}

    def _list_sent(self, base_url: str) -> dict[str, str]:
        """Return the ids of usable batches at a service that this project sent, by the checksums of their files."""
        with _translating_errors():
            batches = [batch for batch in self._client(base_url).batches.list() if batch.status in _USABLE]
        return {batch.metadata[_METADATA]: batch.id for batch in batches if _METADATA in (batch.metadata or {})}

    def _submit(self, base_url: str, lines: Sequence[bytes], sent: Mapping[str, str]) -> None:
        """Send a file, unless it was sent by a run that ended before it noted the batch."""
        content = b"".join(lines)
        checksum = sha256(content).hexdigest()
        url = json.loads(lines[0])["url"]
        name = sent.get(checksum)
        if name is None:
            client = self._client(base_url)
            with _translating_errors():
                file = client.files.create(file=("batch.jsonl", content), purpose="batch")
                if _AZURE_MARK in base_url:  # which reads a file before a batch may name it
                    client.files.wait_for_processing(file.id, poll_interval=_FIRST_PAUSE)
                name = client.batches.create(
                    input_file_id=file.id, endpoint=url, completion_window="24h", metadata={_METADATA: checksum}
                ).id
        self._write_open([*self._read_open(), [base_url, name]])
        self._report(f"Sent {len(lines)} calls of {url} as {name}")

    def _await_batches(self) -> None:
        """Wait for the batches that are under way, and fetch what they answered."""
        pause = _FIRST_PAUSE
        while waiting := self._read_open():
            remaining = []
            for base_url, name in waiting:
                client = self._client(base_url)
                with _translating_errors():
                    batch = client.batches.retrieve(name)
                    if batch.status in _ENDED:
                        self._fetch(client, batch)
                    else:
                        remaining.append([base_url, name])
            self._write_open(remaining)
            if remaining:
                time.sleep(pause)
                pause = min(pause * 1.5, _MAX_PAUSE)

    def _fetch(self, client: Any, batch: Any) -> None:
        """Write the results of a batch that has ended; calls that it did not answer are sent again later."""
        if batch.status == "failed":
            self._write_open([entry for entry in self._read_open() if entry[1] != batch.id])
            problems = list(batch.errors.data or []) if batch.errors else []
            first = problems[0] if problems else None
            location = f" by line {first.line}" if first is not None and first.line else ""
            code = first.code if first is not None else "without a reason"
            raise ServingError(
                f"the Batch API refused {batch.id}{location} ({code}); nothing was paid for it. Run "
                "without --batch-api, or report this"
            )
        count = 0
        for file in filter(None, [batch.output_file_id, batch.error_file_id]):
            for line in client.files.content(file).text.splitlines():
                count += self._write_result(json.loads(line))
        self._report(f"{batch.id} {batch.status}: {count} calls answered")

    def _write_result(self, line: dict[str, Any]) -> bool:
        """Write the reply of a line, and return whether it is one; errors of the service are asked again."""
        response = line.get("response")
        if not response or response["status_code"] >= _SERVER_ERROR:
            return False
        file = self._folder / "results" / f"{line['custom_id']}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".part")
        unfinished.write_text(json.dumps({"status": response["status_code"], "body": response["body"]}), "utf-8")
        unfinished.replace(file)
        return True

    def _client(self, base_url: str) -> Any:
        """Return the client of a service, which is made once."""
        if base_url not in self._clients:
            self._clients[base_url] = _connect(base_url)
        return self._clients[base_url]

    def _read_open(self) -> list[list[str]]:
        """Return address and id of each batch that is under way."""
        batches: list[list[str]] = json.loads(self._ledger.read_fact(_FACT) or "[]")
        return batches

    def _write_open(self, batches: list[list[str]]) -> None:
        self._ledger.write_facts(**{_FACT: json.dumps(batches)})


def collect_calls(folder: Path) -> None:
    """Let versions that are loaded from now on collect calls beside the ledger in a folder, instead of sending them."""
    os.environ[FOLDER_VARIABLE] = str((folder / CALLS_FOLDER).absolute())


def _make_files(calls: Sequence[CollectedCall]) -> Iterator[list[bytes]]:
    """Yield the lines of files: each of one path and one model, within the bounds of a file."""
    for _, group in groupby(calls, key=_order):
        lines: list[bytes] = []
        size = 0
        for call in group:
            entry = {"custom_id": call.digest, "method": "POST", "url": call.url, "body": call.body}
            line = json.dumps(entry, sort_keys=True).encode() + b"\n"
            if lines and (len(lines) == MAX_LINES or size + len(line) > MAX_BYTES):
                yield lines
                lines, size = [], 0
            lines.append(line)
            size += len(line)
        yield lines


def _order(call: CollectedCall) -> tuple[str, str, str]:
    return call.base_url, call.url, str(call.body.get("model", ""))


def _connect(base_url: str) -> Any:
    """Return a client of OpenAI's SDK.

    Raises:
        ServingError: There is no key, or the address is Azure's without an ``api-version``.
    """
    import openai  # half a second

    address, mark, version = base_url.partition(_AZURE_MARK)
    if mark:
        key = _read_credential(_AZURE_KEY_VARIABLE)
        credential = {"api_key": key} if key else {"azure_ad_token_provider": _make_token_source()}
        return openai.AzureOpenAI(azure_endpoint=address, api_version=version, **credential)
    if "azure.com" in base_url:
        raise ServingError("--batch-api on Azure is for profiles of the provider azure; run without --batch-api")
    key = _read_credential(_KEY_VARIABLE)
    if not key:
        raise ServingError(f"--batch-api needs {_KEY_VARIABLE}")
    return openai.OpenAI(base_url=base_url, api_key=key)


def _read_credential(name: str) -> str:
    return os.environ.get(f"{_PREFIX}{name}") or os.environ.get(name, "")


def _make_token_source() -> Callable[[], str]:
    """Return a source of tokens of Entra ID.

    Raises:
        ServingError: azure-identity is not installed; the source raises it when no identity gets a token.
    """
    try:
        from azure.core.exceptions import ClientAuthenticationError
        from azure.identity import DefaultAzureCredential
    except ImportError:
        raise ServingError(f"--batch-api needs {_AZURE_KEY_VARIABLE}, or pip install -e '.[azure]'") from None
    credential = DefaultAzureCredential()

    def token() -> str:
        try:
            return str(credential.get_token(_AZURE_SCOPE).token)
        except ClientAuthenticationError:
            raise ServingError(f"--batch-api needs {_AZURE_KEY_VARIABLE}, or an identity that Azure knows") from None

    return token


@contextmanager
def _translating_errors() -> Iterator[None]:
    """Translate the SDK's errors in the block into sentences, which repeat nothing that the service said.

    Raises:
        ServingError: The service refused a call, or cannot be reached.
    """
    import openai

    try:
        yield
    except openai.NotFoundError:
        raise ServingError("the service has no Batch API, or lost a batch; run without --batch-api") from None
    except openai.APIStatusError as error:
        status = error.status_code
        raise ServingError(
            f"the Batch API answered HTTP {status}; check the key, and run the same command again"
        ) from None
    except openai.APIError:
        raise ServingError("the Batch API cannot be reached; the same command goes on") from None
