"""Images are stored under their hash, whole and readable, and a place that cannot be written is refused."""

import re
from hashlib import sha256
from pathlib import Path

import pytest

from model.config import environment
from model.errors import ImageStorageError
from model.images.storage import check_storage, is_storage_set, store_image
from standin.app import StandIn

HASH = sha256(b"data").hexdigest()


def set_place(monkeypatch: pytest.MonkeyPatch, location: Path | str) -> None:
    monkeypatch.setenv(environment.PICTURES.name, str(location))


def describe_failure(name: str) -> str:
    return (
        f"an image cannot be stored where MULTICHAIN_PICTURES says ({name}); "
        "check that the folder or volume exists and is writable"
    )


@pytest.mark.parametrize(("location", "expected"), [("", False), ("pictures", True), ("/Volumes/a/b/c", True)])
def test_storage_is_set_by_its_variable(location: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    set_place(monkeypatch, location)
    assert is_storage_set() is expected


@pytest.mark.parametrize(("mime_type", "suffix"), [("image/png", "png"), ("image/webp", "webp"), ("jpeg", "jpeg")])
def test_name_is_the_hash_with_the_type(
    mime_type: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_place(monkeypatch, tmp_path)
    assert store_image(b"data", mime_type) == f"file://{tmp_path}/{HASH}.{suffix}"
    assert [file.name for file in tmp_path.iterdir()] == [f"{HASH}.{suffix}"]


def test_address_of_a_relative_folder_is_absolute_and_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    set_place(monkeypatch, "my pictures/new")
    address = store_image(b"data", "image/png")
    assert address == f"file://{tmp_path}/my%20pictures/new/{HASH}.png"
    assert (tmp_path / "my pictures" / "new" / f"{HASH}.png").read_bytes() == b"data"


def test_other_users_can_read_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_place(monkeypatch, tmp_path)
    store_image(b"data", "image/png")
    assert (tmp_path / f"{HASH}.png").stat().st_mode & 0o777 == 0o644


def test_equal_image_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_place(monkeypatch, tmp_path)
    (tmp_path / f"{HASH}.png").write_bytes(b"as stored before")
    assert store_image(b"data", "image/png") == f"file://{tmp_path}/{HASH}.png"
    assert (tmp_path / f"{HASH}.png").read_bytes() == b"as stored before"


def test_different_images_have_different_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_place(monkeypatch, tmp_path)
    addresses = {
        store_image(content, mime_type) for content in (b"a", b"b") for mime_type in ("image/png", "image/webp")
    }
    assert sorted(file.as_uri() for file in tmp_path.iterdir()) == sorted(addresses)
    assert len(addresses) == 4


def test_failure_to_store_names_the_kind_of_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    set_place(monkeypatch, tmp_path / "file" / "below")
    with pytest.raises(ImageStorageError, match=f"^{re.escape(describe_failure('NotADirectoryError'))}$"):
        store_image(b"data", "image/png")


def test_volume_is_written_under_one_slash(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = []
    for location in ("/Volumes/a/b/c", "/Volumes/a/b/c/", "/Volumes/a/b/c/d//"):
        set_place(monkeypatch, location)
        paths.append(store_image(b"data", "image/png"))
    assert paths == [f"/Volumes/a/b/c/{HASH}.png"] * 2 + [f"/Volumes/a/b/c/d/{HASH}.png"]
    assert {stand_in.volumes[path] for path in paths} == {b"data"}


def test_unreachable_volume_is_a_storage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "nonsense")
    set_place(monkeypatch, "/Volumes/a/b/c")
    with pytest.raises(ImageStorageError) as error:
        store_image(b"data", "image/png")
    assert str(error.value) == describe_failure("CredentialError")


def test_check_makes_the_folder_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_place(monkeypatch, tmp_path / "new" / "pictures")
    for _ in range(2):
        check_storage()
    assert [*(tmp_path / "new" / "pictures").iterdir()] == []
    assert [file.name for file in tmp_path.rglob("*")] == ["new", "pictures"]


@pytest.mark.parametrize(("below", "name"), [(False, "FileExistsError"), (True, "NotADirectoryError")])
def test_check_refuses_a_file_in_the_place_of_a_folder(
    below: bool, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    set_place(monkeypatch, tmp_path / "file" / "below" if below else tmp_path / "file")
    with pytest.raises(ImageStorageError) as error:
        check_storage()
    assert str(error.value) == describe_failure(name)


@pytest.mark.parametrize("location", ["", "/Volumes/main/default/absent"])
def test_check_leaves_unset_and_unmounted_places_alone(
    location: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    set_place(monkeypatch, location)
    check_storage()
    assert [*tmp_path.iterdir()] == []
    assert not Path("/Volumes/main/default/absent").exists()
