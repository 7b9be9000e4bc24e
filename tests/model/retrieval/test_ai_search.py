"""Indexes in Databricks AI Search: descriptions, queries, filters and failures."""

import asyncio
import re
import sqlite3
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from mlflow.models import Model

from model.contract.requests import parse_requests
from model.errors import CommandError, IndexFolderError, InvalidRequestError, MultichainError, ProfileError
from model.passages import Chunk, Passage
from model.pipeline import Pipeline
from model.profile import Profile
from model.profile_validation import validate_profile
from model.retrieval.ai_search.columns import ColumnMapping
from model.retrieval.ai_search.description import RemoteIndex
from model.retrieval.ai_search.filters import build_conditions, format_as_clause, format_as_object
from model.retrieval.ai_search.results import SupportMeasure, parse_passages
from model.retrieval.ai_search.retriever import AISearchRetriever
from model.runtime import usage
from model.runtime.event_loop import Engine
from model.text_analysis import Analyser
from standin.app import StandIn
from standin.databricks.vector_query import SearchIndex
from standin.faults import Fault
from standin.openai.embeddings import make_vector
from tests.doors import spark_session
from tests.fixtures import EXERCISE, ROOT
from training.__main__ import training
from training.indexing.ai_search import describe_index, inspect_index
from training.indexing.build import read_content
from training.packaging.log_model import check_index
from training.versions.fingerprints import list_fingerprints

NAME = "main.docs.handbook"
HANDBOOK = """\
retriever: ai_search
index: {name: main.docs.handbook, tags: [team, year]}
stages:
  qa:
    kind: retrieval_qa
    passages: 2
    chat: {provider: databricks, models: [openai-behind-databricks]}
  image_generation: {kind: image_generation, images: {provider: offline}}
"""
EMBEDDED = HANDBOOK.replace("stages:", "embeddings: {provider: databricks, model: databricks-gte-large-en}\nstages:")
FAKE = (
    'langchain, model: "langchain_core.language_models.fake_chat_models:FakeListChatModel", settings: {responses: [a]}'
)
TYPES = {
    "id": "bigint", "source": "string", "title": "string", "heading": "string", "page": "int", "start": "bigint",
    "end": "bigint", "text": "string", "team": "string", "year": "int",
}  # fmt: skip
Row = dict[str, Any]


@pytest.fixture(scope="module")
def chunks() -> list[Chunk]:
    return [*read_content(Profile.read("offline"), [EXERCISE])[1].chunks]


@pytest.fixture
def index(stand_in: StandIn, chunks: list[Chunk]) -> SearchIndex:
    """Return an index with the exercise's three texts as rows of a table that AI Search embeds."""
    rows = [{"id": n, "team": f"team {n}", "year": 2024 + n} | asdict(chunk) for n, chunk in enumerate(chunks)]
    search_index = stand_in.workspace.search.indexes[NAME] = SearchIndex(
        [{key: row[key] for key in TYPES} for row in rows], TYPES
    )
    return search_index


def write_profile(folder: Path, text: str = HANDBOOK) -> Profile:
    (folder / "handbook.yaml").write_text(text, "utf-8")
    profile = Profile.read(str(folder / "handbook.yaml"))
    validate_profile(profile)
    return profile


def build_retriever(folder: Path, text: str = HANDBOOK) -> AISearchRetriever:
    """Write the description of the index, read it and return the retriever of a version."""
    profile = write_profile(folder, text)
    describe_index(profile, folder / "index")
    retriever = profile.make_retriever(profile.open_index(folder / "index"))
    assert isinstance(retriever, AISearchRetriever)
    return retriever


def list_sources(passages: list[Passage]) -> list[str]:
    return [passage.chunk.source for passage in passages]


