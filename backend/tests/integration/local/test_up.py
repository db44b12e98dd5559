"""`hsi up` as a process, with real servers and small stand-ins for our own processes."""

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic

import pytest
from redis import Redis

from backend.local.process import holders
from backend.local.up import UpOptions, until_here
from backend.local.valkey import EmbeddedValkey
from backend.tests.fixtures.run import ROOT
from backend.tests.fixtures.waiting import is_gone, wait_for

pytestmark = pytest.mark.slow

API = """
import http.server, os, pathlib, signal, sys
if "stubborn" in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"{}")
    def log_message(self, *words): pass
data = pathlib.Path(os.environ["HSI_DATA"])
(data / "api.pid").write_text(str(os.getpid()))
(data / "seen.txt").write_text(os.environ["DATABASE_URL"] + " " + os.environ["REDIS_URL"])
address = (os.environ["API__HOST"], int(os.environ["API__PORT"]))
http.server.HTTPServer(address, Answer).serve_forever()
"""
WORKER = """
import os, pathlib, signal, socket, sys, time
data = pathlib.Path(os.environ["HSI_DATA"])
if "stubborn" in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)
(data / "worker.new").write_text(str(os.getpid()))
(data / "worker.new").replace(data / "worker.pid")
if "broken" in sys.argv:  # but not before the API is up
    api = ("127.0.0.1", int(os.environ["API__PORT"]))
    while socket.socket().connect_ex(api): time.sleep(0.01)
    sys.exit(3)
pathlib.Path(sys.argv[sys.argv.index("--ready") + 1]).touch()
while True: signal.pause()
"""
DEMO = """
import os, pathlib, signal, sys
if "stubborn" in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)
(pathlib.Path(os.environ["HSI_DATA"]) / "demo").write_text(str(os.getpid()))
if "stubborn" in sys.argv: signal.pause()
"""

UP = """
import json, sys
from pathlib import Path
from backend.core.errors import HsiError
from backend.local.up import Commands, Up, UpOptions
options = json.loads(sys.argv[1])
commands = {name: tuple(words) for name, words in json.loads(sys.argv[2]).items()}
options |= {name: Path(options[name]) for name in ("data", "model") if name in options}
def prepare(url): (options["data"] / "prepared").write_text(url)
try:
    Up(UpOptions(**options), commands=Commands(**commands), prepare=prepare).run()
except HsiError as error:
    sys.exit(f"hsi: {error}")
"""


class RunningUp:
    """One `up`, and what it has printed so far."""

    def __init__(self, folder: Path, *, worker: str = "calm", **options: object) -> None:
        self.data = folder / "data"
        self.output = folder / f"output-{len(list(folder.iterdir()))}.txt"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        chosen = {"data": str(self.data), "port": self.port} | options
        commands = {
            "api": [sys.executable, "-c", API, worker],
            "worker": [sys.executable, "-c", WORKER, worker],
            "demo": [sys.executable, "-c", DEMO, worker],
        }
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", UP, json.dumps(chosen), json.dumps(commands)],
                stdout=output,
                stderr=output,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )

    @property
    def said(self) -> str:
        return self.output.read_text()

    def pid(self, name: str) -> int:
        return int((self.data / f"{name}.pid").read_text())

    def is_up(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"up ended: {self.said}")
        return "hsi is up" in self.said

    def everything(self) -> list[int]:
        """All processes of it."""
        servers = holders(self.data / "postgres/data", ["postgres"])
        servers += holders(self.data / "valkey/data", ["valkey-server"])
        return [self.pid("api"), self.pid("worker"), *servers]

    def end(self, signal_: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(signal_)
        return self.process.wait(15)


def test_it_says_what_looks_at_the_pictures(tmp_path: Path) -> None:
    addresses = ("http://a:1", "http://b:1")
    assert UpOptions(tmp_path).detector.startswith("motion alone")
    assert UpOptions(tmp_path, model=Path("m.onnx")).detector == "m.onnx"
    assert UpOptions(tmp_path, detectors=addresses).detector == "asked at http://a:1, http://b:1"
    assert until_here("small").startswith("motion alone, until small is here: ")


Start = Callable[..., RunningUp]


@pytest.fixture
def start(server_folder: Path) -> Iterator[Start]:
    started: list[RunningUp] = []

    def make(*, wait: bool = True, **options: object) -> RunningUp:
        up = RunningUp(server_folder, **options)  # type: ignore[arg-type]
        started.append(up)
        if wait:
            wait_for(up.is_up, seconds=20, what="the start")
        return up

    yield make
    for up in started:
        if up.process.poll() is None:
            up.end()


def kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # it went with the one before
            os.kill(pid, signal.SIGKILL)


def health(up: RunningUp) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=2)
    connection.request("GET", "/api/health")
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_comes_up_and_ends_with_all_its_processes(start: Start, signal_: signal.Signals) -> None:
    up = start()
    assert health(up) == 200
    run_file = json.loads((up.data / "run.json").read_text())
    assert run_file == {"address": f"http://127.0.0.1:{up.port}", "pid": up.process.pid}
    running = up.everything()
    assert len(running) > 4
    begin = monotonic()
    assert up.end(signal_) == 0
    assert monotonic() - begin < 10
    assert [pid for pid in running if not is_gone(pid)] == []
    assert not (up.data / "run.json").exists()


