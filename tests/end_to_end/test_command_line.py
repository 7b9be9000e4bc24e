"""The command lines: their output, their exit codes and the files that they write."""

import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import pytest
from click.testing import Result
from PIL import Image

from serving.__main__ import serving
from tests import doors
from tests.fixtures import EXERCISE, ROOT
from training.__main__ import training

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Inside = Callable[..., Result]

REQUEST = {"qa": {"question": "Tell me about LangChain."}, "image_generation": {"prompt": "LangChain in use"}}


@pytest.fixture(scope="module")
def trained_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which ``training run`` registered version 1 over the exercise's texts."""
    folder = tmp_path_factory.mktemp("trained")
    variables = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, "-m", "training", "run", "--documents", str(EXERCISE)]
    result = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[:3] == ["Files         3 text", "Blocks        3 paragraph", "Languages     3 english"]
    lines = lines[2:]
    assert re.fullmatch(r"Built an index of 3 documents, 3 chunks, 2048 dimensions, in [\d.]+ s:", lines[1])
    assert lines[2] == str(folder / "index")
    assert re.fullmatch(r"Logged the model models:/m-[0-9a-f]{32}", lines[3])
    assert lines[4:8] == [
        "Verified: 35 checks passed",
        f"Registered version 1 of multichain in sqlite:///{folder / 'mlflow.db'}",
        "Promoted version 1 of multichain: the version keeps its contract and answers; no example was compared",
        "The alias champion points at this version: models:/multichain@champion",
    ]
    steps = ("preflight", "build", "log", "verify", "register", "gate")
    assert re.fullmatch("Steps: " + ", ".join(rf"{name} [\d.]+ s" for name in steps), lines[8])
    return folder


def test_ask_prints_the_answer_and_writes_the_picture(trained_folder: Path, run: Run) -> None:
    result = run("serving", "ask", json.dumps(REQUEST), folder=trained_folder)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert re.fullmatch(r"qa \(offline:extractive, \d\.\d\d s\)", lines[0])
    assert lines[1:5] == [
        "LangChain is a framework designed to simplify the creation of applications using large language models. [1]",
        "  [1] 0.36 cited  langchain.txt",
        "  [2] 0.02        gpt-4.txt",
        "  [3] 0.00        azure-databricks.txt",
    ]
    assert lines[6].startswith("Diagram of LangChain in use: LangChain is Framework; ")
    assert lines[7:] == [str(trained_folder / "multichain.png"), "Answered by version 1"]
    with Image.open(trained_folder / "multichain.png") as picture:
        assert picture.size == (1536, 864)


def test_ask_in_another_folder_uses_the_store_of_the_variable(trained_folder: Path, run: Run, tmp_path: Path) -> None:
    store = f"sqlite:///{trained_folder / 'mlflow.db'}"
    out = tmp_path / "a picture.png"
    result = run("serving", "ask", "--prompt", "GPT-4", "--out", str(out), MLFLOW_TRACKING_URI=store)
    assert result.stdout.splitlines()[2:] == [str(out), "Answered by version 1"]
    assert out.stat().st_size > 10_000


def test_ask_with_json_prints_the_whole_response(trained_folder: Path, run: Run) -> None:
    result = run("serving", "ask", "--question", "What is GPT-4?", "--json", folder=trained_folder)
    response = json.loads(result.stdout)
    assert response["qa"]["answer"] == "GPT-4 is a powerful language model developed by OpenAI. [1]"
    assert response["meta"]["version"] == "1"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--question", " "], "invalid_request: qa.question: expected text of 1 to 10,000 characters"),
        (["--question", "x" * 100_000], "invalid_request: qa.question: expected text of 1 to 10,000 characters"),
        (['{"nope": [1]}'], "invalid_request: found none of the stages qa, image_generation"),
        (["{nope"], "the request is not JSON"),
        (["[1]"], "the request is not a JSON object such as"),
        (["--question", "x", "--target", "models:/nope@champion"], "Registered Model with name=nope not found"),
        (
            ["--question", "x", "--target", "models:/multichain@nope"],
            "alias nope not found; python -m training run makes",
        ),
        (["--question", "x", "--target", "http://127.0.0.1:9"], "cannot reach http://127.0.0.1:9/invocations"),
        (["--question", "x", "--target", "nope"], "--target nope: expected models:/NAME@ALIAS"),
        (["--prompt", "x", "--out", "/no/such/folder/x.png"], "cannot write the picture to /no/such/folder/x.png"),
    ],
)
def test_ask_refuses_bad_arguments_with_a_one_line_error(
    words: list[str], message: str, trained_folder: Path, inside: Inside
) -> None:
    result = inside(serving, "ask", *words, folder=trained_folder)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1


