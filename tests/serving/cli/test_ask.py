"""The command ``ask``: requests from JSON or options, output, exit codes, and assessments; ports of ``up``."""

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import mlflow
import pytest
from click.testing import CliRunner, Result

from serving.__main__ import serving

STAGE = {
    "ran": True,
    "error": "",
    "answered_by": "gpt-4.1",
    "seconds": 0.5,
    "usage": {"cost": 0.0, "cost_known": True},
    "answer": "Ä fox",
    "sources": [],
}
PICTURE = {"image": base64.b64encode(b"a picture").decode(), "url": "", "mime_type": "image/png", "alt_text": "A fox"}
META = {"version": "3", "trace_id": ""}


class Server(HTTPServer):
    """Server with one response to every request, which records the bodies."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.response: dict[str, Any] = {"qa": STAGE, "meta": META}
        self.bodies: list[Any] = []


class Handler(BaseHTTPRequestHandler):
    """Handler that sends the response of its server."""

    server: Server

    def do_POST(self) -> None:
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"predictions": [self.server.response]}).encode())

    def log_message(self, *_args: object) -> None:
        """Log nothing."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.chdir(tmp_path)
    for name in ("MULTICHAIN_TRACES", "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"):
        monkeypatch.setenv(name, "false")  # restored after a command that enables tracing
    with Server() as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def ask(server: Server, *words: str) -> Result:
    """Run ``ask`` in this process with a server as the target."""
    return CliRunner().invoke(serving, ["ask", "--target", f"http://127.0.0.1:{server.server_port}", *words])


@pytest.mark.parametrize(
    ("words", "request_object"),
    [
        (['{"qa": {"question": "Why?", "k": 2}}'], {"qa": {"question": "Why?", "k": 2}}),
        (["{}"], {}),
        (["--question", "Why?"], {"qa": {"question": "Why?"}}),
        (["--question", ""], {"qa": {"question": ""}}),
        (["--prompt", "{qa.answer}"], {"image_generation": {"prompt": "{qa.answer}"}}),
        (["--prompt", ""], {"image_generation": {"prompt": ""}}),
        (
            ["--prompt", "A fox", "--question", "Why?"],
            {"qa": {"question": "Why?"}, "image_generation": {"prompt": "A fox"}},
        ),
    ],
)
def test_request_is_the_json_or_made_of_the_options(
    words: list[str], request_object: dict[str, Any], server: Server
) -> None:
    result = ask(server, *words)
    assert (result.exit_code, server.bodies) == (0, [{"inputs": request_object}])
    assert result.output == "qa (gpt-4.1, 0.50 s)\nÄ fox\nAnswered by version 3\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "the request is missing; give JSON, --question or --prompt"),
        (["{}", "--question", "a"], 2, "the request is either JSON or --question and --prompt, not both"),
        (["{}", "--prompt", "a"], 2, "the request is either JSON or --question and --prompt, not both"),
        (["{'qa': 1}"], 1, "put the JSON in single quotes"),
        (["[1]"], 1, 'the request is not a JSON object such as {"qa": {"question": "…"}}'),
        (["--question", "a", "--good", "", "--bad", ""], 2, "--good and --bad exclude each other; give one of them"),
        (["--question", "a", "--expected", "b"], 2, "--expected needs --bad"),
        (["--question", "a", "--expected", "b", "--good", "c"], 2, "--expected needs --bad"),
    ],
)
def test_invalid_words_are_refused_before_the_target_is_asked(
    words: list[str], code: int, message: str, server: Server
) -> None:
    result = ask(server, *words)
    assert (result.exit_code, server.bodies) == (code, [])
    assert message in result.output.splitlines()[-1]


def test_request_that_is_not_json_is_located(server: Server) -> None:
    assert ask(server, '{"qa": }').output == (
        "Error: the request is not JSON (Expecting value: line 1 column 8 (char 7)); put the JSON in single quotes\n"
    )


def test_json_output_is_the_response_on_a_line_without_a_picture(server: Server, tmp_path: Path) -> None:
    server.response["draw"] = STAGE | PICTURE
    result = ask(server, "--question", "Why?", "--json")
    assert result.output == json.dumps(server.response, ensure_ascii=False) + "\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("words", "name"), [([], "multichain.png"), (["--out", "fox.gif"], "fox.png")])
def test_picture_is_written_to_the_file_of_the_option(
    words: list[str], name: str, server: Server, tmp_path: Path
) -> None:
    server.response["draw"] = STAGE | PICTURE
    result = ask(server, "--prompt", "A fox", *words)
    assert result.output.splitlines()[-2] == str(tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"a picture"


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_failed_stage_is_shown_and_ends_with_code_one(words: list[str], server: Server) -> None:
    server.response["draw"] = STAGE | {"error": "timeout: draw: too late"}
    result = ask(server, "--prompt", "A fox", *words)
    assert (result.exit_code, "timeout: draw: too late" in result.output) == (1, True)


@pytest.mark.parametrize(
    ("words", "assessment", "values"),
    [
        (["--good", "it is right"], "good", {"good": True}),
        (["--good", ""], "good", {"good": True}),
        (["--bad", "too long", "--expected", "42"], "bad", {"good": False, "expected_response": "42"}),
        (["--bad", ""], "bad", {"good": False}),
    ],
)
def test_assessment_is_recorded_in_the_trace_of_the_answer(
    words: list[str], assessment: str, values: dict[str, Any], server: Server, store: Path
) -> None:
    with mlflow.start_span("answer") as span:
        pass
    server.response["meta"] = META | {"trace_id": span.trace_id}
    result = ask(server, "--question", "Why?", *words)
    assert result.output.splitlines()[-1] == f"Recorded the answer as {assessment} in the trace {span.trace_id}"
    stored_trace = mlflow.get_trace(span.trace_id)
    assert stored_trace is not None
    assert {
        entry.name: (entry.feedback or entry.expectation).value for entry in stored_trace.info.assessments
    } == values


def test_answer_without_a_trace_is_shown_before_the_error(server: Server) -> None:
    result = ask(server, "--question", "Why?", "--bad", "")
    assert result.exit_code == 1
    assert result.output.startswith(
        "qa (gpt-4.1, 0.50 s)\nÄ fox\nAnswered by version 3\nError: the answer has no trace"
    )


@pytest.mark.parametrize("port", ["0", "65536", "x"])
def test_server_refuses_a_port_that_does_not_exist(port: str) -> None:
    result = CliRunner().invoke(serving, ["up", "--port", port])
    assert result.exit_code == 2
    assert "Invalid value for '--port'" in result.output
