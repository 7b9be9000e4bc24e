"""Texts in the fonts that come with the project, in any of their scripts."""

import itertools

import pytest
from PIL import Image, ImageDraw, features

from model.diagram import fonts
from model.diagram.from_text.concepts import build_graph
from model.diagram.render import draw_diagram
from model.errors import StageFailedError

SCRIPTS = [
    "LangChain",
    "Ωμέγα",
    "вода",
    "水循环",
    "データ",
    "데이터",
    "دورة",
    "מים",
    "जल",
    "জল",
    "நீர்",
    "น้ำ",
    "წყალი",
    "ջուր",
]


def drawn(letters: str) -> bytes:
    ((run, name),) = fonts.split_by_font(letters)
    image = Image.new("L", (400, 80))
    ImageDraw.Draw(image).text((10, 40), run, font=fonts.load_font(32, bold=False, name=name), fill=255, anchor="lm")
    return image.tobytes()


@pytest.mark.parametrize("word", SCRIPTS)
def test_each_letter_of_a_script_has_a_shape_of_its_own(word: str) -> None:
    missing = {drawn(chr(0x0378)), drawn(chr(0x2FFF))}  # of no letter in Noto Sans, of none in the fallback
    shapes = {letter: drawn(letter) for letter in word if letter.isalpha()}
    assert missing.isdisjoint(shapes.values())
    assert len(set(shapes.values())) == len(shapes)


def test_runs_of_two_scripts() -> None:
    assert fonts.split_by_font("LangChain 架构 ok") == [
        ("LangChain ", "NotoSans"),
        ("架构", "DroidSansFallback"),
        (" ok", "NotoSans"),
    ]
    assert [run for run, _ in fonts.split_by_font("دورة API")] == ["API", "دورة "]


def test_a_script_that_cannot_be_shaped_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda _name: False)
    assert fonts.split_by_font("水") == [("水", "DroidSansFallback")]
    with pytest.raises(StageFailedError, match="libfribidi"):
        fonts.split_by_font("دورة")


def test_wide_letters_break_earlier() -> None:
    assert fonts.wrap_text("水" * 20, 18) == ["水" * 9, "水" * 9, "水水"]
    assert fonts.wrap_text("a " * 12, 18) == ["a a a a a a a a a", "a a a"]


@pytest.mark.parametrize(
    ("told", "expected"), [("LangChain 架构", False), ("架构图", True), ("вода", True), ("", False)]
)
def test_foreign(told: str, expected: bool) -> None:
    assert fonts.is_mostly_non_latin(told) is expected


@pytest.mark.parametrize("style", ["map", "flow", "layers"])
@pytest.mark.parametrize(
    "prompt", ["水循环:蒸发、凝结、降水、径流", "دورة الماء: تبخر، تكاثف، هطول", "Shop: app (web, phone), API, data"]
)  # fmt: skip
def test_nothing_covers_another_in_any_form(prompt: str, style: str) -> None:
    picture = draw_diagram(build_graph(prompt, [], style), "A caption", (768, 432))
    for one, other in itertools.combinations(picture.boxes, 2):
        apart = (
            one.right <= other.left + 1
            or other.right <= one.left + 1
            or one.bottom <= other.top + 1
            or other.bottom <= one.top + 1
        )
        assert apart, (one, other)
    assert all(box.left >= 0 and box.top >= 0 and box.right <= 768 and box.bottom <= 432 for box in picture.boxes)
