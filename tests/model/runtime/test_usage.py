"""Usage and notes of a stage."""

import re

from model.runtime.usage import NOTE_CODES
from tests.fixtures import ROOT

ADDED = re.compile(r'add_note\(\s*"([a-z_]+)"|f"([a-z_]+): the image was made smaller')


def test_note_codes_list_every_code_that_the_model_adds() -> None:
    sources = [file.read_text("utf-8") for file in (ROOT / "model").rglob("*.py")]
    added = {code for source in sources for match in ADDED.finditer(source) for code in match.groups() if code}
    assert added == NOTE_CODES.keys()
