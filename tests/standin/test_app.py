"""The stand-in: rejected requests in three protocols, vectors, scripted faults and the command."""

import base64
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import requests

from standin.app import StandIn

CHAT = {"model": "gpt-4.1", "messages": [{"role": "user", "content": "Hi"}]}
LUNA = CHAT | {"model": "gpt-6-luna"}
LONG = [{"role": "user", "content": "x" * 4_300_000}]
STYLED = {"type": "image_generation", "style": "x"}
EMBED = {"model": "text-embedding-3-small", "input": ["a", "b"]}
DRAW = {"model": "gpt-image-2", "prompt": "A city"}
RESPOND = {"model": "gpt-4.1", "input": "A city", "tools": [{"type": "image_generation"}]}


@pytest.fixture
def address(stand_in: StandIn) -> str:
    import os

    return os.environ["DATABRICKS_HOST"]


def post(address: str, path: str, body: Any, key: str = "sk-standin", **headers: str) -> requests.Response:
    all_headers = {"Authorization": f"Bearer {key}"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return requests.post(f"{address}{path}", json=body, headers=all_headers, timeout=30)


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "param"),
    [
        ("chat/completions", CHAT | {"colour": 1}, 400, "unknown_parameter", "colour"),
        ("chat/completions", {"model": "gpt-4.1"}, 400, "missing_required_parameter", "messages"),
        ("chat/completions", CHAT | {"messages": []}, 400, None, "messages"),
        ("chat/completions", CHAT | {"messages": [{"role": "boss"}]}, 400, "invalid_value", "messages[0]"),
        ("chat/completions", CHAT | {"model": "gpt-4"}, 404, "model_not_found", None),
        ("chat/completions", CHAT | {"model": "gpt-image-2"}, 404, "model_not_found", None),
        ("chat/completions", LUNA | {"temperature": 0}, 400, "unsupported_value", "temperature"),
        ("chat/completions", CHAT | {"temperature": 3}, 400, "decimal_above_max_value", "temperature"),
        ("chat/completions", LUNA | {"max_tokens": 5}, 400, "unsupported_parameter", "max_tokens"),
        ("chat/completions", CHAT | {"stream_options": {}}, 400, None, "stream_options"),
        ("chat/completions", CHAT | {"messages": LONG}, 400, "context_length_exceeded", "messages"),
        ("embeddings", EMBED | {"input": []}, 400, None, "input"),
        ("embeddings", EMBED | {"input": ["a", ""]}, 400, None, "input"),
        ("embeddings", EMBED | {"input": ["a"] * 2049}, 400, "array_above_max_length", "input"),
        ("embeddings", EMBED | {"input": ["a" * 40_000]}, 400, None, "input"),
        ("embeddings", EMBED | {"input": ["a" * 32_000] * 38}, 400, "max_tokens", "input"),
        ("embeddings", EMBED | {"encoding_format": "int8"}, 400, "invalid_value", "encoding_format"),
        ("embeddings", EMBED | {"model": "text-embedding-ada-002", "dimensions": 5}, 400, None, "dimensions"),
        ("images/generations", DRAW | {"response_format": "b64_json"}, 400, "unknown_parameter", "response_format"),
        ("images/generations", DRAW | {"model": "dall-e-3"}, 404, "model_not_found", None),
        ("images/generations", DRAW | {"model": "gpt-image-1"}, 404, "model_not_found", None),
        ("images/generations", DRAW | {"quality": "hd"}, 400, "invalid_value", "quality"),
        ("images/generations", DRAW | {"size": "1000x1000"}, 400, "invalid_value", "size"),
        ("images/generations", DRAW | {"size": "3840x640"}, 400, "invalid_value", "size"),
        ("images/generations", DRAW | {"model": "gpt-image-1.5", "size": "1536x864"}, 400, "invalid_value", "size"),
        ("images/generations", DRAW | {"output_compression": 50}, 400, None, "output_compression"),
        ("images/generations", DRAW | {"prompt": "A weapon"}, 400, "moderation_blocked", None),
        ("images/generations", DRAW | {"prompt": ""}, 400, "string_above_max_length", "prompt"),
        ("images/generations", DRAW | {"n": 11}, 400, None, "n"),
        ("responses", RESPOND | {"tools": []}, 400, None, "tools"),
        ("responses", RESPOND | {"tools": [STYLED]}, 400, "unknown_parameter", "style"),
    ],
)
def test_invalid_request_is_rejected_with_code_and_parameter(
    path: str, body: Any, status: int, code: Any, param: Any, address: str
) -> None:
    reply = post(address, f"/v1/{path}", body)
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], error["param"]) == (status, code, param)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/serving-endpoints/chat/completions"])
def test_invalid_key_is_rejected_with_status_401(path: str, address: str) -> None:
    reply = post(address, path, CHAT, key="sk-bad")
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, "invalid_api_key")


