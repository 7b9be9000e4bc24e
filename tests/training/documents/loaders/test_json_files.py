"""Records of JSON, JSON lines and YAML."""

import json

import pytest

from model.errors import DocumentError

from .conftest import ReadContent


def test_list_inside_an_envelope_gives_its_records(read_content: ReadContent) -> None:
    records = [{"id": 1, "title": "VPN", "body": "It drops.", "labels": ["a", "b"]}, {"id": 2, "body": "It runs."}]
    documents, _ = read_content("a.json", json.dumps({"data": records}))
    assert [(document.title, document.text) for document in documents] == [
        ("VPN", "It drops.\n\nid: 1\nlabels: a, b"),
        ("", "It runs.\n\nid: 2"),
    ]


def test_records_keyed_by_code_are_found_by_the_code(read_content: ReadContent) -> None:
    documents, _ = read_content("a.json", json.dumps({"E17": "The lid is open now.", "E22": "The filter is clogged."}))
    assert [(document.title, document.text) for document in documents] == [
        ("E17", "The lid is open now."),
        ("E22", "The filter is clogged."),
    ]


def test_nested_object_gives_fields_with_joined_names(read_content: ReadContent) -> None:
    value = {"service": "billing", "owner": {"team": "Payments"}, "limits": [{"name": "rate", "value": 120}]}
    (document,), _ = read_content("a.json", json.dumps(value))
    assert [block.text for block in document.blocks] == [
        "service: billing",
        "service: billing\nowner.team: Payments",
        "service: billing\nlimits.name: rate\nlimits.value: 120",
    ]


@pytest.mark.parametrize("records", [{"P1": {"price": 12}, "P2": {"price": 9}}, [{"price": 12}, {"price": 9}]])
def test_records_inside_an_object_are_documents_beside_its_own_values(
    records: object, read_content: ReadContent
) -> None:
    value = {"updated": "2026-03-01", "currency": "EUR", "catalogue": records}
    documents, _ = read_content("a.json", json.dumps(value))
    assert [document.page for document in documents] == [0, 1, 2]
    assert documents[0].text == "updated: 2026-03-01\ncurrency: EUR"
    assert [document.blocks[0].text for document in documents[1:]] == ["catalogue", "catalogue"]
    assert [document.tags[-1] for document in documents[1:]] == ["price=12", "price=9"]


def test_list_of_values_is_one_text_and_several_tags(read_content: ReadContent) -> None:
    record = {"text": "It drops.", "labels": ["vpn", "net"], "owner": {"teams": ["A", "B"]}}
    (document,), _ = read_content("a.jsonl", json.dumps(record))
    assert document.text == "It drops.\n\nlabels: vpn, net\nowner.teams: A, B"
    assert document.tags == ("labels=vpn", "labels=net", "owner.teams=A", "owner.teams=B")


def test_line_that_is_no_json_is_passed_over_by_its_number(read_content: ReadContent) -> None:
    documents, notes = read_content("a.jsonl", '{"text": "one"}\n{"text": \n\n{"text": "three"}\n"four"\n')
    assert [(document.page, document.text) for document in documents] == [(1, "one"), (2, "three"), (3, "four")]
    assert notes == ["lines that are not JSON were passed over: 2"]


@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000])
def test_deeply_nested_json_is_refused(content: str, read_content: ReadContent) -> None:
    with pytest.raises(DocumentError, match="the file is not JSON"):
        read_content("a.json", content)


def test_deeply_nested_yaml_is_refused(read_content: ReadContent) -> None:
    with pytest.raises(DocumentError, match="nested more than 100 deep"):
        read_content("a.yaml", "[" * 101)


def test_alias_of_yaml_is_not_expanded(read_content: ReadContent) -> None:
    (document,), _ = read_content("a.yaml", "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n")
    assert document.text == "a: x, x\nb: *a, *a\nc: *b, *b"


def test_yaml_keeps_words_as_they_are_written(read_content: ReadContent) -> None:
    (document,), _ = read_content("a.yaml", "version: 1.10\nanswer: no\nports:\n  - 80\n  - 443\n")
    assert document.text == "version: 1.10\nanswer: no\nports: 80, 443"
