"""Facts of servers: what a version is logged with, and what it starts with."""

import json
from pathlib import Path

import pytest

from model.errors import IndexFolderError
from model.providers.server_facts import ModelLimits, ServerFacts


def test_facts_are_read_as_they_were_written(tmp_path: Path) -> None:
    facts = ServerFacts()
    facts.limits_of("compatible", "m").refused |= {"temperature", "max_tokens"}
    facts.limits_of("compatible", "e").batch = 32
    assert facts.limits_of("compatible", "x") == ModelLimits()
    (tmp_path / "facts.json").write_text(json.dumps(facts.to_json()), "utf-8")
    read_facts = ServerFacts.read(tmp_path / "facts.json")
    assert read_facts.limits_of("compatible", "m") == ModelLimits({"temperature", "max_tokens"})
    assert read_facts.limits_of("compatible", "e") == ModelLimits(batch=32)
    assert read_facts.describe() == [
        "compatible:e takes 32 texts in a call",
        "compatible:m refuses max_tokens, temperature, which is left out",
    ]


def test_facts_without_a_limit_are_not_written() -> None:
    facts = ServerFacts()
    facts.limits_of("compatible", "m")
    assert (facts.to_json(), facts.describe()) == ({}, [])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"limits": {"a": 1}}', '{"limits": {"a": {"refused": []}}}'])
def test_damaged_file_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text(text, "utf-8")
    with pytest.raises(IndexFolderError, match=r"facts\.json is damaged; log the version again"):
        ServerFacts.read(tmp_path / "facts.json")
