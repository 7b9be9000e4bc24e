"""Images in responses: provenance, size limits and storage."""

import asyncio
import base64
import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model.config import environment
from model.contract.events import discard
from model.contract.fields import Field
from model.contract.stage_contract import Contract, StageContract
from model.errors import ImageStorageError, SettingError
from model.images import fit_response, provenance, resize
from model.images.storage import store_image
from model.providers.openai import OpenAIProvider
from model.runtime.event_loop import Engine
from model.stages.image_generation import ImageGeneration
from standin.app import StandIn

openai = OpenAIProvider()

CONTRACT = Contract(
    {
        "draw": StageContract(
            "draw", (), (Field("image", "image"), Field("mime_type", "text"), Field("sha256", "text"))
        ),
        "plot": StageContract("plot", (), (Field("shown", "image"),)),
    }
)


def encode_noise(kind: str, side: int = 64, mode: str = "RGB", **settings: Any) -> bytes:
    """Return an encoded picture of noise, which compresses badly."""
    noise = np.random.default_rng(7).integers(0, 255, (side, side, len(mode)), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise, mode).save(out, kind, **settings)
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "mode", "settings"),
    [
        ("PNG", "RGB", {}),
        ("PNG", "RGBA", {}),
        ("JPEG", "RGB", {}),
        ("WEBP", "RGB", {"quality": 80}),
        ("WEBP", "RGBA", {"quality": 80}),
        ("WEBP", "RGB", {"lossless": True}),
        ("WEBP", "RGBA", {"lossless": True}),
        ("WEBP", "RGB", {"exif": Image.Exif().tobytes(), "icc_profile": b"icc"}),
    ],
)
def test_provenance_is_embedded_without_changing_a_pixel(kind: str, mode: str, settings: Any) -> None:
    plain = encode_noise(kind, mode=mode, **settings)
    with_provenance = provenance.embed_provenance(
        plain, "openai:gpt-image-2", 'A <city> & "more"', provenance.TRAINED_MODEL
    )
    before, after = Image.open(io.BytesIO(plain)), Image.open(io.BytesIO(with_provenance))
    assert (after.format, after.mode, after.size) == (kind, before.mode, before.size)
    assert np.array_equal(np.asarray(before), np.asarray(after))
    (description,) = (after.getxmp()["xmpmeta"]["RDF"]["Description"],)
    assert description["CreatorTool"] == "multichain; openai:gpt-image-2"
    assert description["DigitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert description["description"]["Alt"]["li"]["text"] == 'A <city> & "more"'


def test_provenance_leaves_other_formats_unchanged() -> None:
    assert provenance.embed_provenance(b"GIF89a", "x", "y", provenance.ALGORITHM) == b"GIF89a"


def test_shrunk_image_keeps_its_provenance() -> None:
    plain = provenance.embed_provenance(encode_noise("PNG", 512), "x", "y", provenance.ALGORITHM)
    small = resize.shrink_image(plain, 60_000)
    image = Image.open(io.BytesIO(small))
    assert (len(small) <= 60_000, image.format) == (True, "WEBP")
    assert image.getxmp()["xmpmeta"]["RDF"]["Description"]["CreatorTool"] == "multichain; x"
    assert resize.shrink_image(plain, 200) == b""


def make_responses(*pictures: bytes, text: str = "") -> list[dict[str, Any]]:
    responses = []
    for content in pictures:
        response = CONTRACT.empty_response()
        response["draw"] |= {"image": base64.b64encode(content).decode(), "mime_type": "image/png", "ran": True}
        response["draw"] |= {"answered_by": text, "notes": []}
        responses.append(response)
    return responses


def run_fit_responses(responses: list[Any], contract: Contract = CONTRACT) -> Any:
    return asyncio.run(fit_response.fit_responses(responses, contract))


def test_images_are_shrunk_until_the_responses_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.RESPONSE_BYTES.name, "120000")
    small, large = encode_noise("PNG", 32), encode_noise("PNG", 512)
    first, second, third = run_fit_responses(make_responses(small, large, large, text="ü" * 500))
    assert len(json.dumps([first, second, third])) <= 120_000
    assert base64.b64decode(first["draw"]["image"]) == small
    assert (first["draw"]["mime_type"], first["draw"]["notes"]) == ("image/png", [])
    for row in (second, third):
        assert Image.open(io.BytesIO(base64.b64decode(row["draw"]["image"]))).format == "WEBP"
        assert row["draw"]["mime_type"] == "image/webp"
        assert row["draw"]["sha256"] == sha256(base64.b64decode(row["draw"]["image"])).hexdigest()
        note = "picture_smaller: the image was made smaller, so that the answer stays under 120,000 bytes"
        assert row["draw"]["notes"] == [note]
    assert min(len(row["draw"]["image"]) for row in (second, third)) > 20_000


