"""Codes of the notes that stages add."""

import re

from model.runtime.usage import NOTE_CODES
from tests.fixtures import ROOT

NOTE_CALL = re.compile(r'add_note\(\s*"([a-z_]+)"|f"([a-z_]+): the image was made smaller')


def test_note_codes_list_every_code_that_the_model_adds() -> None:
    sources = [file.read_text("utf-8") for file in (ROOT / "model").rglob("*.py")]
    codes = {code for source in sources for match in NOTE_CALL.finditer(source) for code in match.groups() if code}
    assert codes == NOTE_CODES.keys()
