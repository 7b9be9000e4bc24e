"""Write docs/page.png: the page of a running server with a chained request. ``python docs/screenshot.py [ADDRESS]``.

Needs Chromium. The server is ``python -m serving up`` in a folder in which ``python -m training run`` was run.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

FILE = Path(__file__).parent / "page.png"


def take_screenshot(address: str, file: Path) -> None:
    """Ask for an answer and a picture of it on the page at ``address``, and write what is seen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1000, "height": 1280})
        page.goto(address)
        page.get_by_label("image_generation", exact=True).check()
        page.get_by_label("Question").fill("Tell me about LangChain.")
        page.get_by_label("Prompt").fill("A diagram of: {qa.answer}")
        page.get_by_role("button", name="Ask", exact=True).click()
        page.locator("figure img").wait_for()
        page.get_by_label("image_generation", exact=True).uncheck()
        page.evaluate("window.scrollTo(0, 0)")
        page.screenshot(path=file)
        browser.close()


if __name__ == "__main__":
    take_screenshot(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:5000/", FILE)