def test_answer_cites_rows_of_the_remote_index(index: SearchIndex, stand_in: StandIn, tmp_path: Path) -> None:
    profile = write_profile(tmp_path)
    describe_index(profile, tmp_path / "index")
    pipeline: Pipeline = profile.make_pipeline(profile.make_retriever(profile.open_index(tmp_path / "index")))
    request = {"qa": {"question": "Tell me about LangChain."}, "image_generation": {"prompt": "LangChain in use"}}
    (response,) = pipeline.answer_requests(parse_requests(request, pipeline.contract).requests, "7")
    assert response["qa"]["answer"].startswith(
        "LangChain is a framework designed to simplify the creation of applications"
    )
    assert response["qa"]["error"] == response["image_generation"]["error"] == ""
    first, second = response["qa"]["sources"]
    row = next(row for row in index.rows if row["source"] == "langchain.txt")
    assert {name: first[name] for name in ("title", "heading", "page", "start", "end", "text")} == {
        name: row[name] for name in ("title", "heading", "page", "start", "end", "text")
    }
    assert first["tags"] == [f"team={row['team']}", f"year={row['year']}"]
    assert first["cited"]
    assert not second["cited"]
    assert first["score"] > second["score"] > 0
    assert response["qa"]["support"] == 1.0
    assert response["qa"]["usage"]["cost_known"] is False
    body = next(query for query in stand_in.workspace.search.queries if query.get("num_results") == 2)
    assert body == {
        "columns": ["text", "source", "title", "heading", "page", "start", "end", "team", "year"],
        "num_results": 2,
        "query_type": "HYBRID",
        "query_text": "Tell me about LangChain.",
    }


@pytest.mark.parametrize("is_storage_optimized", [False, True], ids=["standard", "storage-optimised"])
@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, {"azure-databricks.txt", "gpt-4.txt", "langchain.txt"}),
        ({"source": "gpt-4.txt"}, {"gpt-4.txt"}),
        ({"source": ["gpt-4.txt", "langchain.txt"]}, {"gpt-4.txt", "langchain.txt"}),
        ({"source": ["gpt-4.txt", "langchain.txt"], "tag": "year=2026"}, {"langchain.txt"}),
        ({"tag": ["year=2024", "year=2025"]}, {"azure-databricks.txt", "gpt-4.txt"}),
        ({"tag": "team=team 1"}, {"gpt-4.txt"}),
        ({"page": 0, "source": "langchain.txt"}, {"langchain.txt"}),
        ({"page": 7}, set()),
        ({"tag": "year=soon"}, set()),
        ({"tag": []}, set()),
        ({"source": "nobody's.txt"}, set()),
        ({"source": "' OR 1=1 --"}, set()),
    ],
)  # fmt: skip
def test_filter_limits_the_passages_to_matching_rows(
    conditions: Row, expected: set[str], is_storage_optimized: bool, index: SearchIndex, tmp_path: Path, engine: Engine
) -> None:
    index.is_storage_optimized = is_storage_optimized
    passages = engine.run(build_retriever(tmp_path).search("What is GPT-4?", 3, conditions))
    assert set(list_sources(passages)) == expected
    assert len(passages) == len(expected)


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({"heading": "A"}, "filter.heading: the index has no column for it; it can be narrowed by source, page, tag"),
        ({"tag": "month=May"}, "filter.tag: expected name=value, where name is one of team, year"),
        ({"tag": ["team=a", "year=1"]}, "filter.tag: expected values of one name; ask for those of another one by one"),
    ],
)
def test_filter_without_a_matching_column_is_rejected(conditions: Row, message: str) -> None:
    layout = ColumnMapping(NAME, {"text": "chunk", "source": "path", "page": "page"}, ["team", "year"])
    with pytest.raises(InvalidRequestError) as error:
        build_conditions(conditions, layout, TYPES)
    assert str(error.value) == message


@pytest.mark.parametrize("value", ["a\\", "a\\' OR 1=1 --", "a\nb"])
def test_filter_value_with_backslash_or_control_character_is_rejected(value: str) -> None:
    with pytest.raises(InvalidRequestError, match="takes no backslash and no control character"):
        format_as_clause({"source": [value]})


