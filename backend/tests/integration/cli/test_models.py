"""`hsi models` as an owner types it, with a real server in the hub's place."""

import contextlib
import io
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import pytest

from backend.cli import main
from backend.core.config import get_settings
from backend.services.detection.models.catalogue import catalogue
from backend.services.detection.models.folder import ModelFolder
from backend.tests.fixtures.checkpoints import write_checkpoint
from backend.tests.fixtures.hub import small_hub
from backend.tests.fixtures.model_server import Manner, ModelServer, model_server
from backend.tests.fixtures.onnx_models import no_queries, write_model
from backend.tests.fixtures.product import PROJECT
from backend.tests.fixtures.waiting import wait_for
from backend.wiring import model_of


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    return write_model(tmp_path / "given.onnx", no_queries(), is_blind=False).read_bytes()


@pytest.fixture
def hub(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with small_hub(content, tmp_path, monkeypatch) as server:
        yield server


def run(*arguments: str) -> tuple[object, str, str]:
    """The status, what it prints, and what it says on stderr."""
    get_settings.cache_clear()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as errors,
    ):
        patch.setattr(sys, "argv", ["hsi", "models", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
    return end.value.code or 0, out.getvalue(), errors.getvalue()


def states() -> dict[str, str]:
    status, out, _ = run("list", "--json")
    assert status == 0
    return {row["name"]: row["state"] for row in json.loads(out)}


def test_from_the_list_to_the_worker_and_back(hub: ModelServer, tmp_path: Path) -> None:
    assert states() == {"motion": "in use", "small": "can be fetched"}
    assert not (tmp_path / "data").exists(), "a look leaves nothing behind"

    status, out, said = run("pull", "small")
    assert (status, said) == (0, "")
    assert "nobody declares its hash" in out
    assert "small is here: a model of the family rtdetr" in out
    assert hub.asked == [("/mirror/somebody/small/resolve/main/model.onnx", None)]
    assert states() == {"motion": "in use", "small": "here"}
    assert run("pull", "small")[1] == "small is here already\n"
    assert len(hub.asked) == 1

    status, out, _ = run("use", "small")
    assert "a worker that runs takes it up within seconds" in out
    assert states() == {"motion": "here", "small": "in use"}
    assert model_of(get_settings()).file == tmp_path / "data" / "models" / "small.onnx"
    assert run("verify") == (0, "small: as it was\n", "")

    status, _, said = run("remove", "small")
    assert status == 1
    assert "in use" in said
    run("use", "motion")
    assert model_of(get_settings()).file is None
    assert run("remove", "small") == (0, "removed small\n", "")
    assert states() == {"motion": "in use", "small": "can be fetched"}


def test_a_file_is_held_to_the_hash_of_the_first_time(hub: ModelServer, tmp_path: Path) -> None:
    run("pull", "small")
    run("remove", "small")
    hub.content = write_model(
        tmp_path / "other.onnx", no_queries(classes=3), names=["a", "b", "c"], is_blind=False
    ).read_bytes()
    status, out, said = run("pull", "small")
    assert (status, out) == (2, "")
    assert "another hash than it should" in said
    assert states()["small"] == "can be fetched"
    status, out, _ = run("pull", "small", "--changed")
    assert status == 0
    assert "small is here" in out


def test_what_another_fetches_is_left_to_it(hub: ModelServer, tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path / "data" / "models")
    with folder.fetching("small"):
        assert states()["small"] == "being fetched"
        status, out, said = run("pull", "small")
    assert (status, out) == (1, "")
    assert "small is being fetched already: `hsi models list` shows how far it is" in said
    assert hub.asked == []
    with folder.changing():
        folder.wait_for("small")
    assert states()["small"] == "awaited"
    status, out, said = run("remove", "small")
    assert (status, out) == (1, "")
    assert "small is awaited, and would be fetched again: `hsi models use motion` ends" in said


def test_a_hub_that_declares_its_hash_is_taken_at_its_word(
    hub: ModelServer, content: bytes
) -> None:
    to_storage = Manner(
        302,
        {"X-Linked-Etag": f'"{sha256(content).hexdigest()}"', "Location": "/storage"},
        breaks_after=0,
        length=0,
    )
    hub.manners = [to_storage]
    status, out, _ = run("pull", "small")
    assert status == 0
    assert "nobody declares" not in out


def test_what_is_no_model_is_not_kept(hub: ModelServer, tmp_path: Path) -> None:
    hub.content = b"<html>please sign in</html>"
    status, out, said = run("pull", "small")
    assert (status, out) == (2, "")
    assert "cannot be loaded" in said
    assert states()["small"] == "can be fetched"
    kept = {path.name for path in (tmp_path / "data" / "models").iterdir()}
    assert kept == {".lock", ".small.lock"}


def test_without_a_network_it_says_what_can_be_done(
    hub: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELS__BASE_URL", "http://127.0.0.1:1")
    status, out, said = run("pull", "small")
    assert (status, out) == (1, "")
    assert said.startswith("hsi: 127.0.0.1 cannot be reached: ")
    assert "`hsi models add FILE`" in said


def test_by_a_proxy_that_is_none_nothing_is_fetched(
    hub: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    status, out, said = run("pull", "small")
    assert (status, out) == (2, "")
    assert said.startswith("hsi: ALL_PROXY, ")
    assert hub.asked == []


@pytest.mark.usefixtures("hub")
def test_one_s_own_is_added_under_its_name(tmp_path: Path) -> None:
    own = tmp_path / "given.onnx"
    status, out, _ = run("add", str(own))
    assert status == 0
    assert "given is here: a model of the family rtdetr" in out
    assert own.exists(), "the owner's file stays where it is"
    assert states()["given"] == "here"
    assert "already" in run("add", str(own))[2]
    assert "the name of another file" in run("add", str(own), "--name", "small")[2]
    assert "is a folder" in run("add", str(tmp_path), "--name", "folder")[2]
    assert "cannot be looked at: " in run("add", "x" * 300, "--name", "long")[2]
    assert "a model's name" in run("add", str(own), "--name", "../up")[2]
    assert run("add", str(own), "--name", "again")[0] == 0


@pytest.mark.usefixtures("hub")
def test_a_file_that_the_catalogue_knows_may_have_its_name(tmp_path: Path, content: bytes) -> None:
    """As on a machine without a network, to which it is brought."""
    with (tmp_path / "catalogue.toml").open("a") as more:
        more.write(f'sha256 = "{sha256(content).hexdigest()}"\n')
    catalogue.cache_clear()
    status, out, said = run("add", str(tmp_path / "given.onnx"), "--name", "small")
    assert (status, said) == (0, "")
    assert "small is here" in out
    assert states()["small"] == "here"


@pytest.mark.usefixtures("hub")
def test_what_is_of_no_family_is_refused_with_what_was_found(tmp_path: Path) -> None:
    path = write_model(tmp_path / "yolos.onnx", no_queries(classes=92), is_blind=False)
    status, _, said = run("add", str(path))
    assert status == 2
    assert f"the model file {path} is of no family that is known here" in said
    assert "logits tensor(float) [1, 8, 92]" in said
    assert not (tmp_path / "data").exists()


@pytest.mark.usefixtures("hub")
def test_one_that_does_not_see_is_added_and_said(tmp_path: Path) -> None:
    path = write_model(tmp_path / "blind.onnx", no_queries())
    status, out, _ = run("add", str(path))
    assert status == 0
    assert "it cannot be trusted: it gives the same answer" in out


@pytest.mark.usefixtures("hub")
def test_a_damaged_file_is_found_and_not_used(tmp_path: Path) -> None:
    run("pull", "small")
    (tmp_path / "data" / "models" / "small.onnx").write_bytes(b"x")
    assert states()["small"] == "here", "a list reads no files"
    status, out, _ = run("verify", "small")
    assert (status, out) == (
        1,
        "small: its file is not what it was: its hash is another\n",
    )
    status, _, said = run("use", "small")
    assert (status, "`hsi models pull small` mends" in said) == (2, True)
    status, out, _ = run("pull", "small")
    assert "small is here: " in out
    assert run("verify")[0] == 0


@pytest.mark.usefixtures("hub")
def test_a_file_that_is_gone_is_said_in_the_list(tmp_path: Path) -> None:
    run("pull", "small")
    run("use", "small")
    (tmp_path / "data" / "models" / "small.onnx").unlink()
    assert states()["small"] == "in use, and gone"
    assert run("verify")[1] == "small: its file is gone\n"


def test_the_setting_goes_before(
    hub: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("pull", "small")
    monkeypatch.setenv("DETECTOR__MODEL", str(tmp_path / "set.onnx"))
    assert "DETECTOR__MODEL is set, and goes before" in run("use", "small")[1]
    assert states() == {"motion": "here", "small": "here"}
    _, out, _ = run("list")
    assert out.splitlines()[-1].endswith("set.onnx")
    assert model_of(get_settings()).file == tmp_path / "set.onnx"
    assert hub.asked


def test_the_list_is_a_table(hub: ModelServer) -> None:
    lines = [" ".join(line.split()) for line in run("list")[1].splitlines()]
    assert lines == [
        "NAME STATE SIZE AP LICENCE WHAT FOR",
        "motion in use - - - no model",
        "small can be fetched - - Apache-2.0 for tests",
    ]
    assert hub.asked == []


def test_what_is_unknown_or_not_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HSI_DATA", str(tmp_path / "data"))
    assert "no model yolo in the catalogue" in run("pull", "yolo")[2]
    assert "leave out --changed" in run("pull", "yolox-nano", "--changed")[2]
    assert "PyTorch weights only" in run("pull", "rtdetrv2-x")[2]
    assert run("verify")[1] == "no model is here\n"


def test_the_shipped_catalogue_s_hashes_are_held_to(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with model_server(content) as server:
        monkeypatch.setenv("MODELS__BASE_URL", server.address)
        status, _, said = run("pull", "yolox-nano", "--data", str(tmp_path / "data"))
    assert status == 1
    assert "has another file there: " in said
    assert "and not 3659407 bytes" in said


def shown_by(terminal: int) -> Callable[[], str]:
    """What a terminal shows, once nobody writes to it any more; read meanwhile, lest it fills."""
    pieces: list[bytes] = []

    def read() -> None:
        with contextlib.suppress(OSError):  # nobody writes to it any more
            while piece := os.read(terminal, 4096):
                pieces.append(piece)
        os.close(terminal)

    reader = threading.Thread(target=read)
    reader.start()

    def shown() -> str:
        reader.join()
        return b"".join(pieces).decode()

    return shown


@pytest.mark.slow
def test_what_is_stopped_by_ctrl_c_or_killed_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process and on a terminal of its own, where there is a bar. Each time more is there."""
    nano = catalogue()["yolox-nano"].to_fetch()
    assert nano.size is not None
    content = bytes(nano.size)
    part = tmp_path / "data" / "models" / ".yolox-nano.part"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HSI_DATA", str(tmp_path / "data"))

    def stopped(number: signal.Signals, size: int) -> tuple[int, str]:
        """How a command ends that is stopped once so much is there; what its terminal shows."""
        terminal, of_child = pty.openpty()
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "backend.cli", "models", "pull", "yolox-nano"],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT), "TERM": "xterm"},
            stderr=of_child,
        )
        os.close(of_child)
        shown = shown_by(terminal)
        wait_for(lambda: part.is_file() and part.stat().st_size == size, what="a part of it")
        assert states()["yolox-nano"] == f"being fetched, {100 * size // len(content)} %"
        child.send_signal(number)
        return child.wait(10), shown()

    with model_server(content) as server:
        monkeypatch.setenv("MODELS__BASE_URL", server.address)
        server.manners = [Manner(breaks_after=1_000_000, stalls=True)] * 2
        status, shown = stopped(signal.SIGINT, 1_000_000)
        assert status == 130
        assert "stopped; `hsi models pull yolox-nano` goes on from there" in shown
        assert "yolox-nano" in shown.partition("stopped")[0], "the bar"
        assert "/3.7" in shown
        status, _ = stopped(signal.SIGKILL, 2_000_000)
        assert status == -signal.SIGKILL
        ended, _, said = run("pull", "yolox-nano")
    asked = [wanted for _, wanted in server.asked]
    assert asked == [None, "bytes=1000000-", "bytes=2000000-", None]
    assert (ended, "another hash than it should" in said) == (2, True)
    assert not part.exists()


def test_what_has_no_weights_cannot_be_exported(tmp_path: Path) -> None:
    status, _, said = run("export", "yolox-nano")
    assert status == 1
    assert "give the folder of a checkpoint" in said
    assert "no model nothing in the catalogue" in run("export", "nothing")[2]


def test_a_name_that_is_taken_is_said_before_anything_is_exported(tmp_path: Path) -> None:
    status, _, said = run("export", "rtdetrv2-s", "--data", str(tmp_path))
    assert status == 1
    assert "rtdetrv2-s is the name of another file, which the catalogue knows" in said


@pytest.mark.skipif(find_spec("transformers") is not None, reason="transformers is installed")
def test_where_torch_is_missing_export_says_what_to_install(tmp_path: Path) -> None:
    status, _, said = run("export", str(tmp_path), "--output", str(tmp_path / "m.onnx"))
    assert status == 2
    assert "pip install torch==2.13.0 transformers onnx" in said
    assert "Traceback" not in said
    assert not (tmp_path / "m.onnx").exists()


needs_export = pytest.mark.skipif(
    not all(map(find_spec, ("torch", "transformers"))), reason="needs the extra `export`"
)


@needs_export
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # what they deprecate is not ours to mend
def test_a_checkpoint_becomes_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HSI_DATA", str(tmp_path / "data"))
    weights = write_checkpoint(tmp_path / "mine")
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        status, out, said = run("export", str(weights))
    assert (status, said.count("Traceback")) == (0, 0)
    assert "TracerWarning" not in {one.category.__name__ for one in warned}
    assert "mine is here: a model of the family rtdetr" in out
    assert states()["mine"] == "here"
    status, out, _ = run("export", str(weights), "--output", str(tmp_path / "other.onnx"))
    assert status == 0
    assert (tmp_path / "other.onnx").stat().st_size > 100_000
    (weights / "model.safetensors").write_bytes(b"no weights")
    status, _, said = run("export", str(weights), "--name", "broken")
    assert status == 2
    assert "cannot be read" in said
    assert "broken" not in states()


@needs_export
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("file", "changed", "reason"),
    [
        ("config.json", {"id2label": {"1": "dog", "2": "hen"}}, "2 classes from 0 to 1"),
        ("preprocessor_config.json", {"size": {"height": 500, "width": 640}}, "multiple of 32"),
    ],
)
def test_a_checkpoint_that_is_wrong_is_said_in_one_line(
    tmp_path: Path, file: str, changed: dict[str, object], reason: str
) -> None:
    weights = write_checkpoint(tmp_path / "mine", classes=("dog", "hen"))
    place = weights / file
    said_before = json.loads(place.read_text()) if place.exists() else {}
    place.write_text(json.dumps(said_before | changed))
    status, out, said = run("export", str(weights), "--output", str(tmp_path / "mine.onnx"))
    assert (status, out) == (2, "")
    assert reason in said.splitlines()[-1]
    assert "Traceback" not in said


@needs_export
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_weights_of_an_unknown_family_are_named_and_not_the_file_they_became(
    tmp_path: Path,
) -> None:
    weights = write_checkpoint(tmp_path / "mine", classes=["dog", "x" * 61])
    status, _, said = run("export", str(weights), "--data", str(tmp_path / "data"))
    assert status == 2
    assert said.splitlines()[-1].startswith(f"hsi: the model file {weights} cannot be read: ")


def test_what_is_not_there_is_not_removed(tmp_path: Path) -> None:
    for name in ("x" * 300, "../x", "Foo", "motion"):
        status, out, errors = run("remove", name, "--data", str(tmp_path))
        assert (status, out) == (1, "")
        assert errors == f"hsi: no model {name} here: `hsi models list` shows them\n"


def test_nothing_is_added_under_a_name_that_is_being_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both would write to one file."""
    monkeypatch.setenv("HSI_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    file = write_model(tmp_path / "mine.onnx", no_queries(), is_blind=False)
    folder = ModelFolder(tmp_path / "data" / "models")
    with folder.changing(), folder.fetching("mine"):
        folder.part("mine").write_bytes(b"half")
    with folder.fetching("mine"):
        status, _, errors = run("add", str(file))
        assert status == 1
        assert "mine is being fetched already" in errors
        assert folder.part("mine").read_bytes() == b"half"
    assert run("add", str(file))[0] == 0


@pytest.mark.parametrize(
    ("place", "status", "said"),
    [("", 2, "is a folder: name a file in it"), ("none/x.onnx", 1, "cannot write to")],
)
def test_where_nothing_can_be_written_nothing_is_exported(
    place: str, status: int, said: str, tmp_path: Path
) -> None:
    """Before the weights, which take long, are read: here there are none."""
    (tmp_path / "weights").mkdir()
    ended, out, errors = run("export", str(tmp_path / "weights"), "--output", str(tmp_path / place))
    assert (ended, out) == (status, "")
    assert said in errors
