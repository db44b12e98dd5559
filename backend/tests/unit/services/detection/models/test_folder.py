"""What `<data>/models` holds, and which of it is used."""

import json
import threading
from hashlib import sha256
from pathlib import Path

import pytest

from backend.core.errors import Conflict, Invalid, NotFound, Unavailable
from backend.services.detection.models.folder import (
    Chosen,
    Kept,
    Manifest,
    ModelFolder,
    check_name,
    validator_of,
)

CONTENT = b"a model"
KEPT = Kept(sha256(CONTENT).hexdigest(), len(CONTENT), "yolox", "a test", "2026-03-01T12:00:00")


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    (tmp_path / "models").mkdir()
    return ModelFolder(tmp_path / "models")


def keep(folder: ModelFolder, name: str = "small") -> None:
    folder.part(name).write_bytes(CONTENT)
    validator_of(folder.part(name)).write_text('"1"')
    folder.keep(name, KEPT)


def test_where_nothing_was_added_there_is_motion(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path / "models")
    assert folder.read() == Manifest()
    assert folder.chosen().file is None
    assert list(tmp_path.iterdir()) == []


def test_a_model_is_kept_used_and_removed(folder: ModelFolder, tmp_path: Path) -> None:
    keep(folder)
    assert folder.read().models == {"small": KEPT}
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [
        "manifest.json",
        "small.onnx",
    ]
    assert folder.chosen().file is None
    folder.use("small")
    assert folder.chosen().file == tmp_path / "models" / "small.onnx"
    with pytest.raises(Conflict, match="in use"):
        folder.remove("small")
    folder.use("motion")
    assert folder.chosen().file is None
    folder.remove("small")
    assert not folder.file("small").exists()
    assert folder.read().models == {}


def test_the_first_hash_of_a_name_stays_known(folder: ModelFolder) -> None:
    keep(folder)
    folder.remove("small")
    assert folder.read().hashes == {"small": KEPT.sha256}
    folder.part("small").write_bytes(b"another")
    folder.keep("small", Kept("0" * 64, 7, "yolox", "a test", "2026-03-02T12:00:00"))
    assert folder.read().hashes == {"small": KEPT.sha256}
    folder.forget("small")
    assert folder.read().hashes == {}


def test_what_is_not_there(folder: ModelFolder) -> None:
    for act in (folder.use, folder.remove, folder.fault):
        for name in ("small", "Foo", "../small"):
            with pytest.raises(NotFound, match=f"no model {name} here"):
                act(name)


def test_one_that_is_awaited_is_not_removed(folder: ModelFolder) -> None:
    """It would be fetched again at once."""
    folder.part("small").write_bytes(b"half")
    folder.wait_for("small")
    with pytest.raises(Conflict, match="`hsi models use motion` ends that"):
        folder.remove("small")
    folder.use("motion")
    folder.remove("small")
    assert folder.size_of_part("small") == 0


def test_what_broke_off_can_be_removed(folder: ModelFolder, tmp_path: Path) -> None:
    folder.part("small").write_bytes(b"half")
    folder.remove("small")
    assert {path.name for path in (tmp_path / "models").iterdir()} == {
        "manifest.json",
        ".small.lock",
    }


def test_a_file_that_is_not_what_it_was(folder: ModelFolder) -> None:
    keep(folder)
    assert folder.fault("small") is None
    folder.file("small").write_bytes(b"a mode1")
    assert folder.fault("small") == "its file is not what it was: its hash is another"
    folder.file("small").unlink()
    assert folder.fault("small") == "its file is gone"
    folder.file("small").mkdir()
    assert folder.fault("small") == "its file cannot be read: Is a directory"


def test_one_at_a_time(folder: ModelFolder) -> None:
    with (
        folder.changing(),
        pytest.raises(Conflict, match="another `hsi models`"),
        folder.changing(),
    ):
        pytest.fail("two at once")
    with folder.changing():
        pass


def test_who_may_wait_gets_his_turn(folder: ModelFolder) -> None:
    held = folder.changing()
    held.__enter__()
    end = threading.Timer(0.15, held.__exit__, (None, None, None))
    end.start()
    with folder.changing(patience=20):
        pass
    end.join()