@given(st.lists(st.text(max_size=20), min_size=1, max_size=6), st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_filter_clause_selects_exactly_the_requested_values(
    stored_values: list[str], requested_values: list[str]
) -> None:
    requested_values = [
        value for value in [*requested_values, stored_values[0]] if "\\" not in value and value.isprintable()
    ]
    clause = format_as_clause({"source": requested_values})["filter_string"] if requested_values else "false"
    with closing(sqlite3.connect(":memory:")) as table:
        table.execute("CREATE TABLE chunks (source)")
        table.executemany("INSERT INTO chunks VALUES (?)", [(value,) for value in stored_values])
        selected_values = [value for (value,) in table.execute(f"SELECT source FROM chunks WHERE {clause}")]  # noqa: S608 - a query of this test
    assert selected_values == [value for value in stored_values if value in requested_values]


def test_filter_is_formatted_as_object_and_as_clause() -> None:
    conditions = {"team": ["a", "O'Neil"], "year": [2024], "draft": [False]}
    assert format_as_object(conditions) == {
        "filters_json": '{"team": ["a", "O\'Neil"], "year": [2024], "draft": [false]}'
    }
    assert format_as_clause(conditions) == {
        "filter_string": "team IN ('a', 'O''Neil') AND year IN (2024) AND draft IN (false)"
    }
    assert format_as_object({}) == format_as_clause({}) == {}


def test_parse_passages_reads_rows_by_column_mapping() -> None:
    columns = ["chunk", "path", "page", "draft", "year", "score"]
    reply = {
        "manifest": {"columns": [{"name": name} for name in columns]},
        "result": {
            "data_array": [["About foxes", "a.pdf", 3.0, True, "2024", "0.75"], [None, "b", None, None, None, 0.5]]
        },
    }
    layout = ColumnMapping(NAME, {"text": "chunk", "source": "path", "page": "page"}, ["draft", "year"])
    passages = parse_passages(reply, layout, {"year": "int"}, SupportMeasure("Is a fox red?", Analyser()))
    assert passages == [
        Passage(Chunk("a.pdf", "", "", 3, 0, 11, "About foxes", ("draft=true", "year=2024")), 0.75, 0.5),
        Passage(Chunk("b", "", "", 0, 0, 0, ""), 0.5, 0.0),
    ]
    assert (
        parse_passages(
            {"manifest": reply["manifest"], "result": {"row_count": 0}}, layout, {}, SupportMeasure("", Analyser())
        )
        == []
    )


def test_index_without_embedder_is_queried_with_own_vectors(
    index: SearchIndex, stand_in: StandIn, tmp_path: Path, engine: Engine
) -> None:
    index.embedder = ""
    index.vectors = {n: make_vector(row["text"], 1024).tolist() for n, row in enumerate(index.rows)}
    retriever = build_retriever(tmp_path, EMBEDDED)
    stand_in.script.calls.clear()
    stand_in.workspace.search.queries.clear()

    async def search_both() -> list[list[Passage]]:
        return await asyncio.gather(*(retriever.search(f"What is {name}?", 1) for name in ("GPT-4", "LangChain")))

    with usage.track_usage() as account:
        results = engine.run(search_both())
    assert [list_sources(passages) for passages in results] == [["gpt-4.txt"], ["langchain.txt"]]
    assert [path for path, _ in stand_in.script.calls] == ["embeddings"]
    assert [len(body["query_vector"]) for body in stand_in.workspace.search.queries] == [1024, 1024]
    assert {body["query_text"] for body in stand_in.workspace.search.queries} == {
        "What is GPT-4?",
        "What is LangChain?",
    }
    assert account.usage.input_tokens > 0


@pytest.mark.parametrize(
    ("search", "embedded", "query_keys"),
    [
        ("ann", True, {"query_vector"}),
        ("hybrid", True, {"query_vector", "query_text"}),
        ("ann", False, {"query_text"}),
        ("full_text", False, {"query_text"}),
    ],
)
def test_query_contains_vector_or_text_by_type_of_search(
    search: str,
    embedded: bool,
    query_keys: set[str],
    index: SearchIndex,
    stand_in: StandIn,
    tmp_path: Path,
    engine: Engine,
) -> None:
    if embedded:
        index.embedder = ""
        index.vectors = {n: make_vector(row["text"], 1024).tolist() for n, row in enumerate(index.rows)}
    text = (EMBEDDED if embedded else HANDBOOK).replace("tags:", f"search: {search}, tags:")
    passages = engine.run(build_retriever(tmp_path, text).search("Which models does OpenAI make?", 1))
    assert list_sources(passages) == ["gpt-4.txt"]
    body = stand_in.workspace.search.queries[-1]
    assert body.keys() - {"columns", "num_results"} == {"query_type", *query_keys}
    assert body["query_type"] == search.upper()


@pytest.mark.parametrize(
    ("replacement", "line", "sentence"),
    [
        (("main.docs.handbook", "handbook"), 2, "index: name must be that of an index in Unity"),
        (("name: main.docs.handbook, ", ""), 2, "index: name is missing"),
        (("tags:", "tag:"), 2, "index: there is no setting tag; did you mean tags?"),
        (("tags:", "search: fuzzy, tags:"), 2, "index: search must be one of hybrid, ann, full_text"),
        (("tags:", "language: klingon, tags:"), 2, "index: there is no language klingon; it is one of arabic"),
        (("tags:", "columns: {text: a}, tags:"), 2, "index: columns must name those of text"),
        (("tags:", "columns: {text: a, source: b, ends: c}, tags:"), 2, "index: columns must name those"),
        (("tags:", "columns: [text], tags:"), 2, "index: columns must be an object"),
        (("[team, year]", "[team; drop]"), 2, "index: columns and tags must name columns: letters"),
        (("ai_search", "aisearch"), 1, "there is no retriever aisearch; did you mean ai_search?"),
        (("passages: 2", "documents: a*"), 6, "qa: documents works with a local index only; give the stage a filter"),
        (("databricks, models: [openai-behind-databricks]", "offline"), 7, "qa: chat: the provider offline works"),
        (("stages:", "embeddings: 1\nstages:"), 1, "it is not a profile: it needs embeddings, index and stages, each"),
    ],
)  # fmt: skip
def test_profile_mistake_is_reported_with_file_and_line(
    replacement: tuple[str, str], line: int, sentence: str, tmp_path: Path
) -> None:
    assert replacement[0] in HANDBOOK
    with pytest.raises(ProfileError) as error:
        write_profile(tmp_path, HANDBOOK.replace(*replacement))
    expected = f"{tmp_path / 'handbook.yaml'}:{line}: {sentence}"
    assert any(message.startswith(expected) for message in str(error.value).splitlines()), str(error.value)


@pytest.mark.parametrize(
    ("text", "change", "message"),
    [
        (HANDBOOK.replace("handbook,", "other,"), {}, "the AI Search index main.docs.other is not there, or not"),
        (HANDBOOK, {"ready": False}, "the AI Search index main.docs.handbook is not ready yet; see its page in"),
        (HANDBOOK.replace("year", "month"), {}, "the AI Search index main.docs.handbook has no column month; correct"),
        (HANDBOOK, {"types": TYPES | {"year": "double"}}, "column year has the type double; a tag needs text, whole"),
        (HANDBOOK, {"types": TYPES | {"page": "string"}}, "column page has the type string; page needs whole numbers"),
        (HANDBOOK, {"embedder": ""}, "main.docs.handbook contains vectors that Databricks did not compute; set"),
        (EMBEDDED, {}, "main.docs.handbook embeds questions itself, with databricks-gte-large-en; remove"),
        (EMBEDDED.replace("tags:", "search: full_text, tags:"), {"embedder": ""}, "handbook is searched by words"),
        (EMBEDDED, {"embedder": "", "vectors": {0: [1.0, 0.0]}}, "embeds in 1024 dimensions, but the AI Search index"),
    ],
)  # fmt: skip
def test_index_that_contradicts_the_profile_is_not_described(
    text: str, change: Row, message: str, index: SearchIndex, tmp_path: Path
) -> None:
    for name, value in change.items():
        setattr(index, name, value)
    with pytest.raises(MultichainError) as error:
        describe_index(write_profile(tmp_path, text), tmp_path / "index")
    assert message in str(error.value)
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize(
    ("faults", "queries", "error"),
    [
        ([Fault(status=429, headers={"retry-after": "0"})], 2, ""),
        ([Fault(status=503), Fault("cut")], 3, ""),
        ([Fault("garbage")], 2, ""),
        ([Fault(status=400)], 1, "provider: the AI Search index main.docs.handbook did not take the query"),
        ([Fault(status=401)], 1, "credential: databricks does not take this token; check DATABRICKS_TOKEN, or log in"),
        ([Fault(status=403)], 1, "provider: the AI Search index main.docs.handbook is not there, or not permitted"),
        ([Fault(status=404)], 1, "provider: the AI Search index main.docs.handbook is not there, or not permitted"),
        ([Fault(status=500)] * 5, 5, "provider_busy: the AI Search index main.docs.handbook is overloaded or failed"),
        ([Fault("garbage")] * 5, 5, "provider_busy: the AI Search index main.docs.handbook returned an invalid"),
    ],
)  # fmt: skip
def test_failed_query_is_retried_or_reported_by_its_fault(
    faults: list[Fault], queries: int, error: str, index: SearchIndex, stand_in: StandIn, tmp_path: Path, engine: Engine
) -> None:
    retriever = build_retriever(tmp_path)
    search = stand_in.workspace.search
    search.queries.clear()
    search.faults.extend(faults)
    try:
        assert list_sources(engine.run(retriever.search("What is GPT-4?", 1))) == ["gpt-4.txt"]
        message = ""
    except MultichainError as failure:
        message = failure.coded_message
    assert message.startswith(error)
    assert bool(message) == bool(error)
    assert len(search.queries) == queries


def test_unreachable_workspace_is_reported_as_busy_provider(
    index: SearchIndex, tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    retriever = build_retriever(tmp_path)
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:9")
    monkeypatch.setattr("model.transport.retry.ATTEMPTS", 1)
    monkeypatch.setattr("model.transport.databricks_client._RETRY_SECONDS", 1)
    with pytest.raises(MultichainError) as error:
        engine.run(retriever.search("What is GPT-4?", 1))
    assert error.value.coded_message.startswith(
        "provider_busy: the AI Search index main.docs.handbook did not answer in time"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "describes no index (no manifest.json); describe it again with python -m training build"),
        ("{", "manifest.json is damaged; describe it again"),
        ('{"format": 3, "documents": {}}', "holds an index, and this profile's lies in AI Search; describe it again"),
        ('{"kind": "ai_search", "format": 1}', "manifest.json lacks entries; describe it again"),
    ],
)
def test_folder_without_a_valid_description_is_rejected(text: str, message: str, tmp_path: Path) -> None:
    if text:
        (tmp_path / "manifest.json").write_text(text, "utf-8")
    with pytest.raises(IndexFolderError) as error:
        RemoteIndex.read(tmp_path)
    assert str(error.value).endswith(message) or message in str(error.value)


