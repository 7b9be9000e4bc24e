"""Shrink images until a call's responses fit into what may be sent.

MULTICHAIN_RESPONSE_BYTES sets the size. On a Model Serving endpoint the default is 1 MB, since inference tables drop
larger answers, and the maximum 16 MB, which is all that an endpoint sends. Elsewhere there is no limit.
"""

import asyncio
import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from ..config import environment
from ..contract.fields import StageValues
from ..contract.stage_contract import Contract, Response
from ..errors import ResponseTooLargeError

_ENDPOINT_VARIABLES = ("IS_IN_DB_MODEL_SERVING_ENV", "IS_IN_DATABRICKS_MODEL_SERVING_ENV")
_DEFAULT_BYTES, _ENDPOINT_BYTES = 1_000_000, 16_000_000
_OVERHEAD_BYTES = 200  # of a note, and of what MLflow puts around the answer


@dataclass(frozen=True, slots=True)
class _ResponseImage:
    """An image field of a stage's output."""

    fields: StageValues
    name: str
    stage: str

    @property
    def size(self) -> int:
        """Characters of the image's base64 text."""
        return len(self.fields[self.name])


async def fit_responses(responses: list[Response], contract: Contract) -> list[Response]:
    """Return ``responses`` with images shrunk until all responses together can be sent.

    Args:
        responses: The responses of one call.
        contract: The contract, which says which fields are images.

    Returns:
        The responses. A shrunk image has a note; an image that cannot be made small enough becomes its stage's error.
    """
    max_bytes = read_max_bytes()
    if max_bytes and any(True for _ in _find_images(responses, contract)):
        await asyncio.to_thread(_shrink_images, responses, contract, max_bytes)
    return responses


def read_max_bytes() -> int:
    """Return the bytes that an answer may have; 0 for no limit.

    Raises:
        SettingError: MULTICHAIN_RESPONSE_BYTES is no number.
    """
    setting = environment.RESPONSE_BYTES.read()
    if any(environment.read_text(name) == "true" for name in _ENDPOINT_VARIABLES):
        return min(_DEFAULT_BYTES if setting is None else setting or _ENDPOINT_BYTES, _ENDPOINT_BYTES)
    return setting or 0


def _shrink_images(responses: list[Response], contract: Contract, max_bytes: int) -> None:
    pictures = sorted(_find_images(responses, contract), key=lambda picture: picture.size)
    size = len(json.dumps(responses)) + _OVERHEAD_BYTES
    if size <= max_bytes:
        return
    room = max_bytes - size + sum(picture.size for picture in pictures) - _OVERHEAD_BYTES * len(pictures)
    for number, picture in enumerate(pictures):  # the smallest first, so that what it leaves goes to the others
        share = room // (len(pictures) - number)
        if picture.size > share:
            _shrink_image(picture, max(share, 0), max_bytes)
        room -= picture.size


def _shrink_image(picture: _ResponseImage, room: int, max_bytes: int) -> None:
    from . import resize  # Pillow, where there are pictures

    fields, convertible = picture.fields, "mime_type" in picture.fields
    content = resize.shrink_image(base64.b64decode(fields[picture.name]), room * 3 // 4) if convertible else b""
    fields[picture.name] = base64.b64encode(content).decode()
    if "sha256" in fields:
        fields["sha256"] = sha256(content).hexdigest() if content else ""
    if content:
        fields["mime_type"] = resize.MIME_TYPE
        fields["notes"].append(
            f"picture_smaller: the image was made smaller, so that the answer stays under {max_bytes:,} bytes"
        )
    else:
        fields["error"] = ResponseTooLargeError(
            f"{picture.stage}: the image does not fit into an answer of {max_bytes:,} bytes; "
            "send fewer requests at once, or store images (MULTICHAIN_PICTURES)"
        ).coded_message


def _find_images(responses: list[Response], contract: Contract) -> Iterator[_ResponseImage]:
    for response in responses:
        for name, stage in contract.stages.items():
            for field in stage.outputs:
                if field.kind == "image" and response[name][field.name]:
                    yield _ResponseImage(response[name], field.name, name)
