"""Contents of a logged version, its verification, and the isolation of versions' code."""

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import mlflow
import pytest
import yaml

from commandline.version_manifest import compute_code_digest, make_entry
from model.errors import CommandError, IndexFolderError, ProfileError
from model.pipeline import Pipeline
from model.profile import Profile
from standin.app import StandIn
from tests import doors
from tests.fixtures import EXERCISE
from tests.odd_server import CHAT, EMBEDDINGS, Answer, refuse, run_odd_server
from training.indexing.build import build_index
from training.packaging import code_snapshot
from training.packaging.log_model import log_model
from training.packaging.requirements import pin_closure
from training.packaging.signature import make_signature
from training.progress import ignore_progress
from training.verification.verify import verify_version
from training.versions import registry
from training.versions.registry import register_model, set_champion


@pytest.fixture(scope="module")
def folder(logged: str) -> Path:
    return Path(mlflow.artifacts.download_artifacts(logged))


def test_version_answers_where_pickle_is_forbidden(logged: str, store: Path) -> None:
    code = (
        "import mlflow, sys; model = mlflow.pyfunc.load_model(sys.argv[1]);"
        "print(model.predict({'qa': {'question': 'What is GPT-4?'}})['qa']['answer'])"
    )
    environment = os.environ | {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
    process = subprocess.run(
        [sys.executable, "-c", code, logged], cwd=store, env=environment, capture_output=True, text=True, check=True
    )
    assert process.stdout == "GPT-4 is a powerful language model developed by OpenAI. [1]\n"


def test_version_contains_no_pickle(folder: Path) -> None:
    suffixes = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert suffixes <= {".py", ".yaml", ".json", ".jsonl", ".txt", ".npy", ".npz", ".faiss", ".ttf", ""}
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert content[:1] != b"\x80", path
            assert b"object" not in content[:128] or path.suffix != ".npy", path  # an array of objects is a pickle


def test_version_code_is_a_package_named_by_the_fingerprint(folder: Path) -> None:
    name = f"multichain_{code_snapshot.compute_fingerprint('offline')}"
    assert [path.name for path in (folder / "code").iterdir()] == [name]
    assert (folder / "entry.py").read_text("utf-8") == f'from {name}.pyfunc import serve\nserve("offline")\n'
    copied = {path.relative_to(folder / "code" / name).as_posix() for path in (folder / "code").rglob("*.py")}
    assert copied == {
        path.relative_to(code_snapshot.CODE_FOLDER).as_posix() for path in code_snapshot.CODE_FOLDER.rglob("*.py")
    }


def test_signature_has_an_optional_column_for_each_stage(folder: Path) -> None:
    signature = mlflow.models.get_model_info(str(folder)).signature
    assert signature.inputs.to_dict() == [
        {"type": "any", "name": "qa", "required": False},
        {"type": "any", "name": "image_generation", "required": False},
    ]
    assert signature.outputs.input_names() == ["qa", "image_generation", "meta"]
    assert signature.params.to_dict() == [{"name": "describe", "type": "boolean", "default": False, "shape": None}]


def test_input_example_is_the_request_of_the_exercise(folder: Path) -> None:
    assert json.loads((folder / "input_example.json").read_text("utf-8")) == {
        "qa": {"question": "Tell me about LangChain."},
        "image_generation": {"prompt": "A conceptual diagram of LangChain in use"},
    }


def test_requirements_are_a_pinned_closure_without_unused_packages(folder: Path) -> None:
    pins = (folder / "requirements.txt").read_text("utf-8").split()
    names = {pin.partition("==")[0] for pin in pins}
    assert pin_closure(names) == pins
    installed = {distribution.metadata["Name"].lower() for distribution in distributions()}
    assert {"mlflow", "faiss-cpu", "scipy", "pandas", "scikit-learn", "pygraphviz"} <= names
    unused = {"pyspark", "openai", "langchain", "langchain-core", "langchain-openai", "langchain-community"}
    unused |= {"pytest", "ruff", "mypy", "hypothesis", "markdown-it-py", "uv"}
    assert unused <= installed
    assert names & unused == set()


def test_answer_imports_no_package_of_unused_providers(logged: str, store: Path) -> None:
    code = """
import sys
import mlflow.pyfunc
before = {name.split(".")[0] for name in sys.modules}  # MLflow itself loads pyspark where it is installed
model = mlflow.pyfunc.load_model(sys.argv[1])
response = model.predict({"qa": {"question": "What is GPT-4?"}, "image_generation": {"prompt": "GPT-4"}})
assert response["qa"]["ran"] and response["image_generation"]["ran"], response
print(*before)
print(*({name.split(".")[0] for name in sys.modules} - before))
"""
    process = subprocess.run(
        [sys.executable, "-c", code, logged], cwd=store, capture_output=True, text=True, check=True
    )
    before, new = (set(line.split()) for line in process.stdout.splitlines())
    assert {"faiss", "sklearn", "pygraphviz"} <= new
    assert new & {"databricks", "pyspark", "langchain", "langchain_core", "markdown_it", "training", "model"} == set()
    assert (before | new) & {"openai", "langchain_openai", "langchain_community", "matplotlib", "tiktoken"} == set()


def test_verify_of_a_valid_version_reports_no_problem(logged: str) -> None:
    checks = list(verify_version(logged))
    assert len([check for check in checks if not check.detail]) == 35
    assert [check for check in checks if check.problem] == []
    details = {check.name: check.detail for check in checks if check.detail}
    assert details["code"] == code_snapshot.compute_fingerprint("offline")
    assert details["index"].endswith(", 3 documents, 3 chunks")
    assert details["embedding model"].startswith("offline:char_wb-3-5-2048, ")
    assert details["environment"] == "matches this environment"


def test_verify_reports_changed_code_and_executes_nothing(logged: str, tmp_path: Path) -> None:
    folder = tmp_path / "version"
    shutil.copytree(mlflow.artifacts.download_artifacts(logged), folder)
    (copy,) = (folder / "code").iterdir()
    (copy / "pyfunc.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')\n", "utf-8")
    checks = list(verify_version(str(folder)))
    assert [check.name for check in checks] == ["no pickle in its files", "its files are what was logged"]
    assert checks[1].problem.startswith(f"the files of {copy.name} were changed")
    assert not (tmp_path / "executed").exists()


def test_verify_of_a_foreign_pyfunc_reports_its_missing_parts(store: Path, tmp_path: Path) -> None:
    (tmp_path / "entry.py").write_text(
        """
import mlflow
class Echo(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [{"text": "one"}]  # for every request
mlflow.models.set_model(Echo())
""",
        "utf-8",
    )
    folder = str(tmp_path / "echo")
    mlflow.pyfunc.save_model(folder, python_model=str(tmp_path / "entry.py"), pip_requirements=["mlflow"])
    assert {check.name: check.problem for check in verify_version(folder) if check.problem} == {
        "has a signature": "the model has none, so MLflow does not check its input",
        "has an example": "the model was logged without an example that is an object; give one with --example",
    }
    checks = {check.name: check.problem for check in verify_version(folder, '{"text": "a"}') if not check.detail}
    assert checks.pop("answers a list of two objects") == "expected 2 responses, found 1"
    assert checks.pop("answers a DataFrame of two rows") == "expected 2 responses, found 1"
    assert set(checks.values()) == {"", "the model has none, so MLflow does not check its input"}
    assert len(checks) == 6


def test_verify_reports_a_pickle_and_loads_nothing(logged: str, tmp_path: Path) -> None:
    folder = tmp_path / "version"
    shutil.copytree(mlflow.artifacts.download_artifacts(logged), folder)
    (folder / "artifacts" / "left.pkl").write_bytes(b"\x80\x04N.")
    problems = {check.name: check.problem for check in verify_version(str(folder))}
    assert problems == {
        "no pickle in its files": "artifacts/left.pkl",
        "its files are what was logged": "artifacts/left.pkl was added",
    }


def test_verify_reports_invalid_responses(
    pipeline: Pipeline, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.is_dir()
    monkeypatch.syspath_prepend(tmp_path / "code")
    inputs = {name: stage.describe()["inputs"] for name, stage in pipeline.contract.stages.items()}
    draft = tmp_path / "code" / "multichain_draft"
    (draft / "profiles").mkdir(parents=True)
    (draft / "profiles" / "mine.yaml").touch()
    (draft / "pyfunc.py").write_text(
        f"INPUTS = {inputs!r}"
        """
import json
import mlflow
class Invalid(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        kinds = {"answer": "text", "ran": "boolean", "error": "text"}
        fields = [{"name": name, "kind": kind} for name, kind in kinds.items()]
        description = {"stages": {name: {"inputs": INPUTS[name], "outputs": fields} for name in INPUTS}}
        response = {name: {"answer": None, "ran": True, "error": ""} for name in description["stages"]}
        return response | {"meta": {"description": json.dumps(description)}}
def serve(profile):
    mlflow.models.set_model(Invalid())
""",
        "utf-8",
    )
    digest = compute_code_digest(draft.parent, draft.name)
    package = draft.rename(draft.with_name(f"multichain_{digest}"))
    (tmp_path / "entry.py").write_text(make_entry(package.name, "mine"), "utf-8")
    info = mlflow.pyfunc.log_model(
        name="invalid",
        python_model=str(tmp_path / "entry.py"),
        code_paths=[str(package)],
        signature=make_signature(pipeline.contract),
        input_example={"qa": {"question": "q"}},
        pip_requirements=[f"mlflow=={mlflow.__version__}"],
        metadata={"fingerprint": digest},
        streamable=False,
    )
    checks = {check.name: check.problem for check in verify_version(info.model_uri)}
    assert checks["its files are what was logged"] == ""
    assert "answer is not text" in checks["answers its own example"]
    assert checks["an empty list"]


def test_two_versions_in_one_process_use_their_own_code(
    logged: str, index_folder: Path, store: Path, tmp_path: Path
) -> None:
    changed = log_changed_code(index_folder, tmp_path)
    first, second = (register_model(uri, "side-by-side") for uri in (logged, changed))
    set_champion("side-by-side", second)
    request = {"qa": {"question": "Who discovered penicillin?"}}
    models = [mlflow.pyfunc.load_model(f"models:/side-by-side/{version}") for version in (first, second)]
    models.append(mlflow.pyfunc.load_model("models:/side-by-side@champion"))
    answers = [
        (response["qa"]["answer"], response["meta"]["version"])
        for response in (model.predict(request) for model in models)
    ]
    assert answers == [
        ("The documents do not hold an answer to this question.", "1"),
        ("Nobody wrote that down.", "2"),
        ("Nobody wrote that down.", "2"),
    ]


def test_two_versions_in_one_spark_session_use_their_own_code(
    logged: str, index_folder: Path, store: Path, tmp_path: Path
) -> None:
    spark = doors.spark_session()
    from pyspark.sql import functions as F

    changed = log_changed_code(index_folder, tmp_path)
    udf, changed_udf = (mlflow.pyfunc.spark_udf(spark, uri, env_manager="local") for uri in (logged, changed))
    rows = spark.createDataFrame([("Who discovered penicillin?",), ("What is GPT-4?",)], "question string")
    request = F.struct(F.struct("question").alias("qa"))
    table = rows.select(udf(request).alias("a"), changed_udf(request).alias("b")).select("a.qa.answer", "b.qa.answer")
    assert [tuple(row) for row in table.collect()] == [
        ("The documents do not hold an answer to this question.", "Nobody wrote that down."),
        ("GPT-4 is a powerful language model developed by OpenAI. [1]",) * 2,
    ]


def log_changed_code(index_folder: Path, folder: Path) -> str:
    """Log a version from a changed checkout, whose code abstains with another sentence; return its URI."""
    (folder / "training").symlink_to(code_snapshot.CODE_FOLDER.parent / "training")
    shutil.copytree(code_snapshot.CODE_FOLDER, folder / "model")
    file = folder / "model" / "interfaces.py"
    file.write_text(
        file.read_text("utf-8").replace(
            "The documents do not hold an answer to this question.", "Nobody wrote that down."
        ),
        "utf-8",
    )
    code = (
        "import sys; from pathlib import Path; from training.packaging.log_model import log_model; "
        "print(log_model('offline', Path(sys.argv[1])))"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, str(index_folder)],
        cwd=Path.cwd(),
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return process.stdout.strip()


def test_fingerprint_differs_by_profile_name_and_text(tmp_path: Path) -> None:
    offline = (code_snapshot.CODE_FOLDER / "profiles" / "offline.yaml").read_text("utf-8")
    mine = tmp_path / "mine.yaml"
    mine.write_text(offline, "utf-8")
    first = code_snapshot.compute_fingerprint(str(mine))
    mine.write_text(offline.replace("quotes: 3", "quotes: 1"), "utf-8")
    assert len({code_snapshot.compute_fingerprint("offline"), first, code_snapshot.compute_fingerprint(str(mine))}) == 3


def test_version_keeps_a_copy_of_a_custom_profile(index_folder: Path, store: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        (code_snapshot.CODE_FOLDER / "profiles" / "offline.yaml")
        .read_text("utf-8")
        .replace("passages: 4", "passages: 1")
    )
    model = mlflow.pyfunc.load_model(log_model(str(mine), index_folder))
    mine.unlink()
    assert [source["source"] for source in model.predict({"qa": {"question": "What is GPT-4?"}})["qa"]["sources"]] == [
        "gpt-4.txt"
    ]


def test_log_model_refuses_an_empty_folder_and_an_unknown_profile(store: Path, tmp_path: Path) -> None:
    with pytest.raises(IndexFolderError, match="holds no index"):
        log_model("offline", tmp_path)
    with pytest.raises(ProfileError, match="there is no profile nope; use one of azure, compatible, "):
        log_model("nope", tmp_path)


def test_log_model_refuses_an_index_of_another_embedding(index_folder: Path, store: Path, tmp_path: Path) -> None:
    changed_index = tmp_path / "index"
    shutil.copytree(index_folder, changed_index)
    manifest = json.loads((changed_index / "manifest.json").read_text("utf-8"))
    manifest["embedding"]["model"] = "ada"
    (changed_index / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(
        CommandError, match="built with the embeddings offline:ada, but the profile has offline:char_wb"
    ):
        log_model("offline", changed_index)


def test_registry_uri_names_the_local_store(logged: str) -> None:
    assert registry.registry_uri().endswith("mlflow.db")


def test_version_declares_its_serving_endpoints_as_resources(
    stand_in: StandIn, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    build = build_index(Profile.read("databricks"), [EXERCISE], tmp_path / "index", lambda _done, _total: None)
    monkeypatch.chdir(store)
    folder = Path(mlflow.artifacts.download_artifacts(log_model("databricks", build.folder, tags={"model_ends": "{}"})))
    endpoints = yaml.safe_load((folder / "MLmodel").read_text("utf-8"))["resources"]["databricks"]["serving_endpoint"]
    names = ["databricks-gpt-5-5", "databricks-gte-large-en", "databricks-meta-llama-3-3-70b-instruct"]
    assert [endpoint["name"] for endpoint in endpoints] == names
    assert stand_in.key not in (folder / "MLmodel").read_text("utf-8")


def test_version_starts_with_what_was_learned_of_its_servers(store: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "embeddings: {provider: compatible, model: e}\n"
        "index: {chunk_size: 800, overlap: 80, language: english}\n"
        "stages:\n  qa: {kind: retrieval_qa, chat: {provider: compatible, models: [m]}}\n",
        "utf-8",
    )
    profile = Profile.read(str(tmp_path / "mine.yaml"))
    refused: Answer = lambda body: refuse("encoding_format is not supported") if "encoding_format" in body else None  # noqa: E731
    with run_odd_server({EMBEDDINGS: refused}) as server:
        build_index(profile, [EXERCISE], tmp_path / "index", ignore_progress)
        uri = log_model(str(tmp_path / "mine.yaml"), tmp_path / "index", facts=profile.facts)
        server.requests.clear()
        mlflow.pyfunc.load_model(uri).predict([{"qa": {"question": "What is LangChain?"}}])
    assert ["encoding_format" in body for body in server.bodies(EMBEDDINGS)] == [False]


def test_weak_model_is_a_warning_of_verify_and_no_fault_of_the_version(store: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "embeddings: {provider: offline}\n"
        "index: {chunk_size: 800, overlap: 80, language: english}\n"
        "stages:\n  image_generation: {kind: image_generation, images: "
        "{provider: compatible, way: diagram, chat_models: [m]}}\n",
        "utf-8",
    )
    build_index(Profile.read(str(tmp_path / "mine.yaml")), [EXERCISE], tmp_path / "index", ignore_progress)
    uri = log_model(str(tmp_path / "mine.yaml"), tmp_path / "index")
    with run_odd_server() as server:
        checks = list(verify_version(uri))
    (warning,) = (check for check in checks if check.is_warning)
    assert (warning.name, warning.problem) == ("answers its own example", "")
    assert warning.detail.startswith(
        "no, but the version is sound: no_answer: compatible:m described no diagram that can be drawn (there is no JSON"
    )
    assert warning.detail.endswith("; use a stronger model, or leave the stage out")
    assert [check.name for check in checks if check.problem] == []
    assert len(server.bodies(CHAT)) == 2
