"""The page in a real browser: ask, stream, stop, follow up, open a source, see a picture, judge; by mouse and keyboard.

Chromium is the one of the system; axe-core, from the npm registry, checks WCAG 2.2 AA.
"""

import json
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from serving.doors import page_routes
from serving.errors import ServingError
from tests.door_server import ANSWER, ScriptedTarget
from tests.fixtures import ROOT

QUESTION = "What does a night cost?"
MAX_PAGE_BYTES = 150_000
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
expect.set_options(timeout=20_000)  # milliseconds; other tests run beside
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        if os.environ.get("CI"):
            pytest.fail("the page's tests need Chromium, and CI must have it")
        pytest.skip("the page's tests need Chromium; apt-get install chromium")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])


@pytest.fixture
def address(server: str) -> str:
    return server


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    yield from open_page(browser, address)


def open_page(browser: Browser, address: str, **options: Any) -> Iterator[Page]:
    """Yield the page, and check that nothing was refused by its policy and that no script failed."""
    with browser.new_context(**options) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
        page = context.new_page()
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{address}/")
        expect(page.locator("#questions button").first).to_be_visible()
        yield page
        expected = "Failed to load resource"  # an answer with an error's status
        assert [problem for problem in problems if expected not in problem] == []


def ask(page: Page, question: str = QUESTION) -> None:
    page.get_by_label("Question").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()


def find_violations(page: Page) -> list[str]:
    """Return axe's findings, each with the first element concerned."""
    if not AXE.is_file():
        if os.environ.get("CI"):
            pytest.fail("make test installs axe with npm, and CI must have it")
        pytest.skip("axe is not installed; make test installs it where there is npm")
    page.evaluate(AXE.read_text("utf-8"))
    result = page.evaluate("tags => axe.run(document, {runOnly: tags})", AXE_TAGS)
    return [f"{finding['id']}: {finding['nodes'][0]['html']}" for finding in result["violations"]]


def test_page_is_small_and_loads_nothing_from_elsewhere(browser: Browser, address: str) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        sizes: dict[str, int] = {}
        page.on("response", lambda reply: sizes.update({reply.url: len(reply.body())}))
        page.goto(f"{address}/")
        expect(page.locator("#questions button").first).to_be_visible()
        page.wait_for_load_state("networkidle")
    assert all(url.startswith(address) for url in sizes)
    assert sum(sizes.values()) < MAX_PAGE_BYTES
    assert len(sizes) < 20


def test_page_has_a_strict_policy_and_no_inline_code(address: str, page: Page) -> None:
    reply = page.request.get(f"{address}/")
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "style=" not in reply.text()
    assert "<script>" not in reply.text()
    assert page.request.get(f"{address}/page/main.js").headers["content-security-policy"] == policy
    assert page.request.get(f"{address}/page/../app.py").status == 404


def test_first_question_is_answered_with_one_click(page: Page, target: ScriptedTarget) -> None:
    assert page.locator("#questions button").all_inner_texts() == [QUESTION, "Who asks?"]
    page.locator("#questions button").first.click()
    expect(page.locator(".answer")).to_contain_text("A night costs at most 120 euros.")
    expect(page.locator(".facts").first).to_have_text("scripted · 0.50 s · 10 tokens · $0.2500")
    expect(page.get_by_text("Answered by version 7")).to_be_visible()
    assert target.requests == [{"qa": {"question": QUESTION}}]
    expect(page.locator("#beginning")).to_be_hidden()


def test_answer_is_streamed_and_can_be_stopped(page: Page, target: ScriptedTarget) -> None:
    target.pause = 1.0
    ask(page)
    expect(page.locator(".answer")).to_contain_text("A night")
    expect(page.locator(".answer")).not_to_contain_text("euros")
    expect(page.locator(".answer")).to_have_attribute("aria-busy", "true")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped.", exact=True).first).to_be_visible()
    assert target.streams[0].is_closed.wait(5)
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_enabled()


def test_follow_up_carries_the_conversation_and_a_new_one_does_not(page: Page, target: ScriptedTarget) -> None:
    ask(page)
    expect(page.locator(".turn details.code")).to_have_count(1)
    ask(page, "And a meal?")
    expect(page.locator(".turn details.code")).to_have_count(2)
    assert target.requests[1]["qa"]["history"] == [{"question": QUESTION, "answer": ANSWER}]
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".turn")).to_have_count(0)
    ask(page, "Again?")
    expect(page.locator(".turn details.code")).to_have_count(1)
    assert "history" not in target.requests[2]["qa"]


