"""Imitate the Batch API of OpenAI and Azure: files, batches with their statuses, results, errors by line, and expiry.

A batch is checked line by line when it begins, as by the service: a line that is not as documented fails the whole
batch, with the number of the line. It is under way for some polls; its lines are answered as calls are, and what the
API refuses goes to the error file. A test can let a batch expire after some lines. On Azure, lines have a path of their
own, answer chats alone, and a file is read before a batch may name it.
"""

import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .errors import RefusedError, invalid_request

JsonObject = dict[str, Any]
Answer = Callable[[str, JsonObject], Response]
"""Returns the response to a call of a path with a body."""

ENDPOINTS = {"/v1/chat/completions", "/v1/embeddings", "/v1/images/generations", "/v1/responses"}
AZURE_ENDPOINTS = {"/chat/completions"}
_MAX_LINES, _MAX_BYTES = 50_000, 200_000_000
_LINE_KEYS = {"custom_id", "method", "url", "body"}
_POLLS = 2
_CREATED = 1_790_000_000


class Batches:
    """Files and batches.

    Attributes:
        files: Contents of files by id.
        batches: Batches by id, as the API shows them.
        answered: Paths of the lines that were answered, in order.
        expiring_after: Lines after which the next batch expires; None for no expiry.
        polls: Polls for which a batch is under way.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.files: dict[str, bytes] = {}
        self._unread_files: set[str] = set()
        self.batches: dict[str, JsonObject] = {}
        self.answered: list[str] = []
        self.expiring_after: int | None = None
        self.polls = _POLLS

    def clear(self) -> None:
        """Remove all files and batches."""
        for collection in (self.files, self._unread_files, self.batches, self.answered):
            collection.clear()
        self.expiring_after, self.polls = None, _POLLS

    def routes(self, let_in: Callable[..., Any]) -> list[Route]:
        """Return the routes of files and batches.

        Args:
            let_in: Wraps a handler with the check of the caller's key.
        """
        return [
            Route("/v1/files", let_in(self._upload), methods=["POST"]),
            Route("/v1/files/{id}/content", let_in(self._download)),
            Route("/v1/batches", let_in(self._create), methods=["POST"]),
            Route("/v1/batches", let_in(self._list), methods=["GET"]),
            Route("/v1/batches/{id}", let_in(self._retrieve)),
            Route("/openai/files", let_in(self._upload_to_azure), methods=["POST"]),
            Route("/openai/files/{id}", let_in(self._read_on_azure)),
            Route("/openai/files/{id}/content", let_in(self._download)),
            Route("/openai/batches", let_in(self._create_on_azure), methods=["POST"]),
            Route("/openai/batches", let_in(self._list), methods=["GET"]),
            Route("/openai/batches/{id}", let_in(self._retrieve)),
        ]

    async def _upload_to_azure(self, request: Request) -> Response:
        name = await self._receive(request)
        self._unread_files.add(name)
        return JSONResponse(self._show_file(name))

    async def _read_on_azure(self, request: Request) -> Response:
        name = request.path_params["id"]
        if name not in self.files:
            raise RefusedError(404, "not_found", "No such File object")
        self._unread_files.discard(name)
        return JSONResponse(self._show_file(name))

    async def _create_on_azure(self, request: Request) -> Response:
        if (await request.json()).get("input_file_id") in self._unread_files:
            raise invalid_request("The input file is not processed yet.", "input_file_id")
        return await self._create_at(request, AZURE_ENDPOINTS)

    async def _upload(self, request: Request) -> Response:
        return JSONResponse(self._show_file(await self._receive(request)))

    async def _receive(self, request: Request) -> str:
        """Store the file of a request, and return its id."""
        async with request.form() as form:
            content = form["file"]
            data = content.encode() if isinstance(content, str) else await content.read()
            if form.get("purpose") != "batch":
                raise invalid_request("The stand-in takes files for batches alone.", "purpose")
        if len(data) > _MAX_BYTES:
            raise RefusedError(413, "file_too_large", "The file is larger than 200 MB.")
        return self._store(data)

    async def _download(self, request: Request) -> Response:
        if request.path_params["id"] not in self.files:
            raise RefusedError(404, "not_found", "No such File object")
        return Response(self.files[request.path_params["id"]], media_type="application/jsonl")

    async def _create(self, request: Request) -> Response:
        return await self._create_at(request, ENDPOINTS)

    async def _create_at(self, request: Request, endpoints: set[str]) -> Response:
        body = await request.json()
        if body.keys() - {"metadata"} != {"input_file_id", "endpoint", "completion_window"}:
            raise invalid_request("Expected input_file_id, endpoint and completion_window.")
        if body["endpoint"] not in endpoints or body["completion_window"] != "24h":
            raise invalid_request("Unknown endpoint or completion window.")
        if body["input_file_id"] not in self.files:
            raise RefusedError(404, "not_found", "No such File object")
        batch = {
            "id": f"batch_{len(self.batches) + 1}",
            "object": "batch",
            "created_at": _CREATED,
            "status": "validating",
            "errors": None,
            "output_file_id": None,
            "error_file_id": None,
            "polls": self.polls,
            **body,
        }
        self.batches[batch["id"]] = batch
        return JSONResponse(_show(batch))

    async def _list(self, _: Request) -> Response:
        data = [_show(batch) for batch in reversed(self.batches.values())]
        return JSONResponse({"object": "list", "data": data, "has_more": False})

    async def _retrieve(self, request: Request) -> Response:
        batch = self.batches.get(request.path_params["id"])
        if batch is None:
            raise RefusedError(404, "not_found", "No such batch")
        if batch["status"] in {"validating", "in_progress"}:
            self._go_on(batch)
        return JSONResponse(_show(batch))

    def _go_on(self, batch: JsonObject) -> None:
        lines, errors = _check_lines(self.files[batch["input_file_id"]], batch["endpoint"])
        if errors:
            batch |= {"status": "failed", "errors": {"object": "list", "data": errors}}
        elif batch["polls"]:
            batch |= {"status": "in_progress", "polls": batch["polls"] - 1}
        else:
            self._finish(batch, lines)

    def _finish(self, batch: JsonObject, lines: list[JsonObject]) -> None:
        """Answer the lines, or as many as come before the batch expires."""
        count = len(lines) if self.expiring_after is None else self.expiring_after
        status = "completed" if self.expiring_after is None else "expired"
        self.expiring_after = None
        outputs: list[JsonObject] = []
        errors: list[JsonObject] = []
        for line in lines[:count]:
            response = self._answer_line(line)
            entry = {"id": "batch_req_1", "custom_id": line["custom_id"], "response": response, "error": None}
            (outputs if response["status_code"] == 200 else errors).append(entry)
        for line in lines[count:]:
            error = {"code": "batch_expired", "message": "This request could not be executed before the batch expired."}
            errors.append({"id": "batch_req_1", "custom_id": line["custom_id"], "response": None, "error": error})
        for name, entries in (("output_file_id", outputs), ("error_file_id", errors)):
            if entries:
                batch[name] = self._store("".join(f"{json.dumps(entry)}\n" for entry in entries).encode())
        batch["status"] = status

    def _answer_line(self, line: JsonObject) -> JsonObject:
        path = line["url"].removeprefix("/v1").removeprefix("/")
        self.answered.append(path)
        try:
            response = self._answer(path, line["body"])
        except RefusedError as error:
            response = error.response()
        return {"status_code": response.status_code, "request_id": "req_1", "body": json.loads(bytes(response.body))}

    def _store(self, data: bytes) -> str:
        name = f"file-{len(self.files) + 1}"
        self.files[name] = data
        return name

    def _show_file(self, name: str) -> JsonObject:
        return {
            "id": name,
            "object": "file",
            "created_at": _CREATED,
            "status": "pending" if name in self._unread_files else "processed",
            "purpose": "batch",
            "filename": "batch.jsonl",
            "bytes": len(self.files[name]),
        }


def _check_lines(data: bytes, endpoint: str) -> tuple[list[JsonObject], list[JsonObject]]:
    """Return the lines of an input file, and the errors for which the whole batch fails."""
    lines: list[JsonObject] = []
    errors: list[JsonObject] = []
    texts = data.decode().splitlines()
    if not 0 < len(texts) <= _MAX_LINES:
        errors.append({"code": "invalid_file", "line": None, "message": "1 to 50,000 lines", "param": None})
    custom_ids: set[str] = set()
    for number, text in enumerate(texts, 1):
        try:
            line = _check_line(text, endpoint, lines[:1], custom_ids)
        except ValueError as problem:
            code = str(problem)
            errors.append({"code": code, "line": number, "message": f"line {number} is refused", "param": None})
        else:
            custom_ids.add(line["custom_id"])
            lines.append(line)
    return lines, errors


def _check_line(text: str, endpoint: str, first: list[JsonObject], custom_ids: set[str]) -> JsonObject:
    """Return a line of an input file.

    Args:
        text: The line.
        endpoint: Path of the batch's calls.
        first: The file's first line; empty for that line itself.
        custom_ids: Ids of the lines before.

    Raises:
        ValueError: The line is not as documented; the code of its error.
    """
    try:
        line: JsonObject = json.loads(text)
    except ValueError:
        raise ValueError("invalid_json_line") from None
    if line.keys() != _LINE_KEYS or line["method"] != "POST" or line["url"] != endpoint or line["body"].get("stream"):
        raise ValueError("invalid_request")
    if line["custom_id"] in custom_ids:
        raise ValueError("duplicate_custom_id")
    if first and line["body"].get("model") != first[0]["body"].get("model"):
        raise ValueError("mismatched_model")
    return line


def _show(batch: JsonObject) -> JsonObject:
    return {name: value for name, value in batch.items() if name != "polls"}
