"""Responses are fitted to a number of bytes: exactly at the limit, fairly among images, with an error where needed."""

import asyncio
import base64
import copy
import io
import json
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model.config import environment
from model.contract.fields import Field
from model.contract.stage_contract import Contract, Response, StageContract
from model.images.fit_response import fit_responses, read_max_bytes

IMAGE_FIELDS = (Field("image", "image"), Field("mime_type", "text"), Field("sha256", "text"))
CONTRACT = Contract(
    {
        "draw": StageContract("draw", (), IMAGE_FIELDS),
        "paint": StageContract("paint", (), IMAGE_FIELDS[:2]),
        "plot": StageContract("plot", (), (Field("shown", "image"), Field("caption", "text"))),
    }
)
SERVING_VARIABLES = ("IS_IN_DB_MODEL_SERVING_ENV", "IS_IN_DATABRICKS_MODEL_SERVING_ENV")


def encode_noise(side: int) -> bytes:
    """Return a PNG of noise, which compresses badly."""
    noise = np.random.default_rng(7).integers(0, 255, (side, side, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise, "RGB").save(out, "PNG")
    return out.getvalue()


LARGE, SMALL = encode_noise(300), encode_noise(40)


def make_response(draw: bytes = b"", paint: bytes = b"", shown: bytes = b"", caption: str = "") -> Response:
    response = CONTRACT.empty_response()
    for name, content in (("draw", draw), ("paint", paint)):
        response[name] |= {"image": base64.b64encode(content).decode(), "mime_type": "image/png", "notes": []}
    response["draw"]["sha256"] = sha256(draw).hexdigest() if draw else ""
    response["plot"] |= {"shown": base64.b64encode(shown).decode(), "caption": caption, "notes": []}
    return response


def fit(responses: list[Response], max_bytes: int | None = None) -> list[Response]:
    """Return the fitted responses; the arguments stay as they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(environment.RESPONSE_BYTES.name, "" if max_bytes is None else str(max_bytes))
        return asyncio.run(fit_responses(copy.deepcopy(responses), CONTRACT))


def count_bytes(responses: list[Response]) -> int:
    return len(json.dumps(responses))


def list_formats(responses: list[Response]) -> list[str | None]:
    contents = [base64.b64decode(response["draw"]["image"]) for response in responses]
    return [Image.open(io.BytesIO(content)).format if content else None for content in contents]


@pytest.mark.parametrize("limit", [None, 0])
def test_nothing_is_shrunk_without_a_limit(limit: int | None) -> None:
    responses = [make_response(LARGE, LARGE, LARGE)]
    assert fit(responses, limit) == responses


def test_responses_without_images_stay_as_they_are() -> None:
    responses = [make_response(caption="x" * 3000)]
    assert fit(responses, 500) == responses


def test_limit_leaves_200_bytes_around_the_responses() -> None:
    responses = [make_response(LARGE), make_response(SMALL)]
    size = count_bytes(responses) + 200
    assert fit(responses, size) == responses
    assert list_formats(fit(responses, size - 1)) == ["WEBP", "PNG"]


@pytest.mark.parametrize("limit", [12_000, 40_000, 200_000, 700_000, 1_000_000])
def test_fitted_responses_have_at_most_the_limit(limit: int) -> None:
    responses = [make_response(LARGE, SMALL, caption="ü" * 100), make_response(LARGE), make_response(SMALL, LARGE)]
    assert count_bytes(responses) > limit
    assert count_bytes(fit(responses, limit)) <= limit


def test_equal_images_receive_equal_shares() -> None:
    first, second, third = fit([make_response(LARGE)] * 3, 150_000)
    assert first == second == third
    assert 30_000 < len(first["draw"]["image"]) <= 50_000


def test_room_that_small_images_leave_goes_to_the_large() -> None:
    """The order of the responses does not matter."""
    limit = 100_000
    for responses in ([make_response(LARGE), make_response(SMALL)], [make_response(SMALL), make_response(LARGE)]):
        fitted = fit(responses, limit)
        small, large = sorted(fitted, key=lambda response: len(response["draw"]["image"]))
        assert small == make_response(SMALL)
        assert 70_000 < len(large["draw"]["image"]) < limit - len(small["draw"]["image"])


def test_shrunk_image_has_type_hash_and_a_further_note() -> None:
    response = make_response(LARGE)
    response["draw"]["notes"] = ["first: a note"]
    (fitted,) = fit([response], 80_000)
    assert (fitted["draw"]["mime_type"], fitted["draw"]["error"]) == ("image/webp", "")
    assert fitted["draw"]["sha256"] == sha256(base64.b64decode(fitted["draw"]["image"])).hexdigest()
    assert fitted["draw"]["notes"] == [
        "first: a note",
        "picture_smaller: the image was made smaller, so that the answer stays under 80,000 bytes",
    ]


def test_image_without_a_hash_field_receives_none() -> None:
    (fitted,) = fit([make_response(paint=LARGE)], 80_000)
    assert fitted["paint"].keys() == make_response()["paint"].keys()
    assert fitted["paint"]["mime_type"] == "image/webp"


@pytest.mark.parametrize(("stage", "name"), [("plot", "shown"), ("paint", "image")])
def test_image_that_cannot_fit_becomes_an_error(stage: str, name: str) -> None:
    (fitted,) = fit([make_response(paint=LARGE, shown=LARGE)], 2500)
    assert fitted[stage][name] == ""
    assert fitted[stage]["notes"] == []
    assert fitted[stage]["error"] == (
        f"payload: {stage}: the image does not fit into an answer of 2,500 bytes; "
        "send fewer requests at once, or store images (MULTICHAIN_PICTURES)"
    )


def test_removed_image_leaves_its_room_to_the_others() -> None:
    """An image of another type cannot be shrunk; the image beside it then fits as it is."""
    drawing = encode_noise(200)
    (fitted,) = fit([make_response(drawing, shown=encode_noise(150))], len(drawing) * 4 // 3 + 4000)
    assert (fitted["plot"]["shown"], fitted["plot"]["error"][:8]) == ("", "payload:")
    assert fitted["draw"] == make_response(drawing)["draw"]


@pytest.mark.parametrize(
    ("setting", "serving", "expected"),
    [
        ("", "true", 1_000_000),
        ("15999999", "true", 15_999_999),
        ("16000000", "true", 16_000_000),
        ("16000001", "true", 16_000_000),
        ("16000001", "", 16_000_001),
        ("16000001", "false", 16_000_001),
        ("", "1", 0),
        ("", "false", 0),
    ],
)
@pytest.mark.parametrize("variable", SERVING_VARIABLES)
def test_either_variable_of_an_endpoint_bounds_the_limit(
    variable: str, setting: str, serving: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SERVING_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(environment.RESPONSE_BYTES.name, setting)
    monkeypatch.setenv(variable, serving)
    assert read_max_bytes() == expected


def test_limit_of_an_endpoint_applies_without_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SERVING_VARIABLES[1], "true")
    responses: list[Any] = [make_response(encode_noise(520))]
    assert count_bytes(responses) > 1_000_000
    assert count_bytes(fit(responses)) <= 1_000_000