def test_description_and_local_index_do_not_replace_each_other(
    index: SearchIndex, profile: Profile, index_folder: Path, tmp_path: Path
) -> None:
    describe_index(write_profile(tmp_path), tmp_path / "index")
    with pytest.raises(IndexFolderError, match="describes an index that lies elsewhere; build this profile's own"):
        profile.open_index(tmp_path / "index")
    with pytest.raises(IndexFolderError, match="holds an index, and this profile's lies in AI Search"):
        write_profile(tmp_path).open_index(index_folder)
    with pytest.raises(CommandError, match=r"searches in main.docs.handbook, which AI Search keeps in step with"):
        read_content(write_profile(tmp_path), [EXERCISE])


@pytest.mark.parametrize("text", [HANDBOOK.replace("[team, year]", "[team]"), EMBEDDED])
def test_description_made_with_other_settings_is_not_logged(text: str, index: SearchIndex, tmp_path: Path) -> None:
    description = inspect_index(write_profile(tmp_path))
    with pytest.raises(CommandError, match=r"handbook.yaml:2: main.docs.handbook was described with other settings or"):
        check_index(write_profile(tmp_path, text), description)


def run_training(*words: str) -> str:
    """Run a command of training in this process and return its output."""
    return CliRunner().invoke(training, words).output