def test_one_that_is_fetched_is_fetched_once_and_not_removed(folder: ModelFolder) -> None:
    folder.part("small").write_bytes(b"half")
    assert not folder.is_fetching("small")
    with folder.fetching("small"):
        assert folder.is_fetching("small")
        assert not folder.is_fetching("large")
        with pytest.raises(Conflict, match="being fetched already"), folder.fetching("small"):
            pytest.fail("twice at once")
        with pytest.raises(Conflict, match="being fetched already"):
            folder.remove("small")
        with folder.changing(), folder.fetching("large"):
            pass
    assert not folder.is_fetching("small")
    assert folder.size_of_part("small") == 4
    folder.remove("small")
    assert folder.size_of_part("small") == 0


def test_whoever_chooses_does_not_await_any_more(folder: ModelFolder) -> None:
    assert folder.read().awaited is None
    folder.wait_for("large")
    keep(folder)
    assert (folder.read().awaited, folder.chosen()) == ("large", Chosen())
    folder.use("small")
    assert folder.read().awaited is None
    folder.wait_for("large")
    folder.use("motion")
    assert folder.read() == Manifest({"small": KEPT}, None, {"small": KEPT.sha256}, None)


def test_a_manifest_of_an_earlier_version_awaits_none(folder: ModelFolder, tmp_path: Path) -> None:
    manifest = tmp_path / "models" / "manifest.json"
    manifest.write_text('{"version": 1, "models": {}, "in_use": null, "hashes": {}}')
    assert folder.read() == Manifest()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"models": {"a": {}}, "in_use": null, "hashes": {}}',
        '{"models": [], "in_use": null, "hashes": {}}',
        '{"models": {}, "in_use": 1, "hashes": {}}',
        '{"models": {}, "in_use": null, "hashes": {"a": null}}',
        '{"models": {}, "in_use": null, "hashes": {}, "awaited": []}',
    ],
)
def test_a_manifest_that_is_none_is_said_and_not_taken_for_motion(
    folder: ModelFolder, tmp_path: Path, text: str
) -> None:
    (tmp_path / "models" / "manifest.json").write_text(text)
    with pytest.raises(Invalid, match=r"manifest\.json cannot be read \(.* add the models again"):
        folder.chosen()


def test_a_manifest_that_may_not_be_read_is_not_to_be_removed(
    folder: ModelFolder, tmp_path: Path
) -> None:
    (tmp_path / "models" / "manifest.json").mkdir()
    with pytest.raises(Invalid, match=r"manifest\.json cannot be read: Is a directory$"):
        folder.read()


def test_what_is_wrong_in_a_manifest_is_named_by_its_place(
    folder: ModelFolder, tmp_path: Path
) -> None:
    kept = dict.fromkeys(("sha256", "family", "source", "added_at"), "a") | {"size": "large"}
    said = {"models": {"small": kept}, "in_use": None, "hashes": {}}
    (tmp_path / "models" / "manifest.json").write_text(json.dumps(said))
    with pytest.raises(Invalid, match=r"\(models\.small\.size: Input should be a valid integer"):
        folder.read()


def test_where_we_may_not_write(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    folder = ModelFolder(tmp_path / "models")
    with pytest.raises(Unavailable, match="cannot write"), folder.changing():
        pytest.fail("it is no folder")
    with pytest.raises(Invalid, match="is no folder, where the models are to be"):
        folder.use("motion")


def test_a_part_that_is_gone_is_not_kept(folder: ModelFolder) -> None:
    with pytest.raises(Unavailable, match="No such file"):
        folder.keep("small", KEPT)
    assert folder.read() == Manifest()


def test_a_manifest_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to("/proc/self")
    with pytest.raises(Unavailable, match="cannot write"):
        ModelFolder(tmp_path / "models").use("motion")


@pytest.mark.parametrize("name", ["a", "yolox-nano", "my_model.v2", "0" * 60])
def test_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "Big", "a b", "../a", "-a", ".a", "a/b", "ä", "a\n", "0" * 61]
)
def test_names_that_none_may_have(name: str) -> None:
    with pytest.raises(Invalid, match="a model's name"):
        check_name(name)


def test_motion_is_nobody_s_name() -> None:
    with pytest.raises(Invalid, match="motion is the name of none"):
        check_name("motion")