def test_ask_exits_with_1_and_prints_the_answer_when_a_stage_fails(trained_folder: Path, run: Run) -> None:
    result = run("serving", "ask", "--question", "What is GPT-4?", "--prompt", "{qa.sources}", folder=trained_folder)
    assert result.returncode == 1
    assert "image_generation failed: bad_reference: image_generation: a reference to qa names no text" in result.stdout
    assert "GPT-4 is a powerful language model developed by OpenAI. [1]" in result.stdout


def test_ask_refuses_no_request_and_two_requests(run: Run) -> None:
    assert run("serving", "ask").returncode == 2
    assert "not both" in run("serving", "ask", "{}", "--question", "x").stderr


def test_ask_without_a_store_fails_and_creates_no_file(run: Run, tmp_path: Path) -> None:
    result = run("serving", "ask", "--question", "x")
    assert result.returncode == 1
    assert f"there is no MLflow store in {tmp_path} (no mlflow.db)" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_up_serves_at_its_address_until_interrupted(trained_folder: Path, run: Run) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, "-m", "serving", "up", "--port", str(port)]
    with subprocess.Popen(command, cwd=trained_folder, env=variables, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith(f"Serving models:/multichain@champion at http://127.0.0.1:{port}")
        curl = server.stdout.readline()
        curl_run = subprocess.run(
            ["/bin/sh", "-c", curl.replace("curl ", "curl -s ", 1)], capture_output=True, text=True, check=True
        )
        assert json.loads(curl_run.stdout)["predictions"]["qa"]["ran"]
        url = f"http://127.0.0.1:{port}"
        answer = run("serving", "ask", json.dumps(REQUEST), "--json", "--target", url)
        picture = json.loads(answer.stdout)["image_generation"]["image"]
        assert base64.b64decode(picture).startswith(b"\x89PNG")
        refusal = run("serving", "ask", '{"qa": {"question": 5}}', "--target", url)
        assert refusal.stderr == "Error: invalid_request: qa.question: expected text of 1 to 10,000 characters\n"
        second_server = run("serving", "up", "--port", str(port), folder=trained_folder)
        assert second_server.returncode == 1
        assert second_server.stderr.startswith(
            f"Error: cannot listen on 127.0.0.1:{port} (Address already in use); give another"
        )
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=30) == 0
        assert run("serving", "ask", "--question", "x", "--target", url).returncode == 1


@pytest.fixture
def grim_server(trained_folder: Path, tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """Yield a process of ``serving up`` with a grace of one second, and its port; its temporary folder is tmp_path."""
    port = doors.find_free_port()
    variables = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, "-m", "serving", "up", "--grace", "1", "--port", str(port)]
    process = subprocess.Popen(
        command, cwd=trained_folder, env=variables | {"TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Serving")
    yield process, port
    process.kill()
    process.communicate()


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_up_ends_although_a_client_sent_half_a_body_and_leaves_nothing(
    grim_server: tuple["subprocess.Popen[str]", int], tmp_path: Path
) -> None:
    process, port = grim_server
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{")
        time.sleep(0.5)
        process.terminate()
        assert process.wait(15) == 143
    assert not is_listening(port)
    assert list(tmp_path.glob("multichain-*")) == []


def test_server_ends_when_up_is_killed(grim_server: tuple["subprocess.Popen[str]", int]) -> None:
    process, port = grim_server
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while is_listening(port) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not is_listening(port)


def test_up_without_a_registered_model_fails_without_a_traceback(trained_folder: Path, run: Run) -> None:
    result = run("serving", "up", "--target", "models:/nope/1", "--port", "5987", folder=trained_folder)
    assert result.returncode == 1
    assert "Registered Model with name=nope not found" in result.stderr
    assert "Traceback" not in result.stderr


def test_build_log_and_verify_run_as_separate_commands(run: Run, tmp_path: Path) -> None:
    build = run("training", "build", "--documents", str(EXERCISE / "gpt-4.txt"), str(EXERCISE / "langchain.txt"))
    expected_output = (
        r"Files         2 text\nBlocks        2 paragraph\nLanguages     2 english\n"
        rf"Built an index of 2 documents, 2 chunks, 2048 dimensions, in [\d.]+ s:\n{re.escape(str(tmp_path))}/index\n"
    )
    assert re.fullmatch(expected_output, build.stdout)
    log = run("training", "log")
    assert re.fullmatch(r"models:/m-[0-9a-f]{32}\n", log.stdout), log.stderr
    verification = run("training", "verify", log.stdout.strip())
    assert "ok    no pickle in its files" in verification.stdout.splitlines()
    assert verification.stdout.splitlines()[-1] == "Verified: 35 checks passed"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["run", "--documents", "."],
            "no readable document was found; --documents takes tables, and folders, files, patterns and addresses of",
        ),
        (["run", "--documents", "nope"], "no file or folder matches"),
        (
            ["run", "--profile", "nope"],
            "there is no profile nope; use one of azure, compatible, databricks, offline, openai, or the path",
        ),
        (["run", "--evaluation", "nope.jsonl"], "nope.jsonl cannot be read (FileNotFoundError); name a SQuAD file"),
        (["log"], "holds no index (no manifest.json); build one with python -m training build"),
        (["log", "--index", "nope"], "holds no index (no manifest.json)"),
        (["verify", "nope"], "No such"),
        (["verify", str(EXERCISE)], "exercise contains no model (no MLmodel); name models:/NAME@ALIAS, or"),
        (["verify", "models:/multichain@nope"], "Registered Model with name=multichain not found"),
    ],
)
def test_training_refuses_bad_arguments_with_a_one_line_error(
    words: list[str], message: str, inside: Inside, tmp_path: Path
) -> None:
    result = inside(training, *words)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"mlflow.db", "mlruns"}


