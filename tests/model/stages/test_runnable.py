"""LangChain Runnables as stages: by import path, by value, and with fields from their schemas."""

import asyncio
import os
import subprocess
import sys
from itertools import repeat
from pathlib import Path
from typing import Any

import mlflow
import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from pydantic import BaseModel
from typing_extensions import TypedDict

from model.contract import json_schema
from model.contract.events import discard
from model.contract.fields import Field
from model.errors import ProfileError
from model.runtime import usage
from model.stages.runnable import RunnableStage
from tests.fixtures import EXERCISE, PROFILE
from training.packaging.log_model import log_model
from training.verification.verify import verify_version


class WordCount(TypedDict):
    """Output of ``count_words``."""

    words: list[str]
    count: int


class CountRequest(BaseModel):
    """Input of ``count_words``."""

    text: str
    times: int = 1


def count_words(request: CountRequest) -> WordCount:
    words = request.text.split() * request.times if isinstance(request, CountRequest) else request["text"].split()
    return {"words": words, "count": len(words)}


def write_upper_case(text: str) -> str:
    return text.upper()


REPLY_WITH_USAGE = AIMessage(
    "Hallo",
    usage_metadata={"input_tokens": 6, "output_tokens": 2, "total_tokens": 8},
    response_metadata={"model_name": "m"},
)
CHAT = ChatPromptTemplate.from_template("Say {text} in {language}") | FakeListChatModel(responses=["Hallo"])
CHAT_WITH_USAGE = ChatPromptTemplate.from_template("Say {text} in {language}") | GenericFakeChatModel(
    messages=repeat(REPLY_WITH_USAGE)
)


@pytest.mark.parametrize(
    ("runnable", "inputs", "outputs"),
    [
        (RunnableLambda(write_upper_case), ["input text required"], ["output text required"]),
        (
            RunnableLambda(count_words),
            ["text text required", "times integer"],
            ["words list required", "count integer required"],
        ),
        (CHAT, ["language text required", "text text required"], ["output text required"]),
        (CHAT | StrOutputParser(), ["language text required", "text text required"], ["output text required"]),
    ],
)  # fmt: skip
def test_fields_are_read_from_schema_of_runnable(runnable: Any, inputs: list[str], outputs: list[str]) -> None:
    def describe_fields(fields: tuple[Field, ...]) -> list[str]:
        return [f"{field.name} {field.kind}{' required' * field.required}" for field in fields]

    assert sorted(describe_fields(json_schema.parse_json_schema(runnable.get_input_jsonschema(), "input"))) == sorted(
        inputs
    )
    assert describe_fields(json_schema.parse_json_schema(runnable.get_output_jsonschema(), "output")) == outputs


def test_schema_without_fields_raises_profile_error() -> None:
    with pytest.raises(ProfileError, match=r"what input is cannot be told .* declare inputs and outputs"):
        json_schema.parse_json_schema(RunnablePassthrough().get_input_jsonschema(), "input")


@pytest.mark.parametrize("declarations", [{"a": "string"}, {"a": {"kind": "text", "mots": 3}}, {"a": 3}, {"a": {}}])
def test_invalid_field_declaration_raises_profile_error(declarations: dict[str, Any]) -> None:
    with pytest.raises(ProfileError, match="the field a is declared by a kind"):
        json_schema.parse_declarations(declarations, required=True)