def test_citation_opens_the_passage_with_the_quotation_marked(page: Page) -> None:
    ask(page)
    page.get_by_role("button", name="Source 1: Handbook \u203a Travel expenses \u203a page 3").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("[1] Handbook")
    expect(dialog.locator("#passage-place")).to_have_text(
        "handbook/travel.md · Handbook > Travel expenses · page 3 · team=people"
    )
    expect(dialog.locator("mark")).to_have_text("A night costs at most\n120 euros.", use_inner_text=True)
    expect(dialog.get_by_role("link")).to_have_attribute("href", "https://example.com/travel")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_address_with_a_script_is_no_link(page: Page) -> None:
    ask(page)
    page.get_by_role("button", name="[2] FAQ").click()
    expect(page.get_by_role("dialog").get_by_role("link")).to_have_count(0)


def test_text_of_documents_and_answers_is_never_markup(page: Page) -> None:
    ask(page, "<b>Why?</b>")
    expect(page.locator(".asked")).to_have_text("<b>Why?</b>")
    expect(page.locator(".answer")).to_contain_text("<img src=x onerror=alert(1)>")
    page.get_by_role("button", name="Source 1").click()
    expect(page.locator("#passage-text")).to_contain_text("<b>Travel</b>")
    assert page.locator(".answer img, #passage-text b, .asked b").count() == 0


