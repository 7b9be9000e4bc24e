"""The command lines: what they print, their exit codes, and what they leave behind."""

import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
from click.testing import Result
from PIL import Image

from serving.__main__ import serving
from tests.fixtures import EXERCISE, ROOT
from training.__main__ import training

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Inside = Callable[..., Result]

REQUEST = {"qa": {"question": "Tell me about LangChain."}, "image_generation": {"prompt": "LangChain in use"}}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which ``training run`` made version 1 of the exercise's texts."""
    folder = tmp_path_factory.mktemp("trained")
    told = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, "-m", "training", "run", "--documents", str(EXERCISE)]
    done = subprocess.run(command, cwd=folder, env=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"Built an index of 3 documents, 3 chunks, 2048 dimensions, in [\d.]+ s:", lines[0])
    assert lines[1] == str(folder / "index")
    assert re.fullmatch(r"Logged the model models:/m-[0-9a-f]{32}", lines[2])
    assert lines[3:7] == [
        "Verified: 35 checks passed",
        f"Registered version 1 of multichain in sqlite:///{folder / 'mlflow.db'}",
        "Promoted version 1 of multichain: the version keeps its contract and answers; no example was compared",
        "The alias champion points at this version: models:/multichain@champion",
    ]
    steps = ("preflight", "build", "log", "verify", "register", "gate")
    assert re.fullmatch("Steps: " + ", ".join(rf"{name} [\d.]+ s" for name in steps), lines[7])
    return folder


def test_ask_prints_the_answer_and_writes_the_picture(trained: Path, run: Run) -> None:
    done = run("serving", "ask", json.dumps(REQUEST), folder=trained)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"qa \(offline:extractive, \d\.\d\d s\)", lines[0])
    assert lines[1:5] == [
        "LangChain is a framework designed to simplify the creation of applications using large language models. [1]",
        "  [1] 0.38 cited  langchain.txt",
        "  [2] 0.02        gpt-4.txt",
        "  [3] 0.00        azure-databricks.txt",
    ]
    assert lines[6].startswith("Diagram of LangChain in use: LangChain is Framework; ")
    assert lines[7:] == [str(trained / "multichain.png"), "Answered by version 1"]
    with Image.open(trained / "multichain.png") as picture:
        assert picture.size == (1536, 864)


def test_ask_from_another_folder(trained: Path, run: Run, tmp_path: Path) -> None:
    store = f"sqlite:///{trained / 'mlflow.db'}"
    out = tmp_path / "a picture.png"
    done = run("serving", "ask", "--prompt", "GPT-4", "--out", str(out), MLFLOW_TRACKING_URI=store)
    assert done.stdout.splitlines()[2:] == [str(out), "Answered by version 1"]
    assert out.stat().st_size > 10_000


def test_ask_prints_json(trained: Path, run: Run) -> None:
    done = run("serving", "ask", "--question", "What is GPT-4?", "--json", folder=trained)
    response = json.loads(done.stdout)
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
def test_ask_refuses_in_a_sentence(words: list[str], message: str, trained: Path, inside: Inside) -> None:
    done = inside(serving, "ask", *words, folder=trained)
    assert done.exit_code == 1
    assert message in done.stderr
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1


def test_ask_fails_when_a_stage_fails(trained: Path, run: Run) -> None:
    done = run("serving", "ask", "--question", "What is GPT-4?", "--prompt", "{qa.sources}", folder=trained)
    assert done.returncode == 1
    assert "image_generation failed: bad_reference: image_generation: a reference to qa names no text" in done.stdout
    assert "GPT-4 is a powerful language model developed by OpenAI. [1]" in done.stdout


def test_ask_needs_something_to_ask(run: Run) -> None:
    assert run("serving", "ask").returncode == 2
    assert "not both" in run("serving", "ask", "{}", "--question", "x").stderr


def test_ask_without_a_store_makes_none(run: Run, tmp_path: Path) -> None:
    done = run("serving", "ask", "--question", "x")
    assert done.returncode == 1
    assert f"there is no MLflow store in {tmp_path} (no mlflow.db)" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_up_serves_until_it_is_interrupted(trained: Path, run: Run) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    told = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, "-m", "serving", "up", "--port", str(port)]
    with subprocess.Popen(command, cwd=trained, env=told, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith(f"Serving models:/multichain@champion at http://127.0.0.1:{port}")
        curl = server.stdout.readline()
        answered = subprocess.run(
            ["/bin/sh", "-c", curl.replace("curl ", "curl -s ", 1)], capture_output=True, text=True, check=True
        )
        assert json.loads(answered.stdout)["predictions"]["qa"]["ran"]
        url = f"http://127.0.0.1:{port}"
        asked = run("serving", "ask", json.dumps(REQUEST), "--json", "--target", url)
        picture = json.loads(asked.stdout)["image_generation"]["image"]
        assert base64.b64decode(picture).startswith(b"\x89PNG")
        refused = run("serving", "ask", '{"qa": {"question": 5}}', "--target", url)
        assert refused.stderr == "Error: invalid_request: qa.question: expected text of 1 to 10,000 characters\n"
        taken = run("serving", "up", "--port", str(port), folder=trained)
        assert taken.returncode == 1
        assert taken.stderr.startswith(
            f"Error: cannot listen on 127.0.0.1:{port} (Address already in use); give another"
        )
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=30) == 0
        assert run("serving", "ask", "--question", "x", "--target", url).returncode == 1