def test_run_does_not_register_a_version_that_fails_verification(run: Run, tmp_path: Path) -> None:
    profile = (ROOT / "model" / "profiles" / "offline.yaml").read_text("utf-8")
    stage = "\n  parsed: {kind: runnable, runnable: json:loads, inputs: {input: text}, outputs: {output: text}}\n"
    (tmp_path / "broken.yaml").write_text(profile + stage, "utf-8")
    result = run("training", "run", "--profile", "broken.yaml", "--documents", str(EXERCISE))
    assert result.returncode == 1
    assert "failed verification, so no further step was started" in result.stderr
    assert mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}").search_registered_models() == []


@pytest.mark.parametrize(
    "words", [["training"], ["serving"], ["training", "run"], ["serving", "ask"], ["serving", "up"]]
)
def test_help_prints_the_usage(words: list[str], run: Run) -> None:
    result = run(*words, "--help")
    assert result.returncode == 0
    assert result.stdout.startswith(f"Usage: python -m {words[0]}")


def test_mlflow_run_trains_and_answers_from_a_copy_of_the_repository(
    trained_folder: Path, run: Run, tmp_path: Path
) -> None:
    environment = {
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    project = tmp_path / "project"
    git = [shutil.which("git") or "git", "ls-files"]
    tracked_files = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in filter(None, tracked_files):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes((ROOT / name).read_bytes())
    result = run("mlflow", "run", str(project), "--env-manager", "local", **environment)
    assert result.returncode == 0, result.stderr
    assert "Registered version 1 of multichain" in result.stdout
    words = ["-e", "ask", "-P", "question=What is Azure Databricks?", "--env-manager", "local"]
    answer = run("mlflow", "run", str(project), *words, **environment)
    assert answer.returncode == 0, answer.stderr
    assert "Azure Databricks is a fast, easy, and collaborative Apache Spark-based analytics platform." in answer.stdout


@pytest.mark.parametrize("command", ["promote", "rollback", "history", "check"])
def test_command_without_a_store_fails_and_creates_no_file(command: str, run: Run, tmp_path: Path) -> None:
    result = run("training", command)
    assert result.returncode == 1
    assert result.stderr.startswith(
        f"Error: there is no MLflow store in {tmp_path} (no mlflow.db); go to the folder where you ran"
    )
    assert list(tmp_path.iterdir()) == []


def test_gate_refuses_a_worse_version_until_forced_and_rolls_back(
    trained_folder: Path, run: Run, tmp_path: Path
) -> None:
    """The refusal exits with 1, the forced promotion needs a reason, and the rollback restores version 1."""
    rows = tmp_path / "rows.jsonl"
    lines = [{"question": f"{begin} LangChain?", "source": "langchain.txt"} for begin in ("What is", "Why", "Explain")]
    rows.write_text("\n".join(map(json.dumps, lines * 4)), "utf-8")
    train = ("training", "run", "--name", "gated", "--documents")
    assert run(*train, str(EXERCISE), folder=trained_folder).returncode == 0
    worse_run = run(*train, str(EXERCISE / "gpt-4.txt"), "--evaluation", str(rows), folder=trained_folder)
    assert worse_run.returncode == 1
    assert "Registered version 2 of gated in" in worse_run.stdout
    assert (
        "Error: version 2 of gated is not promoted against version 1: the right passage was among" in worse_run.stderr
    )
    answer = run("serving", "ask", "--question", "What is GPT-4?", "--target", "models:/gated/2", folder=trained_folder)
    assert answer.stdout.splitlines()[2:] == ["  [1] 0.37 cited  gpt-4.txt", "Answered by version 2"]
    promotion = run(
        "training",
        "promote",
        "2",
        "--name",
        "gated",
        "--evaluation",
        str(rows),
        "--force",
        "a test",
        folder=trained_folder,
    )
    assert promotion.returncode == 0, promotion.stderr
    assert "The promotion was forced: a test" in promotion.stdout
    assert "points at version 1 again" in run("training", "rollback", "--name", "gated", folder=trained_folder).stdout
    unknown_version = run("training", "promote", "9", "--name", "gated", folder=trained_folder)
    assert unknown_version.stderr == "Error: gated has no version 9; python -m training history lists them\n"