def test_says_where_to_look_and_what_it_uses(start: Start) -> None:
    up = start()
    lines = up.said.splitlines()
    assert f"database: our own PostgreSQL in {up.data}/postgres (no DATABASE_URL is set)" in lines
    assert f"hsi is up: http://127.0.0.1:{up.port}" in lines
    assert f"{up.data}/cameras/<camera name>/" in lines[-1]
    assert (up.data / "cameras").is_dir()
    database, redis = (up.data / "seen.txt").read_text().split()
    assert (up.data / "prepared").read_text() == database
    for secret in (database, redis):
        assert secret.split(":")[2].partition("@")[0] not in up.said


def test_a_killed_up_takes_everything_with_it_and_comes_back(start: Start) -> None:
    up = start()
    running = up.everything()
    up.end(signal.SIGKILL)
    again = start()
    assert [pid for pid in running if not is_gone(pid)] == []
    assert (again.data / "seen.txt").exists()
    assert again.end() == 0


def test_after_a_kill_of_everything_it_comes_back(start: Start) -> None:
    up = start()
    running = up.everything()
    kill([up.process.pid, *running])
    up.process.wait()
    assert start().end() == 0


def test_a_process_that_dies_is_started_again(start: Start) -> None:
    up = start()
    first = up.pid("worker")
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: up.pid("worker") != first, what="a new worker")
    assert "worker was ended by SIGKILL; again in 1 s" in up.said.splitlines()


def test_a_server_that_dies_is_started_again_at_the_same_address(start: Start) -> None:
    up = start()
    data = up.data / "postgres/data"
    before = (up.data / "postgres/access.json").read_text()
    old = holders(data, ["postgres"])
    kill(old)
    wait_for(lambda: set(holders(data, ["postgres"])) - set(old), what="a new server")
    assert (up.data / "postgres/access.json").read_text() == before
    assert health(up) == 200


def test_where_nothing_ends_by_itself_all_is_killed_within_ten_seconds(start: Start) -> None:
    """Our own processes are deaf to SIGTERM, and both servers stand still."""
    up = start(worker="stubborn", demo=True)
    wait_for(lambda: (up.data / "demo").exists() and (up.data / "demo").read_text())
    servers = [
        *holders(up.data / "postgres/data", ["postgres"]),
        *holders(up.data / "valkey/data", ["valkey-server"]),
    ]
    everything = [up.pid("api"), up.pid("worker"), int((up.data / "demo").read_text()), *servers]
    assert len(everything) > 6
    for pid in servers:
        os.kill(pid, signal.SIGSTOP)
    begin = monotonic()
    assert up.end() == 0
    assert monotonic() - begin < 10
    wait_for(lambda: all(is_gone(pid) for pid in everything), seconds=1)


def test_the_demo_runs_once(start: Start) -> None:
    up = start(demo=True)
    wait_for((up.data / "demo").exists)
    assert "demo" not in up.said


def test_a_second_one_on_the_same_folder_is_refused(start: Start) -> None:
    first = start()
    second = start(wait=False)
    assert second.process.wait(10) == 1
    assert second.said == (
        f"hsi: hsi up is at work in the data folder {first.data} (process {first.process.pid}): "
        "stop it or let it end, or choose another folder with --data\n"
    )
    assert health(first) == 200