def test_stage_runs_function_at_path_with_declared_fields() -> None:
    stage = RunnableStage(
        "parsed", "json:loads", inputs={"input": {"kind": "text", "most": 9}}, outputs={"a": "integer"}
    )
    assert stage.inputs == (Field("input", "text", required=True, maximum=9),)
    values = asyncio.run(stage.run({"input": '{"a": 5, "b": 6}'}, discard))
    assert values == {"a": 5, "answered_by": "runnable:json:loads"}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "name either runnable"),
        ({"runnable": "json:loads", "cloudpickle": "a"}, "name either runnable"),
        ({"runnable": "json"}, "json is not an import path; write it as package.module:name"),
        ({"runnable": "json:lods"}, "json has no lods"),
        ({"runnable": "nowhere.chains:a"}, "nowhere.chains:a cannot be imported"),
        ({"runnable": "json:__name__"}, "json:__name__ is neither a LangChain Runnable nor a function"),
        ({"cloudpickle": "shout"}, "the object shout is not here; give it as training.packaging.log_model.log_model"),
    ],
)
def test_invalid_runnable_raises_profile_error(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(ProfileError, match=f"^{sentence}"):
        RunnableStage("mine", **settings)


def test_single_input_not_named_input_is_passed_in_a_dict() -> None:
    stage = RunnableStage("mine", f"{__name__}:count_words", inputs={"output": "text"}, outputs={"output": "text"})
    with pytest.raises(KeyError, match="text"):  # count_words receives {"output": …} without its own field
        asyncio.run(stage.run({"output": "a"}, discard))


def test_single_text_output_is_streamed() -> None:
    stage = RunnableStage("mine", f"{__name__}:CHAT", inputs={"text": "text", "language": "text"})
    events: list[tuple[str, Any]] = []
    values = {"text": "hello", "language": "German"}
    assert asyncio.run(stage.run(values, lambda *event: events.append(event)))["output"] == "Hallo"
    assert events == [("token", letter) for letter in "Hallo"]


def test_package_of_the_user_is_logged_with_the_version(store: Path, tmp_path: Path, run: Any) -> None:
    (tmp_path / "chains_of_mine").mkdir()
    (tmp_path / "chains_of_mine" / "__init__.py").write_text("from .marks import MARK\n", "utf-8")
    (tmp_path / "chains_of_mine" / "marks.py").write_text('MARK = "!"\n', "utf-8")
    (tmp_path / "chains_of_mine" / "loud.py").write_text(
        "from chains_of_mine import MARK\ndef loud(text: str) -> str:\n    return text.upper() + MARK\n", "utf-8"
    )
    stage = '  loud: {kind: runnable, runnable: "chains_of_mine.loud:loud", input: "{qa.answer}"}\n'
    (tmp_path / "mine.yaml").write_text(PROFILE + stage, "utf-8")
    tracking = {"MLFLOW_TRACKING_URI": os.environ["MLFLOW_TRACKING_URI"]}
    build_process = run("training", "build", "--profile", "mine.yaml", "--documents", str(EXERCISE))
    assert build_process.returncode == 0, build_process.stderr
    log_process = run("training", "log", "--profile", "mine.yaml", **tracking)
    assert log_process.returncode == 0, log_process.stderr
    uri = log_process.stdout.strip()
    (tmp_path / "chains_of_mine").rename(tmp_path / "gone")
    request = {"qa": {"question": "What is GPT-4?"}, "loud": {"run": True}}
    response: Any = mlflow.pyfunc.load_model(uri).predict(request)
    assert response["loud"]["output"] == "GPT-4 IS A POWERFUL LANGUAGE MODEL DEVELOPED BY OPENAI. [1]!"
    assert [check for check in verify_version(uri) if check.problem] == []
    (tmp_path / "chains_of_mine").mkdir()
    (tmp_path / "chains_of_mine" / "loud.py").write_text("def loud(text: str) -> str:\n    return text\n", "utf-8")
    load = f"import chains_of_mine.loud, mlflow; mlflow.pyfunc.load_model({uri!r})"
    load_process = subprocess.run(
        [sys.executable, "-c", load],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | tracking,
    )
    assert "another chains_of_mine is imported already" in load_process.stderr.splitlines()[-1]


def test_object_is_logged_by_value_only_when_a_stage_names_it(store: Path, index_folder: Path, tmp_path: Path) -> None:
    stage = '  shout: {kind: runnable, cloudpickle: shout, input: "{qa.answer}"}\n'
    (tmp_path / "mine.yaml").write_text(PROFILE + stage, "utf-8")
    mark = "!"

    def shout_text(text: str) -> str:
        return text.upper() + mark

    shout = RunnableLambda(shout_text)
    with pytest.raises(ProfileError, match="the object shout is named by a stage, but not passed"):
        log_model(str(tmp_path / "mine.yaml"), index_folder)
    with pytest.raises(ProfileError, match="the object other was passed, but no stage names it"):
        log_model(str(tmp_path / "mine.yaml"), index_folder, {"shout": shout, "other": shout})
    (tmp_path / "tests_of_mine.py").write_text(
        "import sys\nfrom pathlib import Path\nfrom langchain_core.runnables import RunnableLambda\n"
        "from training.packaging.log_model import log_model as log\n"
        "mark = '!'\ndef shout_text(text: str) -> str:\n    return text.upper() + mark\n"
        "print(log('mine.yaml', Path(sys.argv[1]), {'shout': RunnableLambda(shout_text)}))\n",
        "utf-8",
    )
    log_process = subprocess.run(
        [sys.executable, "tests_of_mine.py", str(index_folder)],
        cwd=tmp_path, capture_output=True, text=True, check=False, env=os.environ,
    )  # fmt: skip
    assert log_process.returncode == 0, log_process.stderr
    uri = log_process.stdout.strip()
    assert [check for check in verify_version(uri) if check.problem] == []
    request = {"shout": {"input": "a"}}
    code = f"import mlflow; print(mlflow.pyfunc.load_model({uri!r}).predict({request!r})['shout'])"
    for allowed, expected in (("true", "'output': 'A!'"), ("false", "the object shout is pickled, and MLFLOW_ALLOW_P")):
        predict_process = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path, capture_output=True, text=True, check=False,
            env=os.environ | {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": allowed},
        )  # fmt: skip
        assert expected in predict_process.stdout + predict_process.stderr


def test_log_model_rejects_object_without_fields(store: Path, index_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(PROFILE + "  vague: {kind: runnable, cloudpickle: vague}\n", "utf-8")
    with pytest.raises(ProfileError, match=r"mine.yaml:5: vague: what input is cannot be told"):
        log_model(str(tmp_path / "mine.yaml"), index_folder, {"vague": RunnablePassthrough()})


def test_output_of_undeclared_kind_is_an_error_of_the_stage(tmp_path: Path, index_folder: Path) -> None:
    from model.contract.requests import parse_requests
    from model.profile import Profile
    from model.retrieval.local.index import Index

    stage = "  bad: {kind: runnable, runnable: json:loads, inputs: {input: text}, outputs: {count: integer}}\n"
    (tmp_path / "mine.yaml").write_text(PROFILE + stage, "utf-8")
    profile = Profile.read(str(tmp_path / "mine.yaml"))
    pipeline = profile.make_pipeline(profile.make_retriever(Index.open(index_folder)))
    (row,) = pipeline.answer_requests(parse_requests([{"bad": {"input": '"secret"'}}], pipeline.contract).requests)
    assert row["bad"]["error"] == "internal: its output count is declared as integer and is not; mend the stage"
    assert row["bad"]["count"] == 0


def test_tokens_of_inner_chat_model_are_counted() -> None:
    stage = RunnableStage("r", f"{__name__}:CHAT_WITH_USAGE")
    for _ in range(2):
        with usage.track_usage() as account:
            values = asyncio.run(stage.run({"text": "hello", "language": "German"}, discard))
        assert values["output"] == "Hallo"
        assert account.usage == usage.Usage(6, 2, cost_known=False)
    with usage.track_usage() as account:
        asyncio.run(RunnableStage("r", f"{__name__}:CHAT").run({"text": "hello", "language": "German"}, discard))
    assert account.usage == usage.Usage()