def test_training_commands_report_on_the_remote_index(
    index: SearchIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_profile(tmp_path)
    profile_option = ("--profile", "handbook.yaml")
    assert run_training("build", *profile_option, "--dry-run") == (
        f"Would describe the AI Search index {NAME} of 3 rows; nothing is embedded\n"
    )
    assert not (tmp_path / "index").exists()
    for output in (
        run_training("build", *profile_option, "--documents", "."),
        run_training("run", *profile_option, "--documents", "."),
    ):
        sentence = f"the AI Search index {NAME} takes its documents from its table; leave out --documents"
        assert output == f"Error: {sentence}\n"
    assert run_training("build", *profile_option, "--documents", "").startswith(f"Described the AI Search index {NAME}")
    output = run_training("forget", "gpt-4.txt", *profile_option)
    assert output.startswith(f"Error: delete the documents in the table of the AI Search index {NAME}; versions")
    assert f"ok    {NAME} answers: 3 rows, embedded by databricks:databricks-gte-large-en" in run_training(
        "preflight", *profile_option
    )
    index.ready = False
    assert f"fail  the index: the AI Search index {NAME} is not ready yet" in run_training("preflight", *profile_option)


def test_profile_with_remote_index_is_promoted_and_answers(index: SearchIndex, run: Any, tmp_path: Path) -> None:
    write_profile(tmp_path)
    # The command of the bundle's job.
    training_run = run("training", "run", "--profile", "handbook.yaml", "--documents", "")
    assert training_run.returncode == 0, training_run.stdout + training_run.stderr
    assert f"Described the AI Search index {NAME} of 3 rows:\n{tmp_path / 'index'}\n" in training_run.stdout
    assert "Promoted version 1 of multichain" in training_run.stdout
    answer = run("serving", "ask", "--question", "Who makes GPT-4?")
    assert "\nGPT-4 is a powerful language model developed by OpenAI. [1]\n" in answer.stdout
    assert "Answered by version 1\n" in answer.stdout
    assert run("training", "history").stdout.startswith(f"Version 1 (champion), index of {NAME}, 3 rows\n")
    check = run("training", "check", "--documents", str(EXERCISE))
    assert check.stdout.startswith(f"ok    Documents: not compared; AI Search updates {NAME} from its table\n")
    (model,) = tmp_path.rglob("MLmodel")
    check_version_files(model.parent)


def check_version_files(version: Path) -> None:
    """Assert that the files of the version name its services and contain no document."""
    assert Model.load(version).resources == {
        "api_version": "1",
        "databricks": {
            "serving_endpoint": [{"name": "databricks-gte-large-en"}, {"name": "openai-behind-databricks"}],
            "vector_search_index": [{"name": NAME}],
        },
    }
    prints = dict(list_fingerprints(version))
    assert prints["index"].endswith(f", {NAME} in AI Search, of 3 rows when it was described")
    assert prints["embedding model"] == "databricks:databricks-gte-large-en"
    assert [file.name for file in (version / "artifacts" / "index").iterdir()] == ["manifest.json"]
    texts = [file.read_text("utf-8") for file in version.rglob("*") if file.suffix in {".json", ".yaml", ".yml"}]
    assert not any("GPT-4 is a powerful language model" in text for text in texts)


def test_documented_table_and_profile_find_the_passage(stand_in: StandIn, tmp_path: Path, engine: Engine) -> None:
    """Run the blocks of the page with other paths and a table name of two levels, since Spark has no third level."""
    session = spark_session()
    session.sql(f"CREATE DATABASE docs LOCATION '{tmp_path / 'docs'}'")
    page = (ROOT / "docs" / "ai-search.md").read_text("utf-8")
    rows, create, yaml = re.findall(r"```(?:python|yaml)\n(.*?)```", page, re.DOTALL)
    rows = rows.replace("/Volumes/dev/assistants/documents", str(EXERCISE)).replace("dev.assistants", "docs")
    exec(rows, {"spark": session})  # noqa: S102 - code of the documentation
    table_rows = [row.asDict() for row in session.table("docs.chunks").collect()]
    session.sql("DROP DATABASE docs CASCADE")
    stand_in.workspace.search.tables["dev.assistants.chunks"] = table_rows
    exec(create, {})  # noqa: S102 - code of the documentation
    passages = engine.run(build_retriever(tmp_path, yaml).search("What is GPT-4?", 1))
    (expected,) = [
        chunk for chunk in read_content(Profile.read("databricks"), [EXERCISE])[1].chunks if chunk.source == "gpt-4.txt"
    ]
    assert [passage.chunk for passage in passages] == [
        replace(expected, language="")  # which a table has no column for
    ]


def test_version_requires_the_packages_that_query_ai_search(tmp_path: Path) -> None:
    profile = write_profile(tmp_path, HANDBOOK.replace("databricks, models: [openai-behind-databricks]", FAKE))
    assert {"databricks-sdk", "openai", "tenacity"} <= profile.distributions
    assert profile.embedding_folder is None