def test_a_port_in_use_is_told_before_anything_starts(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        up = start(wait=False, port=port)
        assert up.process.wait(10) == 1
    assert up.said == f"hsi: port {port} of 127.0.0.1 is in use: choose another with --port\n"
    assert not up.data.exists()


def test_a_refused_one_leaves_a_folder_as_it_was(start: Start, server_folder: Path) -> None:
    data = server_folder / "data"
    data.mkdir()
    data.chmod(0o755)
    (data / "run.json").write_text("somebody's own")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        up = start(wait=False, port=taken.getsockname()[1])
        assert up.process.wait(10) == 1
    assert [path.name for path in data.iterdir()] == ["run.json"]
    assert (data / "run.json").read_text() == "somebody's own"
    assert stat.S_IMODE(data.stat().st_mode) == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has servers of another user")
@pytest.mark.parametrize("is_there", [False, True])
def test_a_folder_that_the_servers_cannot_come_to_is_told(
    start: Start, server_folder: Path, is_there: bool
) -> None:
    closed = server_folder / "closed"
    closed.mkdir(mode=0o700)
    data = closed / "house" / "data"
    if is_there:
        data.mkdir(parents=True)
    up = start(wait=False, data=str(data))
    assert up.process.wait(10) == 1
    assert up.said.startswith("hsi: the servers, which run as ")
    assert f" cannot pass {closed}: choose another folder with --data, or let" in up.said
    assert up.said.endswith(f"chmod o+x {closed}\n")
    assert up.said.count("\n") == 1
    assert list(closed.rglob("*")) == ([data.parent, data] if is_there else [])


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "example.org", "::"])  # noqa: S104
def test_others_than_this_machine_are_not_let_in(start: Start, host: str) -> None:
    up = start(wait=False, host=host)
    assert up.process.wait(10) == 1
    assert up.said.startswith(f"hsi: --host {host}: only 127.0.0.1, ::1 or localhost")
    assert up.said.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_told(start: Start, server_folder: Path) -> None:
    (server_folder / "data").write_text("a file, no folder")
    up = start(wait=False)
    assert up.process.wait(10) == 1
    assert up.said.startswith(f"hsi: cannot write to {up.data}: ")
    assert up.said.count("\n") == 1


def test_data_of_another_version_is_told(start: Start, server_folder: Path) -> None:
    data = server_folder / "data/postgres/data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("16\n")
    up = start(wait=False)
    assert up.process.wait(10) == 1
    [line] = [line for line in up.said.splitlines() if line.startswith("hsi:")]
    assert "made by PostgreSQL 16, this is 18" in line


def test_a_process_that_fails_at_the_start_ends_it(start: Start) -> None:
    up = start(wait=False, worker="broken")
    assert up.process.wait(15) == 1
    line = up.said.splitlines()[-1]
    assert line.startswith("hsi: the worker failed (exit status 3) before it was ready")
    assert holders(up.data / "postgres/data", ["postgres"]) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may listen on every port")
def test_a_port_that_may_not_be_used_is_told(start: Start) -> None:
    up = start(wait=False, port=1)
    assert up.process.wait(10) == 1
    assert up.said.startswith("hsi: cannot listen on port 1 of 127.0.0.1: ")


def test_a_model_that_is_not_there_is_told_before_anything_starts(
    start: Start, server_folder: Path
) -> None:
    up = start(wait=False, model=f"{server_folder}/none.onnx")
    assert up.process.wait(10) == 1
    assert up.said == (
        f"hsi: there is no model file {server_folder}/none.onnx, which DETECTOR__MODEL or "
        "`hsi models use` names\n"
    )


def test_given_servers_are_used(start: Start) -> None:
    up = start(
        database_url="postgresql+asyncpg://me:secret@db.example:5432/hsi",
        redis_url="redis://:secret@cache.example:6379/0",
    )
    lines = up.said.splitlines()
    assert "database: postgresql at db.example:5432/hsi, from DATABASE_URL" in lines
    assert "Redis: redis at cache.example:6379/0, from REDIS_URL" in lines
    assert "secret" not in up.said
    assert not (up.data / "postgres").exists()
    assert not (up.data / "valkey").exists()


def test_a_given_redis_that_forgets_is_refused(start: Start, server_folder: Path) -> None:
    valkey = EmbeddedValkey(server_folder / "theirs", durable=False)
    url = valkey.start()
    try:
        with Redis.from_url(url) as theirs:
            theirs.config_set("maxmemory-policy", "allkeys-lru")
        up = start(wait=False, database_url="postgresql://me@db.example/hsi", redis_url=url)
        assert up.process.wait(20) == 1
    finally:
        valkey.stop()
    assert up.said.startswith("hsi: this Redis forgets bells when its memory is full")
    assert len(up.said.splitlines()) == 1
