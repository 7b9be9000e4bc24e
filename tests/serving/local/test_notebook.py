"""A response as a notebook draws it: escaped text, citations, links, pictures and errors."""

from typing import Any

import lxml.html

from serving.local.notebook import show

SOURCE = {
    "source": "a<b>.md",
    "heading": "Setup > Linux",
    "page": 3,
    "text": 'The "pump" & its <script>',
    "tags": ["url=https://example.org/a?b=1&c=2"],
    "cited": True,
}


def make_stage(**values: Any) -> dict[str, Any]:
    stage = {"ran": True, "error": "", "answered_by": "offline:extractive", "seconds": 0.123, "notes": []}
    return stage | values


def draw(**stages: dict[str, Any]) -> Any:
    return lxml.html.fromstring(f"<div>{show(stages | {'meta': {}})._repr_html_()}</div>")


def test_answer_has_citations_and_links_and_escaped_text() -> None:
    second_source = SOURCE | {
        "source": "b.md",
        "page": 0,
        "heading": "",
        "tags": ["url=javascript:alert(1)"],
        "cited": False,
    }
    page = draw(
        qa=make_stage(answer="<i>Yes</i> [1], or [7].", sources=[SOURCE, second_source], notes=["short: <one>."])
    )
    assert page.xpath("//p[1]")[0].text_content() == "<i>Yes</i> [1], or [7]."
    assert [sup.get("title") for sup in page.xpath("//sup")] == [SOURCE["text"]]
    assert [item.text_content() for item in page.xpath("//li")] == ["a<b>.md · Setup > Linux · page 3", "b.md"]
    assert [link.get("href") for link in page.xpath("//a")] == ["https://example.org/a?b=1&c=2"]
    assert [item.text_content() for item in page.xpath("//li/b")] == ["a<b>.md · Setup > Linux · page 3"]
    assert page.xpath("//i")[0].text_content() == "Note: short: <one>."
    assert page.xpath("//script | //style") == []


def test_picture_and_error_are_drawn() -> None:
    picture = make_stage(image="aGk=", url="", mime_type="image/webp", alt_text='A "fox"')
    stored = make_stage(image="", url="https://example.org/fox.png", mime_type="image/png", alt_text="Stored")
    failed = make_stage(ran=False, error="not_available: <later>")
    page = draw(draw=picture, stored=stored, qa=failed, idle=make_stage(ran=False))
    assert [(image.get("src"), image.get("alt")) for image in page.xpath("//img")] == [
        ("data:image/webp;base64,aGk=", 'A "fox"'),
        ("https://example.org/fox.png", "Stored"),
    ]
    assert [heading.text for heading in page.xpath("//h4")] == ["draw", "stored", "qa"]
    assert page.xpath("//p[b]")[0].text_content() == "Failed: not_available: <later>"


def test_several_responses_are_parted_by_a_line() -> None:
    stage = make_stage(answer="Yes.", sources=[])
    html = show([{"qa": stage, "meta": {}}, {"qa": stage, "meta": {}}])._repr_html_()
    assert html.count("<hr>") == 1
    assert html.count("<p>Yes.</p>") == 2