def test_image_that_cannot_fit_is_an_error_of_its_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.RESPONSE_BYTES.name, "2000")
    (response,) = run_fit_responses(make_responses(encode_noise("PNG", 512), text="x" * 1900))
    assert (response["draw"]["image"], response["draw"]["sha256"]) == ("", "")
    assert response["draw"]["error"] == (
        "payload: draw: the image does not fit into an answer of 2,000 bytes; send fewer requests at once, or "
        "store images (MULTICHAIN_PICTURES)"
    )


def test_image_without_mime_type_field_is_not_converted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.RESPONSE_BYTES.name, "2000")
    response = CONTRACT.empty_response()
    response["plot"] |= {"shown": base64.b64encode(encode_noise("PNG", 128)).decode(), "notes": []}
    assert run_fit_responses([response])[0]["plot"]["error"].startswith("payload: plot: the image does not fit")


@pytest.mark.parametrize(
    ("setting", "serving", "max_bytes"),
    [
        ("", False, 0),
        ("5000", False, 5000),
        ("", True, 1_000_000),
        ("5000", True, 5000),
        ("99000000", True, 16_000_000),
    ],
)
def test_max_bytes_depends_on_setting_and_model_serving(
    setting: str, serving: bool, max_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(environment.RESPONSE_BYTES.name, setting)
    if serving:
        monkeypatch.setenv("IS_IN_DB_MODEL_SERVING_ENV", "true")
    assert fit_response.read_max_bytes() == max_bytes


def test_invalid_response_bytes_setting_raises_setting_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.RESPONSE_BYTES.name, "1 MB")
    with pytest.raises(SettingError, match="MULTICHAIN_RESPONSE_BYTES must be a number of bytes"):
        fit_response.read_max_bytes()


def test_image_is_not_stored_without_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(environment.PICTURES.name, raising=False)
    assert store_image(b"x", "image/png") == ""


def test_image_is_stored_once_in_folder_under_its_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.PICTURES.name, str(tmp_path / "new"))
    file = tmp_path / "new" / f"{sha256(b'picture').hexdigest()}.webp"
    assert store_image(b"picture", "image/webp") == store_image(b"picture", "image/webp") == file.as_uri()
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert file.read_bytes() == b"picture"


def test_image_in_unmounted_volume_is_stored_through_files_api(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(environment.PICTURES.name, "/Volumes/main/default/pictures/")
    path = f"/Volumes/main/default/pictures/{sha256(b'picture').hexdigest()}.png"
    assert store_image(b"picture", "image/png") == path
    assert stand_in.volumes == {path: b"picture"}


def test_unwritable_storage_raises_image_storage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setenv(environment.PICTURES.name, str(tmp_path / "file" / "below"))
    with pytest.raises(ImageStorageError, match="an image cannot be stored where MULTICHAIN_PICTURES says"):
        store_image(b"picture", "image/png")


def test_unwritable_storage_raises_error_before_image_is_generated(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setenv(environment.PICTURES.name, str(tmp_path / "file"))
    retriever: Any = None
    stage = ImageGeneration(retriever, openai.images(["gpt-image-2"], way="images"))
    with pytest.raises(ImageStorageError, match="an image cannot be stored"):
        Engine().run(stage.run({"prompt": "A city", "sources": []}, discard))
    assert stand_in.script.calls == []
