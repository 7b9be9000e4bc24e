"""A server with all doors to a scripted target, for the tests of the doors."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette

from serving.doors.app import make_door_app
from serving.doors.calls import CallRecorder
from serving.doors.settings import DoorSettings
from serving.errors import RefusedError
from serving.targets import Event, replay_response

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
"""A PNG of one pixel."""
SOURCES = [
    {
        "source": "handbook/travel.md",
        "title": "Handbook",
        "heading": "Handbook > Travel expenses",
        "page": 3,
        "start": 10,
        "end": 80,
        "text": "<b>Travel</b> expenses\nA night costs at most\n120 euros. Ask before you book.",
        "tags": ["url=https://example.com/travel", "team=people"],
        "score": 0.8,
        "cited": True,
    },
    {
        "source": "faq.md",
        "title": "FAQ",
        "heading": "",
        "page": 0,
        "start": 0,
        "end": 20,
        "text": "Nothing about nights.",
        "tags": ["url=javascript:alert(1)"],
        "score": 0.4,
        "cited": False,
    },
]
ANSWER = "A night costs at most 120 euros. [1] <img src=x onerror=alert(1)>"
USAGE = {"input_tokens": 7, "output_tokens": 3, "images": 0, "cost": 0.25, "cost_known": True, "cached": False}
COMMON = {"ran": True, "error": "", "seconds": 0.5, "answered_by": "scripted", "notes": [], "usage": USAGE}
QA = {"answer": ANSWER, "support": 0.5, "abstained": False, "sources": SOURCES, **COMMON}
IMAGE = {
    "image": PIXEL,
    "mime_type": "image/png",
    "url": "",
    "sha256": "",
    "alt_text": "One pixel",
    **COMMON,
    "notes": ["drawn_from_prompt: the picture shows the prompt's own words"],
}
_SOURCE_FIELDS = [
    {"name": name, "kind": kind, "description": f"The {name}."}
    for name, kind in {"source": "text", "title": "text", "heading": "text", "page": "integer", "tag": "text"}.items()
]
_TEXT = {"kind": "text", "required": True, "least": 0}
_COMMON_OUTPUTS = [
    {"name": "ran", "kind": "boolean", "description": "Whether it ran."},
    {"name": "error", "kind": "text", "description": "The error."},
    {"name": "answered_by", "kind": "text", "description": "Who answered."},
]
DESCRIPTION: dict[str, Any] = {
    "stages": {
        "qa": {
            "kind": "retrieval_qa",
            "inputs": [
                {"name": "question", "description": "The question to answer.", "most": 10000, **_TEXT},
                {"name": "k", "kind": "integer", "description": "Number of passages.", "least": 1, "most": 50},
                {"name": "filter", "kind": "object", "description": "Limits the passages.", "fields": _SOURCE_FIELDS},
                {
                    "name": "history",
                    "kind": "list",
                    "description": "Earlier questions.",
                    "least": 0,
                    "most": 100,
                    "fields": [
                        {"name": "question", "description": "The question.", "most": 10000, **_TEXT},
                        {"name": "answer", "kind": "text", "description": "The answer."},
                    ],
                },
            ],
            "outputs": [
                {"name": "answer", "kind": "text", "description": "The answer; [n] cites the n-th source."},
                {"name": "abstained", "kind": "boolean", "description": "Whether the documents lack the answer."},
                {"name": "sources", "kind": "list", "description": "The passages.", "fields": _SOURCE_FIELDS},
                *_COMMON_OUTPUTS,
            ],
            "unless": "",
            "providers": {},
            "refers": [],
        },
        "image_generation": {
            "kind": "image_generation",
            "inputs": [
                {"name": "prompt", "description": "What to draw.", "most": 32000, **_TEXT},
                {"name": "style", "kind": "text", "description": "Form.", "choices": ["map", "flow"]},
                {"name": "size", "kind": "text", "description": "Width and height.", "least": 0, "most": 9},
                {"name": "sample", "kind": "integer", "description": "Which picture.", "least": 1, "most": 100},
            ],
            "outputs": [
                {"name": "image", "kind": "image", "description": "The image in base64."},
                {"name": "mime_type", "kind": "text", "description": "Its type."},
                *_COMMON_OUTPUTS,
            ],
            "unless": "",
            "providers": {},
            "refers": [],
        },
        "caption": {
            "kind": "runnable",
            "inputs": [{"name": "run", "kind": "boolean", "description": "true runs the stage."}],
            "outputs": [{"name": "text", "kind": "text", "description": "The caption."}, *_COMMON_OUTPUTS],
            "unless": "",
            "providers": {},
            "refers": ["qa.answer"],
        },
    },
    "example": {"qa": {"question": "What does a night cost?"}},
    "questions": ["What does a night cost?", "Who asks?"],
}
_FIELDS = {"qa": QA, "image_generation": IMAGE, "caption": {"text": "A caption", **COMMON}}
_EMPTY = {"ran": False, "error": "", "seconds": 0.0, "answered_by": "", "notes": [], "usage": dict.fromkeys(USAGE, 0)}


class Events(Iterator[Event]):
    """Events with a pause in seconds before each, until they are closed."""

    def __init__(self, events: list[Event], pause: float) -> None:
        self._events, self._pause = iter(events), pause
        self.is_closed = threading.Event()

    def __next__(self) -> Event:
        if self.is_closed.wait(self._pause):
            raise StopIteration
        return next(self._events)

    def close(self) -> None:
        self.is_closed.set()


class ScriptedTarget:
    """A target that answers every request alike, and records the requests.

    Attributes:
        fields: The output fields of each stage.
        pause: Seconds before each event of a stream.
        trace_id: The trace that each response names.
        error: An error that ``ask`` and ``stream`` raise; None for none.
    """

    def __init__(self) -> None:
        self.fields: dict[str, dict[str, Any]] = {name: dict(fields) for name, fields in _FIELDS.items()}
        self.description = DESCRIPTION
        self.requests: list[dict[str, Any]] = []
        self.tokens: list[str] = []
        self.streams: list[Events] = []
        self.pause, self.trace_id, self.streams_text = 0.0, "", True
        self.error: Exception | None = None

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(request)
        if self.error:
            raise self.error
        for stage, values in request.items():
            if "" in values.values():
                raise RefusedError(f"invalid_request: {stage}: expected text")
        response = {name: fields if name in request else fields | _EMPTY for name, fields in self.fields.items()}
        return response | {"meta": {"version": "7", "trace_id": self.trace_id, "description": ""}}

    def stream(self, request: dict[str, Any]) -> Events:
        response = self.ask(request)
        tokens = [
            {"stage": "qa", "kind": "token", "text": piece}
            for piece in self.fields["qa"]["answer"].split(" ")
            if "qa" in request and self.streams_text
        ]
        spaced = [event | {"text": f"{event['text']} "} for event in tokens[:-1]] + tokens[-1:]
        self.streams.append(Events([*spaced, *replay_response(response)], self.pause))
        return self.streams[-1]

    def describe(self) -> dict[str, Any]:
        if self.error:
            raise self.error
        return self.description

    def with_token(self, token: str) -> "ScriptedTarget":
        self.tokens.append(token)
        return self


def make_app(target: ScriptedTarget, settings: DoorSettings | None = None) -> Starlette:
    """Return the application with all doors to a target."""
    settings = settings or DoorSettings()
    recorder = CallRecorder(notes_questions=settings.notes_questions)
    return make_door_app(target, "models:/scripted/7", settings, recorder)


@contextmanager
def serve_app(app: Starlette) -> Iterator[str]:
    """Serve an application on a free port, and yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
