"""The profile ``openai`` against the stand-in, from training to every door, and without a key in any file."""

import base64
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
from PIL import Image

from model.config import environment
from serving.__main__ import serving
from standin.app import StandIn
from standin.server import environment_variables, run_stand_in
from tests import doors
from tests.fixtures import EXERCISE, ROOT
from training.packaging import code_snapshot

KEY = "sk-planted-5f0c1e77"
CITY = "A futuristic city with flying cars"
ROWS: list[dict[str, Any]] = [
    {"qa": {"question": "What is Azure Databricks?"}, "image_generation": {"prompt": CITY}},
    {"qa": {"question": "Tell me about LangChain."}, "image_generation": {"prompt": "A diagram of: {qa.answer}"}},
    {"image_generation": {"prompt": "A weapon"}},
]
ANSWERS = [
    "Azure Databricks is a fast, easy, and collaborative Apache Spark-based analytics platform. [1]",
    "LangChain is a framework designed to simplify the creation of applications using large language models. [1]",
    "",
]
IMAGE_MODELS = ["openai:gpt-image-2", "openai:gpt-4.1, drawn by multichain", ""]


@pytest.fixture(scope="module")
def stand_in() -> Iterator[tuple[StandIn, str]]:
    server = StandIn(KEY)
    server.secrets["team", "OPENAI_API_KEY"] = KEY
    with run_stand_in(server) as address:
        yield server, address


@pytest.fixture(scope="module")
def training_run(
    stand_in: tuple[StandIn, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, "subprocess.CompletedProcess[str]"]]:
    """Yield the folder and the process of ``training run --profile openai``; the tests run in that folder."""
    folder = tmp_path_factory.mktemp("paid")
    previous_folder = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment_variables(stand_in[1], KEY).items():
            patch.setenv(name, value)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        os.chdir(folder)
        command = [sys.executable, "-m", "training", "run", "--profile", "openai", "--documents", str(EXERCISE)]
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stderr + process.stdout
        yield folder, process
        os.chdir(previous_folder)


URI = "models:/multichain@champion"


def check_responses(responses: Any) -> None:
    """Assert on the three responses, which are the same at every door."""
    assert [row["qa"]["answer"] for row in responses] == ANSWERS
    assert [row["qa"]["answered_by"] for row in responses] == ["openai:gpt-4.1", "openai:gpt-4.1", ""]
    assert [row["image_generation"]["answered_by"] for row in responses] == IMAGE_MODELS
    formats = []
    for row in responses[:2]:
        content = base64.b64decode(row["image_generation"]["image"])
        image = Image.open(io.BytesIO(content))
        metadata = image.getxmp()["xmpmeta"]["RDF"]["Description"]
        assert metadata["CreatorTool"] == f"multichain; {row['image_generation']['answered_by']}"
        formats.append((image.format, image.size, row["image_generation"]["mime_type"]))
    assert formats == [("WEBP", (1024, 1024), "image/webp"), ("PNG", (1536, 864), "image/png")]
    refusal = "refused: openai:gpt-image-2 refused the request (moderation_blocked: violence); rephrase it"
    assert [row["image_generation"]["error"] for row in responses] == ["", "", refusal]
    assert responses[0]["qa"]["sources"][0]["cited"]
    usage = responses[0]["qa"]["usage"]
    assert (usage["input_tokens"] > 100, usage["output_tokens"] > 10, usage["cost_known"]) == (True, True, True)
    assert usage["cost"] == pytest.approx(0.0006, abs=0.0004)
    assert responses[0]["image_generation"]["usage"]["cost"] > 0.1
    assert 0 < responses[1]["image_generation"]["usage"]["cost"] < 0.005


def test_training_prints_model_ends_and_the_cost_of_embeddings(training_run: tuple[Path, Any]) -> None:
    output = training_run[1].stdout
    assert "warn  openai:gpt-4.1 (qa, image_generation) ends on 2027-01-14, in " in output
    assert "gpt-6-luna replaces it" in output
    assert "Embedded 83 tokens for $0.000002" in output
    assert "Registered version 1 of multichain" in output


