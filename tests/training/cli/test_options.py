"""Options that several commands share: their defaults, limits and the choice of documents."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from model.errors import CommandError
from model.profile import Profile
from tests.fixtures import EXERCISE, ROOT
from training.cli.options import (
    INDEX,
    JUDGES,
    MAX_COST,
    NAME,
    PROFILE,
    SHIPPED_DOCUMENTS,
    UPDATE,
    choose_documents,
    document_options,
    gate_options,
    is_sample,
    parse_columns,
    parse_readers,
)
from training.documents.load import LoadOptions
from training.documents.loaders import ColumnRoles

REMOTE = """\
retriever: ai_search
index: {name: c.s.i}
stages:
  qa: {kind: retrieval_qa, chat: {provider: offline}}
"""
NO_DOCUMENTS = {"documents": (), "more_documents": (), "loading": LoadOptions()}
NO_GATE = {"evaluation": None, "judges": "", "force": ""}


def parse(decorator: Callable[..., Any], *words: str) -> Any:
    """Return the values of the decorator's options, or the message of a usage error."""
    values: dict[str, Any] = {}

    @click.command()
    @decorator
    def command(**options: Any) -> None:
        values.update(options)

    result = CliRunner().invoke(command, words)
    return values if result.exit_code == 0 else result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("option", "values"),
    [
        (PROFILE, {"profile": "offline"}),
        (INDEX, {"index": Path("index")}),
        (MAX_COST, {"max_cost": None}),
        (NAME, {"name": "multichain"}),
        (JUDGES, {"judges": ""}),
        (document_options, NO_DOCUMENTS),
        (UPDATE, {"update": False}),
        (gate_options, NO_GATE),
    ],
)
def test_options_have_defaults(option: Callable[..., Any], values: dict[str, Any]) -> None:
    assert parse(option) == values


@pytest.mark.parametrize(
    ("option", "words", "values"),
    [
        (PROFILE, ["--profile", "mine.yaml"], {"profile": "mine.yaml"}),
        (INDEX, ["--index", "a/b"], {"index": Path("a/b")}),
        (MAX_COST, ["--max-cost", "0"], {"max_cost": 0.0}),
        (MAX_COST, ["--max-cost", "0.25"], {"max_cost": 0.25}),
        (NAME, ["--name", "c.s.m"], {"name": "c.s.m"}),
        (UPDATE, ["--update"], {"update": True}),
        (gate_options, ["--evaluation", "a.jsonl"], NO_GATE | {"evaluation": Path("a.jsonl")}),
        (gate_options, ["--judges", "openai:/gpt-4.1"], NO_GATE | {"judges": "openai:/gpt-4.1"}),
        (gate_options, ["--force", "two words"], NO_GATE | {"force": "two words"}),
    ],
)
def test_options_give_their_values(option: Callable[..., Any], words: list[str], values: dict[str, Any]) -> None:
    assert parse(option, *words) == values


def test_cost_below_0_is_refused() -> None:
    message = parse(MAX_COST, "--max-cost", "-0.01")
    assert "-0.01 is not in the range x>=0" in message


@pytest.mark.parametrize(
    ("words", "documents", "more_documents"),
    [
        (["a"], (), ("a",)),
        (["--documents", "a"], ("a",), ()),
        (["--documents", "a", "b", "c"], ("a",), ("b", "c")),
        (["b", "--documents", "a", "c", "--documents", "d"], ("a", "d"), ("b", "c")),
        (["--documents", ""], ("",), ()),
    ],
)
def test_documents_are_options_and_arguments(
    words: list[str], documents: tuple[str, ...], more_documents: tuple[str, ...]
) -> None:
    assert parse(document_options, *words) == NO_DOCUMENTS | {
        "documents": documents,
        "more_documents": more_documents,
    }


