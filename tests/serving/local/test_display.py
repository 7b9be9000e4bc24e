"""Responses as lines for a terminal, and pictures as files."""

import base64
from pathlib import Path
from typing import Any

import pytest

from serving.errors import ServingError
from serving.local.display import format_response, has_failed

Values = dict[str, Any]
FREE = {"cost": 0.0, "cost_known": True}
PICTURE = b"\x89PNG bytes"


def make_stage(**values: Any) -> Values:
    """Return the values of a stage that ran."""
    stage = {"ran": True, "error": "", "answered_by": "gpt-4.1", "seconds": 1.234, "usage": FREE}
    return stage | values


def make_picture(**values: Any) -> Values:
    """Return the values of a stage that drew a picture."""
    picture = {"image": base64.b64encode(PICTURE).decode(), "url": "", "mime_type": "image/png", "alt_text": "A fox"}
    return make_stage(**picture | values)


def format_stages(out: Path = Path("nowhere.png"), version: str = "", **stages: Values) -> list[str]:
    """Return the lines of a response."""
    return list(format_response(stages | {"meta": {"version": version}}, out))


def test_answer_is_followed_by_its_sources_and_notes() -> None:
    sources = [
        {"source": "a.txt", "heading": "", "score": 0.876, "cited": True},
        {"source": "b.md", "heading": "Setup > Linux", "score": 1, "cited": False},
    ]
    stage = make_stage(answer="Yes. [1]", sources=sources, notes=["short: one.", "old: two."])
    assert format_stages(qa=stage, version="3") == [
        "qa (gpt-4.1, 1.23 s)",
        "Yes. [1]",
        "  [1] 0.88 cited  a.txt",
        "  [2] 1.00        b.md > Setup > Linux",
        "Note: short: one.",
        "Note: old: two.",
        "Answered by version 3",
    ]


@pytest.mark.parametrize(
    ("usage", "text"),
    [
        (FREE, ""),
        ({"cost": 0.0000012, "cost_known": True}, ", $0.000001"),
        ({"cost": 12.5, "cost_known": True}, ", $12.500000"),
        ({"cost": 0.0, "cost_known": False}, ", cost unknown"),
        ({"cost": 12.5, "cost_known": False}, ", cost unknown"),
    ],
)
def test_cost_follows_the_duration_when_there_is_a_cost(usage: Values, text: str) -> None:
    assert format_stages(qa=make_stage(usage=usage, seconds=0.005)) == [f"qa (gpt-4.1, 0.01 s{text})"]


def test_stage_that_did_not_run_is_left_out() -> None:
    assert format_stages(qa=make_stage(ran=False, answer="", sources=[]), draw=make_stage()) == [
        "draw (gpt-4.1, 1.23 s)"
    ]


@pytest.mark.parametrize("ran", [True, False])
def test_failed_stage_shows_its_error_alone(ran: bool) -> None:
    failed = make_stage(ran=ran, error="timeout: qa: too late", answer="", sources=[], notes=["a: b."])
    assert format_stages(qa=failed, draw=make_stage()) == ["qa failed: timeout: qa: too late", "draw (gpt-4.1, 1.23 s)"]


@pytest.mark.parametrize(
    ("mime_type", "name"),
    [("image/png", "fox.png"), ("image/jpeg", "fox.jpg"), ("image/webp", "fox.webp"), ("image/gif", "fox.bmp")],
)
def test_suffix_of_a_picture_follows_its_format(mime_type: str, name: str, tmp_path: Path) -> None:
    lines = format_stages(tmp_path / "fox.bmp", draw=make_picture(mime_type=mime_type))
    assert lines == ["draw (gpt-4.1, 1.23 s)", "A fox", str(tmp_path / name)]
    assert (tmp_path / name).read_bytes() == PICTURE


def test_further_pictures_get_a_number_and_failures_do_not_count(tmp_path: Path) -> None:
    stages = {name: make_picture() for name in "abc"} | {"failed": make_stage(error="no"), "d": make_picture()}
    lines = format_stages(tmp_path / "fox.png", **stages)
    files = ["fox.png", "fox-2.png", "fox-3.png", "fox-4.png"]
    assert [line for line in lines if line.startswith("/")] == [str(tmp_path / file) for file in files]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(files)


def test_picture_at_an_address_is_shown_and_counted_but_not_written(tmp_path: Path) -> None:
    linked = make_picture(image="", url="https://example.org/fox.png")
    lines = format_stages(tmp_path / "fox.png", a=linked, b=make_picture())
    assert lines[1:3] == ["A fox", "https://example.org/fox.png"]
    assert [file.name for file in tmp_path.iterdir()] == ["fox-2.png"]


def test_stage_without_a_picture_writes_no_file(tmp_path: Path) -> None:
    assert format_stages(tmp_path / "fox.png", draw=make_picture(image="")) == ["draw (gpt-4.1, 1.23 s)"]
    assert list(tmp_path.iterdir()) == []


def test_relative_path_of_a_picture_is_shown_absolutely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert format_stages(Path("fox"), draw=make_picture())[-1] == str(tmp_path / "fox.png")


def test_picture_that_cannot_be_written_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ServingError) as caught:
        format_stages(tmp_path / "nosuch" / "fox.gif", draw=make_picture())
    assert caught.value.message == (
        f"cannot write the picture to {tmp_path}/nosuch/fox.png (No such file or directory); give another --out"
    )


@pytest.mark.parametrize(
    ("errors", "expected"), [(["", ""], False), (["", "late"], True), (["late", ""], True), ([], False)]
)
def test_response_has_failed_when_any_stage_has_an_error(errors: list[str], expected: bool) -> None:
    stages = {f"stage {number}": make_stage(error=error) for number, error in enumerate(errors)}
    assert has_failed(stages | {"meta": {"version": "", "error": "ignored"}}) is expected


def test_control_sequences_of_a_document_are_not_printed() -> None:
    answer = "Red \x1b[31malert\x1b[0m \x07\u202ereversed\u202c.\nSecond line.\tEnd."
    stage = make_stage(
        answer=answer, sources=[{"source": "a\x1b]0;x\x07.txt", "heading": "", "score": 1, "cited": True}]
    )
    assert format_stages(qa=stage)[1:] == [
        "Red [31malert[0m reversed.\nSecond line.\tEnd.",
        "  [1] 1.00 cited  a]0;x.txt",
    ]