def test_azure_path_needs_api_version_and_takes_api_key_header(address: str) -> None:
    path = "/openai/deployments/gpt-4.1/chat/completions"
    body = {"messages": CHAT["messages"]}
    assert post(address, f"{path}?api-version=2024-10-21", body, key="", api_key="sk-standin").ok
    assert post(address, f"{path}?api-version=2024-10-21", body).json()["model"] == "gpt-4.1"
    assert post(address, path, body).status_code == 404
    assert post(address, f"{path}?api-version=1", body, key="", api_key="sk-bad").status_code == 401


def test_databricks_path_rejects_stream_options(address: str) -> None:
    body = CHAT | {"stream": True, "stream_options": {"include_usage": True}}
    assert post(address, "/v1/chat/completions", body).ok
    reply = post(address, "/serving-endpoints/chat/completions", body)
    assert reply.json()["error"]["message"] == 'json: unknown field "stream_options"'


def test_float_and_base64_encodings_hold_the_same_vectors(address: str) -> None:
    floats = post(address, "/v1/embeddings", EMBED).json()["data"]
    coded = post(address, "/v1/embeddings", EMBED | {"encoding_format": "base64"}).json()["data"]
    for float_item, coded_item in zip(floats, coded, strict=True):
        assert np.array_equal(
            np.frombuffer(base64.b64decode(coded_item["embedding"]), np.float32), float_item["embedding"]
        )


def test_script_over_http_sets_faults_and_replies(address: str) -> None:
    fault = {"status": 429, "headers": {"retry-after": "7"}, "path": "embeddings"}
    script = {"faults": [fault], "replies": ["So be it."], "latency": {"chat/completions": 0.01}, "per_text": 0.001}
    assert post(address, "/standin/script", script).status_code == 204
    refused = post(address, "/v1/embeddings", EMBED)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
    assert post(address, "/v1/chat/completions", CHAT).json()["choices"][0]["message"]["content"] == "So be it."
    assert post(address, "/v1/embeddings", EMBED).ok
    report = requests.get(f"{address}/standin/calls", timeout=5).json()
    assert report["calls"] == {"chat/completions": 1, "embeddings": 2, "images/generations": 0, "responses": 0}
    assert report["peak"] == {"chat/completions": 1, "embeddings": 1}


def test_command_prints_variables_and_rejects_a_used_port() -> None:
    command = [sys.executable, "-m", "standin", "--port", "0", "--key", "sk-mine"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        export = dict(word.split("=") for word in lines[2].split()[1:])
        assert (export["OPENAI_API_KEY"], export["AZURE_OPENAI_ENDPOINT"]) == ("sk-mine", export["DATABRICKS_HOST"])
        address = export["DATABRICKS_HOST"]
        reply = post(address, "/v1/chat/completions", CHAT, key="sk-mine")
        assert reply.json()["choices"][0]["message"]["content"] == "This is the stand-in; it was sent 2 characters."
        second_process = subprocess.run(
            [*command[:3], "--port", address.split(":")[2]],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (second_process.returncode, second_process.stderr.startswith("Error: port ")) == (1, True)
        process.terminate()
    assert json.loads(reply.text)["model"] == "gpt-4.1"
