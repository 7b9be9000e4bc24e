"""Fonts of the project: glyphs of each script, runs, line breaks and drawn texts."""

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


def draw_letters(letters: str) -> bytes:
    ((run, name),) = fonts.split_by_font(letters)
    image = Image.new("L", (400, 80))
    ImageDraw.Draw(image).text((10, 40), run, font=fonts.load_font(32, bold=False, name=name), fill=255, anchor="lm")
    return image.tobytes()


@pytest.mark.parametrize("word", SCRIPTS)
def test_each_letter_of_a_script_has_its_own_glyph(word: str) -> None:
    # Unassigned code points: the first is drawn in Noto Sans, the second in the fallback font.
    missing = {draw_letters(chr(0x0378)), draw_letters(chr(0x2FFF))}
    shapes = {letter: draw_letters(letter) for letter in word if letter.isalpha()}
    assert missing.isdisjoint(shapes.values())
    assert len(set(shapes.values())) == len(shapes)


def test_text_in_two_scripts_is_split_into_runs_by_font() -> None:
    assert fonts.split_by_font("LangChain 架构 ok") == [
        ("LangChain ", "NotoSans"),
        ("架构", "DroidSansFallback"),
        (" ok", "NotoSans"),
    ]
    assert [run for run, _ in fonts.split_by_font("دورة API")] == ["API", "دورة "]


def test_arabic_text_without_libfribidi_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda _name: False)
    assert fonts.split_by_font("水") == [("水", "DroidSansFallback")]
    with pytest.raises(StageFailedError, match="libfribidi"):
        fonts.split_by_font("دورة")


def test_line_of_wide_letters_holds_half_as_many() -> None:
    assert fonts.wrap_text("水" * 20, 18) == ["水" * 9, "水" * 9, "水水"]
    assert fonts.wrap_text("a " * 12, 18) == ["a a a a a a a a a", "a a a"]


@pytest.mark.parametrize(
    ("text", "expected"), [("LangChain 架构", False), ("架构图", True), ("вода", True), ("", False)]
)
def test_text_is_mostly_non_latin_with_a_majority_of_letters(text: str, expected: bool) -> None:
    assert fonts.is_mostly_non_latin(text) is expected


@pytest.mark.parametrize("style", ["map", "flow", "layers"])
@pytest.mark.parametrize(
    "prompt", ["水循环:蒸发、凝结、降水、径流", "دورة الماء: تبخر، تكاثف، هطول", "Shop: app (web, phone), API, data"]
)  # fmt: skip
def test_boxes_do_not_overlap_in_any_diagram_style(prompt: str, style: str) -> None:
    picture = draw_diagram(build_graph(prompt, [], style), "A caption", (768, 432))
    for first, second in itertools.combinations(picture.boxes, 2):
        are_separate = (
            first.right <= second.left + 1
            or second.right <= first.left + 1
            or first.bottom <= second.top + 1
            or second.bottom <= first.top + 1
        )
        assert are_separate, (first, second)
    assert all(box.left >= 0 and box.top >= 0 and box.right <= 768 and box.bottom <= 432 for box in picture.boxes)