@pytest.mark.parametrize("flag", ["strict", "private"])
def test_flag_sets_its_own_value_only(flag: str) -> None:
    loading = LoadOptions(is_strict=flag == "strict", allows_private=flag == "private")
    assert parse(document_options, f"--{flag}") == NO_DOCUMENTS | {"loading": loading}


def test_reading_options_are_collected() -> None:
    words = (
        "--column text=body --column tag=a --column tag=b --ocr eng+deu --exclude *.log --base-url https://x.example "
        "--reader .PDF=docling --reader .msg=office.mail:read"
    )
    assert parse(document_options, *words.split()) == NO_DOCUMENTS | {
        "loading": LoadOptions(
            columns=ColumnRoles("body", "", ["a", "b"]),
            ocr_languages="eng+deu",
            exclude=("*.log",),
            base_url="https://x.example",
            readers={".pdf": "docling", ".msg": "office.mail:read"},
        )
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("text",), "--column text: expected text=NAME, title=NAME or tag=NAME"),
        (("body=x",), "--column body=x: expected text=NAME, title=NAME or tag=NAME"),
        (("title=",), "--column title=: expected text=NAME, title=NAME or tag=NAME"),
        (("text=a", "text=b"), "--column names two columns as text; only tag may be repeated"),
    ],
)
def test_column_without_a_role_is_refused(values: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError) as refusal:
        parse_columns(values)
    assert str(refusal.value) == message


def test_shipped_documents_are_those_of_the_project() -> None:
    assert SHIPPED_DOCUMENTS == ROOT / "documents"
    assert EXERCISE.parent == SHIPPED_DOCUMENTS


@pytest.mark.parametrize(
    ("documents", "more_documents", "choice"),
    [
        ((), (), [str(SHIPPED_DOCUMENTS)]),
        (("a",), (), ["a"]),
        ((), ("b",), ["b"]),
        (("a", "c"), ("b",), ["a", "c", "b"]),
        (("",), (), [""]),
    ],
)
def test_local_index_is_built_from_named_or_shipped_documents(
    documents: tuple[str, ...], more_documents: tuple[str, ...], choice: list[str], profile: Profile
) -> None:
    assert choose_documents(profile, documents, more_documents) == choice


def test_documents_that_come_with_the_project_are_a_sample() -> None:
    assert is_sample([str(SHIPPED_DOCUMENTS)])
    assert is_sample([os.path.relpath(SHIPPED_DOCUMENTS)])
    assert not is_sample([str(SHIPPED_DOCUMENTS), "more"])
    assert not is_sample([str(SHIPPED_DOCUMENTS / "guide")])
    assert not is_sample([])


@pytest.fixture
def remote_profile(tmp_path: Path) -> Profile:
    """Return a profile whose index is in Databricks AI Search."""
    (tmp_path / "remote.yaml").write_text(REMOTE, "utf-8")
    return Profile.read(str(tmp_path / "remote.yaml"))


@pytest.mark.parametrize("documents", [(), ("",)])
def test_remote_index_takes_no_documents(documents: tuple[str, ...], remote_profile: Profile) -> None:
    assert choose_documents(remote_profile, documents, ()) == []


@pytest.mark.parametrize(("documents", "more_documents"), [(("a",), ()), ((), ("b",)), (("", "a"), ())])
def test_documents_for_a_remote_index_are_refused(
    documents: tuple[str, ...], more_documents: tuple[str, ...], remote_profile: Profile
) -> None:
    with pytest.raises(CommandError) as refusal:
        choose_documents(remote_profile, documents, more_documents)
    assert str(refusal.value) == ("the AI Search index c.s.i takes its documents from its table; leave out --documents")


@pytest.mark.parametrize("value", ["pdf=docling", ".pdf", ".pdf=", "=docling"])
def test_reader_of_another_form_is_refused(value: str) -> None:
    with pytest.raises(CommandError, match=r"--reader .*: expected SUFFIX=NAME, such as .pdf=docling"):
        parse_readers((value,))
