"""Pictures on their way into a response: what made them, how large they may be, where they are kept."""

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

from model.contract.events import discard
from model.contract.fields import Field
from model.contract.stage_contract import Contract, StageContract
from model.errors import ImageStorageError, SettingError
from model.images import fit_response, provenance, resize
from model.images.storage import VARIABLE, store_image
from model.providers import openai
from model.runtime.event_loop import Engine
from model.stages.image_generation import ImageGeneration
from standin.app import StandIn

CONTRACT = Contract(
    {
        "draw": StageContract(
            "draw", (), (Field("image", "image"), Field("mime_type", "text"), Field("sha256", "text"))
        ),
        "plot": StageContract("plot", (), (Field("shown", "image"),)),
    }
)


def encoded(kind: str, side: int = 64, mode: str = "RGB", **settings: Any) -> bytes:
    """A picture of noise, which compresses badly, in red and blue."""
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
def test_what_made_a_picture_is_written_into_it_and_no_pixel_changes(kind: str, mode: str, settings: Any) -> None:
    plain = encoded(kind, mode=mode, **settings)
    told = provenance.embed_provenance(plain, "openai:gpt-image-2", 'A <city> & "more"', provenance.TRAINED_MODEL)
    before, after = Image.open(io.BytesIO(plain)), Image.open(io.BytesIO(told))
    assert (after.format, after.mode, after.size) == (kind, before.mode, before.size)
    assert np.array_equal(np.asarray(before), np.asarray(after))
    (described,) = (after.getxmp()["xmpmeta"]["RDF"]["Description"],)
    assert described["CreatorTool"] == "multichain; openai:gpt-image-2"
    assert described["DigitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert described["description"]["Alt"]["li"]["text"] == 'A <city> & "more"'


def test_what_is_no_picture_of_these_is_left_as_it_is() -> None:
    assert provenance.embed_provenance(b"GIF89a", "x", "y", provenance.ALGORITHM) == b"GIF89a"


def test_a_picture_in_fewer_bytes_keeps_what_made_it() -> None:
    plain = provenance.embed_provenance(encoded("PNG", 512), "x", "y", provenance.ALGORITHM)
    small = resize.shrink_image(plain, 60_000)
    image = Image.open(io.BytesIO(small))
    assert (len(small) <= 60_000, image.format) == (True, "WEBP")
    assert image.getxmp()["xmpmeta"]["RDF"]["Description"]["CreatorTool"] == "multichain; x"
    assert resize.shrink_image(plain, 200) == b""


def response(*pictures: bytes, text: str = "") -> list[dict[str, Any]]:
    told = []
    for content in pictures:
        made = CONTRACT.empty_response()
        made["draw"] |= {"image": base64.b64encode(content).decode(), "mime_type": "image/png", "ran": True}
        made["draw"] |= {"answered_by": text, "notes": []}
        told.append(made)
    return told


def fitted(responses: list[Any], contract: Contract = CONTRACT) -> Any:
    return asyncio.run(fit_response.fit_responses(responses, contract))


def test_pictures_are_made_smaller_until_the_answer_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fit_response.VARIABLE, "120000")
    small, large = encoded("PNG", 32), encoded("PNG", 512)
    one, two, three = fitted(response(small, large, large, text="ü" * 500))
    assert len(json.dumps([one, two, three])) <= 120_000
    assert base64.b64decode(one["draw"]["image"]) == small
    assert (one["draw"]["mime_type"], one["draw"]["notes"]) == ("image/png", [])
    for shrunk in (two, three):
        assert Image.open(io.BytesIO(base64.b64decode(shrunk["draw"]["image"]))).format == "WEBP"
        assert shrunk["draw"]["mime_type"] == "image/webp"
        assert shrunk["draw"]["sha256"] == sha256(base64.b64decode(shrunk["draw"]["image"])).hexdigest()
        note = "picture_smaller: the image was made smaller, so that the answer stays under 120,000 bytes"
        assert shrunk["draw"]["notes"] == [note]
    assert min(len(row["draw"]["image"]) for row in (two, three)) > 20_000


def test_a_picture_that_cannot_fit_is_its_stages_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fit_response.VARIABLE, "2000")
    (told,) = fitted(response(encoded("PNG", 512), text="x" * 1900))
    assert (told["draw"]["image"], told["draw"]["sha256"]) == ("", "")
    assert told["draw"]["error"] == (
        "payload: draw: the image does not fit into an answer of 2,000 bytes; send fewer requests at once, or "
        "store images (MULTICHAIN_PICTURES)"
    )


def test_a_picture_without_a_type_beside_it_cannot_be_converted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fit_response.VARIABLE, "2000")
    made = CONTRACT.empty_response()
    made["plot"] |= {"shown": base64.b64encode(encoded("PNG", 128)).decode(), "notes": []}
    assert fitted([made])[0]["plot"]["error"].startswith("payload: plot: the image does not fit")


@pytest.mark.parametrize(
    ("set_to", "serving", "most"),
    [
        ("", False, 0),
        ("5000", False, 5000),
        ("", True, 1_000_000),
        ("5000", True, 5000),
        ("99000000", True, 16_000_000),
    ],
)
def test_how_large_an_answer_may_be(set_to: str, serving: bool, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fit_response.VARIABLE, set_to)
    if serving:
        monkeypatch.setenv("IS_IN_DB_MODEL_SERVING_ENV", "true")
    assert fit_response.read_max_bytes() == most


def test_a_size_that_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(fit_response.VARIABLE, "1 MB")
    with pytest.raises(SettingError, match="MULTICHAIN_RESPONSE_BYTES is expected to be a number of bytes"):
        fit_response.read_max_bytes()


def test_without_a_place_nothing_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert store_image(b"x", "image/png") == ""


def test_a_picture_in_a_folder_is_kept_once_under_its_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "new"))
    file = tmp_path / "new" / f"{sha256(b'picture').hexdigest()}.webp"
    assert store_image(b"picture", "image/webp") == store_image(b"picture", "image/webp") == file.as_uri()
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert file.read_bytes() == b"picture"


def test_a_picture_in_a_volume_that_is_not_mounted_goes_through_the_files_api(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "/Volumes/main/default/pictures/")
    path = f"/Volumes/main/default/pictures/{sha256(b'picture').hexdigest()}.png"
    assert store_image(b"picture", "image/png") == path
    assert stand_in.volumes == {path: b"picture"}


def test_a_place_that_cannot_be_written_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file" / "below"))
    with pytest.raises(ImageStorageError, match="an image cannot be stored where MULTICHAIN_PICTURES says"):
        store_image(b"picture", "image/png")


def test_a_place_that_cannot_be_written_is_found_before_a_picture_is_paid_for(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "file"))
    retriever: Any = None
    stage = ImageGeneration(retriever, openai.images(["gpt-image-2"], way="images"))
    with pytest.raises(ImageStorageError, match="an image cannot be stored"):
        Engine().run(stage.run({"prompt": "A city", "sources": []}, discard))
    assert stand_in.script.calls == []