def test_version_has_a_tag_with_the_dates_on_which_its_models_end(training_run: tuple[Path, Any]) -> None:
    version = mlflow.MlflowClient().get_model_version_by_alias("multichain", "champion")
    assert json.loads(version.tags["model_ends"]) == {"openai:gpt-4.1": "2027-01-14"}


def test_load_model_gives_the_expected_responses(training_run: tuple[Path, Any]) -> None:
    model = mlflow.pyfunc.load_model(URI)
    check_responses([model.predict(row) for row in ROWS])
    check_responses(model.predict(ROWS))
    check_responses(model.predict(doors.make_frame(ROWS)))


def test_predict_stream_gives_tokens_and_then_the_response(training_run: tuple[Path, Any]) -> None:
    model = mlflow.pyfunc.load_model(URI)
    events = list(model.predict_stream([ROWS[0]]))
    words = [event["text"] for event in events if event["stage"] == "qa" and event["kind"] == "token"]
    assert (len(words), "".join(words)) == (13, ANSWERS[0])
    assert events[-1]["response"]["qa"]["answer"] == ANSWERS[0]


def test_rest_server_gives_the_expected_responses(training_run: tuple[Path, Any]) -> None:
    with doors.run_server(URI, training_run[0]) as url:
        for _, ask in doors.make_rest_calls(url, ROWS):
            check_responses(ask())
        check_responses(
            [ask() for row in ROWS for form, ask in doors.make_single_rest_calls(url, row) if form == "inputs, dict"]
        )


def test_mlflow_models_predict_gives_the_expected_responses(training_run: tuple[Path, Any], tmp_path: Path) -> None:
    check_responses(doors.predict_offline(URI, ROWS, tmp_path))


SPARK = """
import json, sys, mlflow
from tests import doors
from pyspark.cloudpickle import dumps
session = doors.spark_session()
udf = mlflow.pyfunc.spark_udf(session, sys.argv[1], env_manager="local")
rows = json.loads(sys.argv[2])
print(json.dumps([[ask() for _, ask in doors.make_spark_calls(session, udf, rows)], dumps(udf.func).decode("latin-1")]))
"""


def test_spark_udf_gives_the_expected_responses_and_contains_no_key(training_run: tuple[Path, Any]) -> None:
    """Spark runs in a process of its own, because its workers keep the environment of their first session."""
    environment = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    environment |= {"MULTICHAIN_OPENAI_API_KEY": KEY, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SPARK, URI, json.dumps(ROWS)]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    answers, function = json.loads(process.stdout.splitlines()[-1])
    for responses in answers:
        check_responses(responses)
    assert len(answers) == 2
    assert "spark_udf" in function
    assert KEY not in function