def test_up_says_why_it_cannot(trained: Path, run: Run) -> None:
    done = run("serving", "up", "--target", "models:/nope/1", "--port", "5987", folder=trained)
    assert done.returncode == 1
    assert "Registered Model with name=nope not found" in done.stderr
    assert "Traceback" not in done.stderr


def test_build_and_log_and_verify_alone(run: Run, tmp_path: Path) -> None:
    built = run("training", "build", "--documents", str(EXERCISE / "gpt-4.txt"), str(EXERCISE / "langchain.txt"))
    told = (
        rf"Built an index of 2 documents, 2 chunks, 2048 dimensions, in [\d.]+ s:\n{re.escape(str(tmp_path))}/index\n"
    )
    assert re.fullmatch(told, built.stdout)
    logged = run("training", "log")
    assert re.fullmatch(r"models:/m-[0-9a-f]{32}\n", logged.stdout), logged.stderr
    verified = run("training", "verify", logged.stdout.strip())
    assert "ok    no pickle in its files" in verified.stdout.splitlines()
    assert verified.stdout.splitlines()[-1] == "Verified: 35 checks passed"


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
def test_training_refuses_in_a_sentence(words: list[str], message: str, inside: Inside, tmp_path: Path) -> None:
    done = inside(training, *words)
    assert done.exit_code == 1
    assert message in done.stderr
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"mlflow.db", "mlruns"}


def test_a_version_that_fails_its_verification_is_not_registered(run: Run, tmp_path: Path) -> None:
    profile = (ROOT / "model" / "profiles" / "offline.yaml").read_text("utf-8")
    stage = "\n  parsed: {kind: runnable, runnable: json:loads, inputs: {input: text}, outputs: {output: text}}\n"
    (tmp_path / "broken.yaml").write_text(profile + stage, "utf-8")
    done = run("training", "run", "--profile", "broken.yaml", "--documents", str(EXERCISE))
    assert done.returncode == 1
    assert "failed verification, so no further step was started" in done.stderr
    assert mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}").search_registered_models() == []


@pytest.mark.parametrize(
    "words", [["training"], ["serving"], ["training", "run"], ["serving", "ask"], ["serving", "up"]]
)
def test_help(words: list[str], run: Run) -> None:
    done = run(*words, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: python -m {words[0]}")


def test_mlflow_run(trained: Path, run: Run, tmp_path: Path) -> None:
    environment = {
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    project = tmp_path / "project"
    listed = [shutil.which("git") or "git", "ls-files"]
    copied = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in filter(None, copied):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes((ROOT / name).read_bytes())
    done = run("mlflow", "run", str(project), "--env-manager", "local", **environment)
    assert done.returncode == 0, done.stderr
    assert "Registered version 1 of multichain" in done.stdout
    words = ["-e", "ask", "-P", "question=What is Azure Databricks?", "--env-manager", "local"]
    asked = run("mlflow", "run", str(project), *words, **environment)
    assert asked.returncode == 0, asked.stderr
    assert "Azure Databricks is a fast, easy, and collaborative Apache Spark-based analytics platform." in asked.stdout


@pytest.mark.parametrize("command", ["promote", "rollback", "history", "check"])
def test_a_folder_without_a_store_stays_as_it_is(command: str, run: Run, tmp_path: Path) -> None:
    done = run("training", command)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"Error: there is no MLflow store in {tmp_path} (no mlflow.db); go to the folder where you ran"
    )
    assert list(tmp_path.iterdir()) == []


def test_the_gate_by_its_commands(trained: Path, run: Run, tmp_path: Path) -> None:
    """A second version that is worse is refused with an exit code of 1, and forced with a reason; then back."""
    rows = tmp_path / "rows.jsonl"
    lines = [{"question": f"{begin} LangChain?", "source": "langchain.txt"} for begin in ("What is", "Why", "Explain")]
    rows.write_text("\n".join(map(json.dumps, lines * 4)), "utf-8")
    first = ("training", "run", "--name", "gated", "--documents")
    assert run(*first, str(EXERCISE), folder=trained).returncode == 0
    poor = run(*first, str(EXERCISE / "gpt-4.txt"), "--evaluation", str(rows), folder=trained)
    assert poor.returncode == 1
    assert "Registered version 2 of gated in" in poor.stdout
    assert "Error: version 2 of gated is not promoted against version 1: the right passage was among" in poor.stderr
    asked = run("serving", "ask", "--question", "What is GPT-4?", "--target", "models:/gated/2", folder=trained)
    assert asked.stdout.splitlines()[2:] == ["  [1] 0.36 cited  gpt-4.txt", "Answered by version 2"]
    forced = run(
        "training", "promote", "2", "--name", "gated", "--evaluation", str(rows), "--force", "a test", folder=trained
    )
    assert forced.returncode == 0, forced.stderr
    assert "The promotion was forced: a test" in forced.stdout
    assert "points at version 1 again" in run("training", "rollback", "--name", "gated", folder=trained).stdout
    missing = run("training", "promote", "9", "--name", "gated", folder=trained)
    assert missing.stderr == "Error: gated has no version 9; python -m training history lists them\n"
