"""What a call answers fits what may be sent: its pictures are made smaller until it does.

MULTICHAIN_RESPONSE_BYTES sets the size. On a Model Serving endpoint it is 1 MB when nothing is set, since its
inference tables drop larger answers, and never more than the 16 MB that an endpoint sends; elsewhere there is none.
"""

import asyncio
import base64
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from ..contract.fields import Values
from ..contract.stage_contract import Contract, Response
from ..errors import PayloadError, SettingError

VARIABLE = "MULTICHAIN_RESPONSE_BYTES"
_ENDPOINT = ("IS_IN_DB_MODEL_SERVING_ENV", "IS_IN_DATABRICKS_MODEL_SERVING_ENV")
_USUAL, _HARD = 1_000_000, 16_000_000
_AROUND = 200  # for a note, and what MLflow puts around the answer


@dataclass(frozen=True, slots=True)
class _Picture:
    """An image field of a stage that was answered."""

    fields: Values
    name: str
    stage: str

    @property
    def size(self) -> int:
        """The characters of its base64."""
        return len(self.fields[self.name])


async def fitted(responses: list[Response], contract: Contract) -> list[Response]:
    """``responses``, with pictures made smaller when they are too large together; a note says so.

    A picture that cannot be made small enough becomes its stage's error.
    """
    most = allowed()
    if most and any(True for _ in _pictures(responses, contract)):
        await asyncio.to_thread(_fit, responses, contract, most)
    return responses


def allowed() -> int:
    """The bytes that an answer may have; 0 without a limit. Raises SettingError for a setting that is no number."""
    told = os.environ.get(VARIABLE, "")
    if told and not told.isdecimal():
        raise SettingError(f"{VARIABLE} is expected to be a number of bytes")
    serving = any(os.environ.get(name) == "true" for name in _ENDPOINT)
    return min(int(told or _USUAL), _HARD) if serving else int(told or 0)


def _fit(responses: list[Response], contract: Contract, most: int) -> None:
    pictures = sorted(_pictures(responses, contract), key=lambda picture: picture.size)
    whole = len(json.dumps(responses)) + _AROUND
    if whole <= most:
        return
    room = most - whole + sum(picture.size for picture in pictures) - _AROUND * len(pictures)
    for number, picture in enumerate(pictures):  # the smallest first, so that what it leaves goes to the others
        share = room // (len(pictures) - number)
        if picture.size > share:
            _shrink(picture, max(share, 0), most)
        room -= picture.size


def _shrink(picture: _Picture, share: int, most: int) -> None:
    from . import resize as size  # Pillow, where there are pictures

    fields, convertible = picture.fields, "mime_type" in picture.fields
    content = size.smaller(base64.b64decode(fields[picture.name]), share * 3 // 4) if convertible else b""
    fields[picture.name] = base64.b64encode(content).decode()
    if "sha256" in fields:
        fields["sha256"] = sha256(content).hexdigest() if content else ""
    if content:
        fields["mime_type"] = size.MIME_TYPE
        fields["notes"].append(f"picture_smaller: it was made smaller, so that the answer stays under {most:,} bytes")
    else:
        sentence = f"{picture.stage}: the picture does not fit an answer of {most:,} bytes; ask fewer at once"
        fields["error"] = PayloadError(f"{sentence}, or have pictures stored").field


def _pictures(responses: list[Response], contract: Contract) -> Iterator[_Picture]:
    for response in responses:
        for name, stage in contract.stages.items():
            for one in stage.outputs:
                if one.kind == "image" and response[name][one.name]:
                    yield _Picture(response[name], one.name, name)