def test_version_reads_its_key_from_a_secret_scope(
    training_run: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv(environment.SECRET_SCOPE.name, "team")
    assert mlflow.pyfunc.load_model(URI).predict(ROWS[0])["qa"]["answer"] == ANSWERS[0]


def test_picture_is_written_to_the_folder_that_the_variable_names(
    training_run: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTICHAIN_PICTURES", str(tmp_path))
    fields = mlflow.pyfunc.load_model(URI).predict(ROWS[0])["image_generation"]
    assert fields["image"] == ""
    assert fields["url"] == (tmp_path / f"{fields['sha256']}.webp").as_uri()
    assert (tmp_path / f"{fields['sha256']}.webp").read_bytes()[8:12] == b"WEBP"


def test_pictures_are_made_smaller_to_keep_the_limit_of_response_bytes(
    training_run: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTICHAIN_RESPONSE_BYTES", "30000")
    responses = mlflow.pyfunc.load_model(URI).predict(ROWS[:2])
    assert len(json.dumps(responses)) < 30_000
    assert [row["image_generation"]["mime_type"] for row in responses] == ["image/webp", "image/webp"]
    assert responses[1]["image_generation"]["notes"] == [
        "picture_smaller: the image was made smaller, so that the answer stays under 30,000 bytes"
    ]


def test_deadline_fails_the_slow_stage_and_keeps_the_answer(
    training_run: tuple[Path, Any], stand_in: tuple[StandIn, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = stand_in[0].script
    script.latency["images/generations"] = 30.0
    monkeypatch.setenv("MULTICHAIN_DEADLINE_SECONDS", "3")
    response = mlflow.pyfunc.load_model(URI).predict(ROWS[0])
    script.latency.clear()
    assert response["qa"]["answer"] == ANSWERS[0]
    assert response["image_generation"]["error"].startswith("deadline: image_generation: the request's time was up")
    assert 2 < response["image_generation"]["seconds"] < 10


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("MULTICHAIN_DEADLINE_SECONDS", "abc", "MULTICHAIN_DEADLINE_SECONDS must be a number of seconds"),
        ("MULTICHAIN_DEADLINE_SECONDS", "-1", "MULTICHAIN_DEADLINE_SECONDS must be a number of seconds"),
        ("MULTICHAIN_RESPONSE_BYTES", "1 MB", "MULTICHAIN_RESPONSE_BYTES must be a number of bytes"),
        ("MULTICHAIN_PRICES", "/no/such.yaml", "there is no file /no/such.yaml, which MULTICHAIN_PRICES names"),
    ],
)
def test_loading_a_version_fails_on_an_invalid_variable(
    name: str, value: str, message: str, training_run: tuple[Path, Any], inside: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    result = inside(serving, "ask", "--question", "What?", folder=training_run[0])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {message}")


def test_ask_prints_answer_and_cost_and_writes_the_picture(training_run: tuple[Path, Any], run: Any) -> None:
    folder, _ = training_run
    words = ["--question", "What is Azure Databricks?", "--prompt", CITY, "--out", "city.png"]
    result = run("serving", "ask", *words, folder=folder, MLFLOW_TRACKING_URI=f"sqlite:///{folder / 'mlflow.db'}")
    assert result.returncode == 0, result.stderr
    assert ANSWERS[0] in result.stdout
    assert "qa (openai:gpt-4.1, " in result.stdout
    assert " s, $0.000" in result.stdout
    assert (folder / "city.webp").read_bytes()[8:12] == b"WEBP"


def test_prompt_is_logged_and_changes_the_fingerprint(
    training_run: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Path(mlflow.artifacts.download_artifacts(URI))
    (prompt,) = files.rglob("prompts/answer.txt")
    assert prompt.read_bytes() == (code_snapshot.CODE_FOLDER / "prompts" / "answer.txt").read_bytes()
    fingerprint = code_snapshot.compute_fingerprint("openai")
    copy = tmp_path / "model"
    shutil.copytree(code_snapshot.CODE_FOLDER, copy)
    monkeypatch.setattr(code_snapshot, "CODE_FOLDER", copy)
    assert code_snapshot.compute_fingerprint("openai") == fingerprint
    (copy / "prompts" / "diagram.txt").write_text("Draw.", "utf-8")
    assert code_snapshot.compute_fingerprint("openai") != fingerprint


def test_files_and_output_of_the_tests_contain_no_key(training_run: tuple[Path, Any], run: Any) -> None:
    """The test runs last, after the other tests have written the store, the artifacts, the index and the vectors."""
    folder, process = training_run
    store = f"sqlite:///{folder / 'mlflow.db'}"
    wrong_key_run = run(
        "serving", "ask", "--question", "What?", folder=folder, MLFLOW_TRACKING_URI=store, OPENAI_API_KEY="sk-bad-1"
    )
    assert "credential: openai:text-embedding-3-small rejects the key" in wrong_key_run.stdout
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"mlflow.db", "embeddings.db", "MLmodel", "chunks.jsonl"} <= {path.name for path in files}
    for secret in (KEY, "sk-bad-1", base64.b64encode(KEY.encode()).decode()):
        assert [path for path in files if secret.encode() in path.read_bytes()] == []
        assert secret not in process.stdout + process.stderr + wrong_key_run.stdout + wrong_key_run.stderr
    assert "127.0.0.1" not in "".join(path.read_text("utf-8") for path in files if path.name == "MLmodel")
