"""The whole main job with the profile ``openai``, through all doors, against the stand-in; and no key in its files."""

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

from model.transport import credentials
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
DRAWN = ["openai:gpt-image-2", "openai:gpt-4.1, drawn by multichain", ""]


@pytest.fixture(scope="module")
def stand_in() -> Iterator[tuple[StandIn, str]]:
    made = StandIn(KEY)
    made.secrets["team", "OPENAI_API_KEY"] = KEY
    with run_stand_in(made) as address:
        yield made, address


@pytest.fixture(scope="module")
def trained(
    stand_in: tuple[StandIn, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, "subprocess.CompletedProcess[str]"]]:
    """A folder in which ``training run --profile openai`` was run; the process stands there, too."""
    folder = tmp_path_factory.mktemp("paid")
    before = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment_variables(stand_in[1], KEY).items():
            patch.setenv(name, value)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        os.chdir(folder)
        command = [sys.executable, "-m", "training", "run", "--profile", "openai", "--documents", str(EXERCISE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        yield folder, done
        os.chdir(before)


URI = "models:/multichain@champion"


def check(responses: Any) -> None:
    """The three answers, through whichever door."""
    assert [row["qa"]["answer"] for row in responses] == ANSWERS
    assert [row["qa"]["answered_by"] for row in responses] == ["openai:gpt-4.1", "openai:gpt-4.1", ""]
    assert [row["image_generation"]["answered_by"] for row in responses] == DRAWN
    kinds = []
    for row in responses[:2]:
        content = base64.b64decode(row["image_generation"]["image"])
        image = Image.open(io.BytesIO(content))
        told = image.getxmp()["xmpmeta"]["RDF"]["Description"]
        assert told["CreatorTool"] == f"multichain; {row['image_generation']['answered_by']}"
        kinds.append((image.format, image.size, row["image_generation"]["mime_type"]))
    assert kinds == [("WEBP", (1024, 1024), "image/webp"), ("PNG", (1536, 864), "image/png")]
    refusal = "refused: openai:gpt-image-2 refused the request (moderation_blocked: violence); rephrase it"
    assert [row["image_generation"]["error"] for row in responses] == ["", "", refusal]
    assert responses[0]["qa"]["sources"][0]["cited"]
    usage = responses[0]["qa"]["usage"]
    assert (usage["input_tokens"] > 100, usage["output_tokens"] > 10, usage["cost_known"]) == (True, True, True)
    assert usage["cost"] == pytest.approx(0.0006, abs=0.0004)
    assert responses[0]["image_generation"]["usage"]["cost"] > 0.1
    assert 0 < responses[1]["image_generation"]["usage"]["cost"] < 0.005


def test_the_line_tells_what_it_found_and_what_it_cost(trained: tuple[Path, Any]) -> None:
    told = trained[1].stdout
    assert "warn  openai:gpt-4.1 (qa, image_generation) ends on 2027-01-14, in " in told
    assert "gpt-6-luna replaces it" in told
    assert "Embedded 83 tokens for $0.000002" in told
    assert "Registered version 1 of multichain" in told


def test_the_days_on_which_its_models_end_are_tags_of_the_version(trained: tuple[Path, Any]) -> None:
    version = mlflow.MlflowClient().get_model_version_by_alias("multichain", "champion")
    assert json.loads(version.tags["model_ends"]) == {"openai:gpt-4.1": "2027-01-14"}


def test_load_model(trained: tuple[Path, Any]) -> None:
    model = mlflow.pyfunc.load_model(URI)
    check([model.predict(row) for row in ROWS])
    check(model.predict(ROWS))
    check(model.predict(doors.make_frame(ROWS)))


def test_a_stream(trained: tuple[Path, Any]) -> None:
    model = mlflow.pyfunc.load_model(URI)
    events = list(model.predict_stream([ROWS[0]]))
    words = [event["text"] for event in events if event["stage"] == "qa" and event["kind"] == "token"]
    assert (len(words), "".join(words)) == (13, ANSWERS[0])
    assert events[-1]["response"]["qa"]["answer"] == ANSWERS[0]


def test_rest(trained: tuple[Path, Any]) -> None:
    with doors.run_server(URI, trained[0]) as url:
        for _, ask in doors.make_rest_calls(url, ROWS):
            check(ask())
        check([ask() for row in ROWS for form, ask in doors.make_single_rest_calls(url, row) if form == "inputs, dict"])


def test_mlflow_models_predict(trained: tuple[Path, Any], tmp_path: Path) -> None:
    check(doors.predict_offline(URI, ROWS, tmp_path))


SPARK = """
import json, sys, mlflow
from tests import doors
from pyspark.cloudpickle import dumps
session = doors.spark_session()
udf = mlflow.pyfunc.spark_udf(session, sys.argv[1], env_manager="local")
rows = json.loads(sys.argv[2])
print(json.dumps([[ask() for _, ask in doors.make_spark_calls(session, udf, rows)], dumps(udf.func).decode("latin-1")]))
"""


def test_spark_and_no_key_in_the_function_that_it_sends(trained: tuple[Path, Any]) -> None:
    """In a process of its own: Spark's workers keep the environment that their first session had."""
    environment = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    environment |= {"MULTICHAIN_OPENAI_API_KEY": KEY, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SPARK, URI, json.dumps(ROWS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers, sent = json.loads(done.stdout.splitlines()[-1])
    for responses in answers:
        check(responses)
    assert len(answers) == 2
    assert "spark_udf" in sent
    assert KEY not in sent


def test_a_version_with_its_key_in_a_secret_scope(trained: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv(credentials.SCOPE_VARIABLE, "team")
    assert mlflow.pyfunc.load_model(URI).predict(ROWS[0])["qa"]["answer"] == ANSWERS[0]


def test_pictures_in_a_folder(trained: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTICHAIN_PICTURES", str(tmp_path))
    told = mlflow.pyfunc.load_model(URI).predict(ROWS[0])["image_generation"]
    assert told["image"] == ""
    assert told["url"] == (tmp_path / f"{told['sha256']}.webp").as_uri()
    assert (tmp_path / f"{told['sha256']}.webp").read_bytes()[8:12] == b"WEBP"


def test_an_endpoints_answers_stay_below_a_megabyte(trained: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTICHAIN_RESPONSE_BYTES", "30000")
    responses = mlflow.pyfunc.load_model(URI).predict(ROWS[:2])
    assert len(json.dumps(responses)) < 30_000
    assert [row["image_generation"]["mime_type"] for row in responses] == ["image/webp", "image/webp"]
    assert responses[1]["image_generation"]["notes"] == [
        "picture_smaller: the image was made smaller, so that the answer stays under 30,000 bytes"
    ]


def test_a_deadline_is_the_error_of_what_cannot_make_it(
    trained: tuple[Path, Any], stand_in: tuple[StandIn, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = stand_in[0].script
    script.latency["images/generations"] = 30.0
    monkeypatch.setenv("MULTICHAIN_DEADLINE_SECONDS", "3")
    told = mlflow.pyfunc.load_model(URI).predict(ROWS[0])
    script.latency.clear()
    assert told["qa"]["answer"] == ANSWERS[0]
    assert told["image_generation"]["error"].startswith("deadline: image_generation: the request's time was up")
    assert 2 < told["image_generation"]["seconds"] < 10


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MULTICHAIN_DEADLINE_SECONDS", "abc", "MULTICHAIN_DEADLINE_SECONDS is expected to be a number of seconds"),
        ("MULTICHAIN_DEADLINE_SECONDS", "-1", "MULTICHAIN_DEADLINE_SECONDS is expected to be a number of seconds"),
        ("MULTICHAIN_RESPONSE_BYTES", "1 MB", "MULTICHAIN_RESPONSE_BYTES is expected to be a number of bytes"),
        ("MULTICHAIN_PRICES", "/no/such.yaml", "there is no file /no/such.yaml, which MULTICHAIN_PRICES names"),
    ],
)
def test_a_setting_that_cannot_be_read_is_told_when_a_version_is_loaded(
    name: str, value: str, sentence: str, trained: tuple[Path, Any], inside: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    done = inside(serving, "ask", "--question", "What?", folder=trained[0])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: {sentence}")


def test_asking_it_shows_answer_cost_and_picture(trained: tuple[Path, Any], run: Any) -> None:
    folder, _ = trained
    words = ["--question", "What is Azure Databricks?", "--prompt", CITY, "--out", "city.png"]
    asked = run("serving", "ask", *words, folder=folder, MLFLOW_TRACKING_URI=f"sqlite:///{folder / 'mlflow.db'}")
    assert asked.returncode == 0, asked.stderr
    assert ANSWERS[0] in asked.stdout
    assert "qa (openai:gpt-4.1, " in asked.stdout
    assert " s, $0.000" in asked.stdout
    assert (folder / "city.webp").read_bytes()[8:12] == b"WEBP"


def test_a_prompt_is_part_of_the_fingerprint_and_logged(
    trained: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Path(mlflow.artifacts.download_artifacts(URI))
    (prompt,) = files.rglob("prompts/answer.txt")
    assert prompt.read_bytes() == (code_snapshot.CODE_FOLDER / "prompts" / "answer.txt").read_bytes()
    before = code_snapshot.compute_fingerprint("openai")
    copied = tmp_path / "model"
    shutil.copytree(code_snapshot.CODE_FOLDER, copied)
    monkeypatch.setattr(code_snapshot, "CODE_FOLDER", copied)
    assert code_snapshot.compute_fingerprint("openai") == before
    (copied / "prompts" / "diagram.txt").write_text("Draw.", "utf-8")
    assert code_snapshot.compute_fingerprint("openai") != before


def test_zz_no_key_is_in_anything_that_was_written(trained: tuple[Path, Any], run: Any) -> None:
    """Last, when all the others have written what they write: the store, the artifacts, the index, the vectors."""
    folder, done = trained
    store = f"sqlite:///{folder / 'mlflow.db'}"
    bad = run(
        "serving", "ask", "--question", "What?", folder=folder, MLFLOW_TRACKING_URI=store, OPENAI_API_KEY="sk-bad-1"
    )
    assert "credential: openai:text-embedding-3-small rejects the key" in bad.stdout
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert {"mlflow.db", "embeddings.db", "MLmodel", "chunks.jsonl"} <= {path.name for path in written}
    for secret in (KEY, "sk-bad-1", base64.b64encode(KEY.encode()).decode()):
        assert [path for path in written if secret.encode() in path.read_bytes()] == []
        assert secret not in done.stdout + done.stderr + bad.stdout + bad.stderr
    assert "127.0.0.1" not in "".join(path.read_text("utf-8") for path in written if path.name == "MLmodel")
