"""Columns and fields: which columns map by themselves, what is refused, and which request a row becomes."""

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import pytest

from serving.batch.mapping import hash_request, make_key, make_mapping
from serving.doors.described_stage import DescribedStage
from serving.errors import ServingError
from tests.door_server import DESCRIPTION

STAGES = DescribedStage.list_all(DESCRIPTION)


def make(columns: list[str], *entries: str) -> dict[str, Any]:
    """Return the request of a row whose values are the names of its columns."""
    return make_mapping(STAGES, columns, entries).make_request({name: name for name in columns})


def test_columns_with_the_names_of_fields_map_by_themselves() -> None:
    assert make(["id", "question", "prompt", "k"]) == {
        "qa": {"question": "question", "k": "k"},
        "image_generation": {"prompt": "prompt"},
    }


def test_entry_maps_a_column_of_another_name() -> None:
    assert make(["title", "k"], "qa.question=title") == {"qa": {"question": "title", "k": "k"}}


def test_text_with_a_reference_stands_for_itself() -> None:
    request = make(["question"], "image_generation.prompt=A diagram of: {qa.answer}")
    assert request["image_generation"] == {"prompt": "A diagram of: {qa.answer}"}


@pytest.mark.parametrize(
    ("columns", "entries", "words"),
    [
        (["text"], [], "no column is a field of the version's stages; the table has text; map them to qa.question"),
        (["question"], ["qa.question"], "expected STAGE.FIELD=COLUMN"),
        (["question"], ["qa.nothing=question"], "has no field qa.nothing; its fields are qa.question"),
        (["question"], ["nothing.question=question"], "has no field nothing.question"),
        (["question"], ["qa.question=text"], "the table has no column text; its columns are question"),
    ],
)
def test_wrong_mapping_is_refused_in_words(columns: list[str], entries: list[str], words: str) -> None:
    with pytest.raises(ServingError, match=words):
        make_mapping(STAGES, columns, entries)


def test_column_of_two_stages_has_to_be_said() -> None:
    twins = [STAGES[0], DescribedStage("faq", "retrieval_qa", STAGES[0].inputs, STAGES[0].outputs)]
    with pytest.raises(ServingError, match=r"say --map qa.question=question or --map faq.question=question"):
        make_mapping(twins, ["question"], [])
    mapping = make_mapping(twins, ["question"], ["faq.question=question"])
    assert mapping.make_request({"question": "Why?"}) == {"faq": {"question": "Why?"}}


@pytest.mark.parametrize("absent", [None, math.nan])
def test_stage_without_its_needed_field_is_absent(absent: object) -> None:
    mapping = make_mapping(STAGES, ["question", "k", "prompt"], [])
    assert mapping.make_request({"question": absent, "k": 3, "prompt": "A pixel"}) == {
        "image_generation": {"prompt": "A pixel"}
    }


def test_values_of_tables_become_json() -> None:
    mapping = make_mapping(STAGES, ["question", "k", "filter"], [])
    row = {"question": b"Why?", "k": Decimal(3), "filter": {"page": Decimal("1.5"), "source": None, "tag": ["a"]}}
    assert mapping.make_request(row) == {"qa": {"question": "Why?", "k": 3, "filter": {"page": 1.5, "tag": ["a"]}}}
    assert make_key({"day": dt.date(2026, 11, 28)}, "day", "") == '"2026-11-28"'


def test_key_is_the_column_s_value_or_a_hash_of_the_request() -> None:
    request_hash = hash_request({"qa": {"question": "Why?"}})
    assert request_hash == hash_request({"qa": {"question": "Why?"}}) != hash_request({"qa": {"question": "How?"}})
    assert make_key({"id": 7}, "id", request_hash) == "7"
    assert make_key({"id": "7"}, "id", request_hash) == '"7"'
    assert make_key({}, "", request_hash) == f'"{request_hash[:16]}"'
    with pytest.raises(ServingError, match="no value in the key column id"):
        make_key({"id": None}, "id", request_hash)