def test_picture_has_a_description_a_maker_and_a_download(page: Page) -> None:
    page.get_by_label("qa", exact=True).uncheck()
    page.get_by_label("image_generation", exact=True).check()
    page.get_by_label("Prompt").fill("A pixel")
    page.get_by_text("More fields of image_generation").click()
    page.get_by_label("Style").select_option("flow")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("img", name="One pixel")).to_be_visible()
    expect(page.locator("figcaption")).to_contain_text("Made by scripted.")
    expect(page.get_by_text("The picture shows the prompt's own words")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the picture").click()
    assert download.value.suggested_filename == "multichain.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


def test_optional_fields_and_chained_stages_form_one_request(page: Page, target: ScriptedTarget) -> None:
    page.get_by_label("image_generation", exact=True).check()
    page.get_by_label("caption", exact=True).check()
    page.get_by_label("Prompt").fill("{qa.answer}")
    page.get_by_text("More fields of qa").click()
    page.get_by_label("K", exact=True).fill("2")
    page.get_by_label("Source").fill("a.md | b.md")
    page.get_by_label("Page").fill("3")
    ask(page)
    expect(page.locator(".turn details.code")).to_have_count(1)
    assert target.requests == [
        {
            "qa": {"question": QUESTION, "k": 2, "filter": {"source": ["a.md", "b.md"], "page": 3}},
            "image_generation": {"prompt": "{qa.answer}"},
            "caption": {"run": True},
        }
    ]


def test_error_of_one_stage_is_told_in_words_beside_the_others(page: Page, target: ScriptedTarget) -> None:
    target.fields["image_generation"]["error"] = "deadline: the time is up; ask for less"
    page.get_by_label("image_generation", exact=True).check()
    page.get_by_label("Prompt").fill("A pixel")
    ask(page)
    expect(page.get_by_role("alert").filter(has_text="The time is up; ask for less")).to_be_visible()
    expect(page.locator(".answer").first).to_contain_text("120 euros")


def test_refusal_of_the_target_is_told_in_words(page: Page, target: ScriptedTarget) -> None:
    target.error = ServingError("cannot reach the endpoint")
    ask(page)
    expect(page.get_by_role("alert").filter(has_text="cannot reach the endpoint")).to_be_visible()


def test_abstention_is_told_in_words(page: Page, target: ScriptedTarget) -> None:
    target.fields["qa"] |= {"abstained": True, "answer": "The documents do not contain an answer."}
    ask(page)
    expect(page.get_by_text("The nearest passages follow")).to_be_visible()


def test_feedback_is_absent_with_a_reason_without_a_trace(page: Page) -> None:
    ask(page)
    expect(page.get_by_text("Feedback cannot be noted")).to_be_visible()
    expect(page.get_by_role("button", name="Good answer")).to_have_count(0)


def test_feedback_is_noted_with_its_reason(page: Page, target: ScriptedTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[tuple[Any, ...]] = []
    monkeypatch.setattr(page_routes, "record_feedback", lambda *values, **names: noted.append((*values, names)))
    target.trace_id = "tr-1"
    ask(page)
    page.get_by_role("button", name="Bad answer").click()
    page.get_by_label("What is wrong with it?").fill("The price is old.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Noted as bad. Thank you.")).to_be_visible()
    assert noted == [("tr-1", "The price is old.", {"good": False, "user": "127.0.0.1"})]


def test_request_is_copied_as_code(page: Page) -> None:
    ask(page, "What's a night?")
    page.get_by_text("Use this request in code").click()
    copied = {}
    for language in ("curl", "Python", "SQL"):
        page.get_by_role("button", name=f"Copy {language}").click()
        expect(page.get_by_role("button", name=f"Copied {language}")).to_be_visible()
        copied[language] = page.evaluate("navigator.clipboard.readText()")
    assert "/invocations -H" in copied["curl"]
    assert "What'\\''s a night?" in copied["curl"]
    assert 'load_model("models:/scripted/7")' in copied["Python"]
    compile(copied["Python"], "snippet", "exec")
    assert copied["SQL"].startswith("SELECT ai_query(\n  'multichain',\n  named_struct('qa', named_struct('question',")
    assert "returnType => 'STRUCT<qa: STRUCT<answer: STRING, abstained: BOOLEAN, sources: ARRAY<" in copied["SQL"]


def test_everything_can_be_done_by_keyboard(page: Page) -> None:
    expect(page.get_by_label("Question")).to_be_focused()
    page.keyboard.type("A night?")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("And a meal?")
    page.keyboard.press("Enter")
    expect(page.locator(".asked")).to_have_text("A night?\nAnd a meal?", use_inner_text=True)
    expect(page.locator(".turn details.code")).to_have_count(1)
    page.keyboard.press("Control+Home")
    page.locator("body").press("Tab")
    for _ in range(30):
        if page.evaluate("document.activeElement.className") == "citation":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "citation"  # the focus is where it was


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_page_meets_wcag_in_each_state(browser: Browser, address: str, target: ScriptedTarget, colours: Any) -> None:
    for page in open_page(browser, address, color_scheme=colours):
        assert find_violations(page) == []
        target.trace_id = "tr-1"
        page.get_by_label("image_generation", exact=True).check()
        page.get_by_label("Prompt").fill("A pixel")
        page.get_by_text("More fields of qa").click()
        ask(page)
        expect(page.locator(".turn details.code")).to_have_count(1)
        page.get_by_role("button", name="Bad answer").click()
        page.get_by_text("Use this request in code").click()
        assert find_violations(page) == []
        page.get_by_role("button", name="Source 1").click()
        assert find_violations(page) == []
        page.keyboard.press("Escape")
        target.error = ServingError("cannot reach the endpoint")
        ask(page)
        expect(page.get_by_role("alert").filter(has_text="cannot reach").first).to_be_visible()
        assert find_violations(page) == []


@pytest.mark.parametrize("width", [320, 390, 768])
def test_narrow_screen_needs_no_sideways_scrolling(browser: Browser, address: str, width: int) -> None:
    for page in open_page(browser, address, viewport={"width": width, "height": 640}):
        page.get_by_label("image_generation", exact=True).check()
        page.get_by_label("Prompt").fill("A pixel")
        ask(page)
        expect(page.locator(".turn details.code")).to_have_count(1)
        page.get_by_text("Use this request in code").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_text_from_right_to_left_has_its_own_direction(page: Page, target: ScriptedTarget) -> None:
    target.fields["qa"]["answer"] = "ليلة واحدة تكلف 120 يورو [1]"
    ask(page, "كم تكلف الليلة؟")
    expect(page.locator(".turn details.code")).to_have_count(1)
    for selector in (".asked", ".answer"):
        assert page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).direction") == "rtl"


def test_description_that_cannot_be_read_is_told(browser: Browser, address: str, target: ScriptedTarget) -> None:
    target.error = ServingError("the endpoint is away")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{address}/")
        expect(page.get_by_role("alert")).to_have_text("the endpoint is away")


@pytest.mark.parametrize("body", [{}, {"trace_id": "tr", "good": "yes"}, {"trace_id": 1, "good": True}, []])
def test_feedback_of_another_shape_is_refused(page: Page, address: str, body: Any) -> None:
    reply = page.request.post(f"{address}/api/feedback", data=json.dumps(body))
    assert reply.status == 400
    assert reply.json()["message"]
