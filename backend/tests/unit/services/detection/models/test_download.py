"""A file is fetched from a real server that breaks off, stalls, and lies."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from backend.core.errors import Conflict, HsiError, Invalid, NotFound, Unavailable
from backend.services.detection.models.download import (
    SPARE_BYTES,
    TRIES,
    Download,
    Fetched,
    Wanted,
    open_client,
)
from backend.services.detection.models.folder import validator_of
from backend.tests.fixtures.model_server import Manner, ModelServer, model_server

CONTENT = bytes(range(256)) * 4000
OTHER = CONTENT[::-1]
HASH = sha256(CONTENT).hexdigest()
HALF = len(CONTENT) // 2


@dataclass(slots=True)
class Fetching:
    """What fetches, and what it told."""

    server: ModelServer
    part: Path
    free: int = 10**12
    told: list[tuple[int, int | None]] = field(default_factory=list)
    paused: list[float] = field(default_factory=list)

    def __call__(
        self, known: str | None = HASH, size: int | None = len(CONTENT), url: str | None = None
    ) -> Fetched:
        def told(done: int, total: int | None) -> None:
            self.told.append((done, total))

        with httpx.Client(timeout=0.5, trust_env=False) as client:
            download = Download(
                client, progress=told, pause=self.paused.append, free_bytes=lambda _: self.free
            )
            address = url or f"{self.server.address}/some/model.onnx"
            return download.fetch(Wanted(address, self.part, known, size))

    def refused(
        self, kind: type[HsiError], known: str | None = HASH, size: int | None = len(CONTENT)
    ) -> HsiError:
        with pytest.raises(kind) as refusal:
            self(known, size)
        assert "\n" not in str(refusal.value)
        return refusal.value

    @property
    def ranges(self) -> list[str | None]:
        return [wanted for _, wanted in self.server.asked]


@pytest.fixture
def fetch(tmp_path: Path) -> Iterator[Fetching]:
    with model_server(CONTENT) as server:
        yield Fetching(server, tmp_path / ".model.part")


WELL = Fetched(HASH, len(CONTENT), is_vouched_for=True)


def test_a_file_with_a_known_hash(fetch: Fetching) -> None:
    assert fetch() == WELL
    assert fetch.part.read_bytes() == CONTENT
    assert fetch.server.asked == [("/some/model.onnx", None)]
    assert fetch.told[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in fetch.told] == sorted(done for done, _ in fetch.told)


def test_what_breaks_off_goes_on_where_it_stopped(fetch: Fetching) -> None:
    fetch.server.manners = [Manner(breaks_after=100_000), Manner(breaks_after=200_000)]
    assert fetch() == WELL
    assert fetch.ranges == [None, "bytes=100000-", "bytes=300000-"]
    assert len(fetch.paused) == 2


def test_a_later_call_goes_on_from_what_an_earlier_one_left(fetch: Fetching) -> None:
    fetch.server.manners = [Manner(breaks_after=HALF), Manner(status=503)]
    assert fetch.refused(Unavailable).code == "models.refused"
    assert fetch.part.stat().st_size == HALF
    assert fetch() == WELL
    assert fetch.ranges == [None, *[f"bytes={HALF}-"] * 2]


def test_a_server_that_ignores_the_range_sends_all(fetch: Fetching) -> None:
    fetch.server.manners = [Manner(breaks_after=HALF), Manner(heeds_range=False)]
    assert fetch() == WELL
    assert fetch.part.read_bytes() == CONTENT


@pytest.mark.parametrize("second", [Manner(claims_start=7), Manner(content=CONTENT[:10])])
def test_another_range_than_the_wanted_one_is_no_rest(fetch: Fetching, second: Manner) -> None:
    """The second is refused with 416, since that file is shorter than what is there."""
    fetch.part.write_bytes(CONTENT[:HALF])
    fetch.server.manners = [second]
    assert fetch() == WELL
    assert fetch.ranges == [f"bytes={HALF}-", None]


def test_one_that_is_all_there_is_not_asked_for_again(fetch: Fetching) -> None:
    """As after a kill between the last byte and its being kept."""
    fetch.part.write_bytes(CONTENT)
    assert fetch() == Fetched(HASH, len(CONTENT), is_vouched_for=True)
    assert fetch.server.asked == []
    fetch.part.write_bytes(OTHER)
    assert fetch() == Fetched(HASH, len(CONTENT), is_vouched_for=True)
    assert fetch.ranges == [None], "as long is not enough"


def test_a_file_that_is_another_by_now_is_taken_whole(fetch: Fetching) -> None:
    """Nobody knows its hash; the server's mark tells that the beginning is of another."""
    fetch.server.manners = [Manner(content=OTHER, breaks_after=HALF), Manner(status=503)]
    fetch.refused(Unavailable, known=None, size=None)
    assert validator_of(fetch.part).read_text() == '"first"'
    fetch.server.etag = '"second"'
    assert fetch(None, None) == replace(WELL, is_vouched_for=False)
    assert fetch.part.read_bytes() == CONTENT


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_where_nothing_could_tell_a_wrong_beginning_it_begins_anew(
    fetch: Fetching, etag: str | None
) -> None:
    fetch.server.etag = etag
    fetch.server.manners = [Manner(breaks_after=HALF)]
    assert fetch(None, None) == replace(WELL, is_vouched_for=False)
    assert fetch.ranges == [None, None]


def test_a_wrong_hash_is_thrown_away(fetch: Fetching) -> None:
    fetch.server.content = OTHER
    refusal = fetch.refused(Invalid)
    assert refusal.code == "model.wrong_hash"
    assert HASH in str(refusal)
    assert sha256(OTHER).hexdigest() in str(refusal)
    assert not fetch.part.exists()
    assert not validator_of(fetch.part).exists()


def test_what_an_earlier_call_left_may_be_at_fault(fetch: Fetching) -> None:
    fetch.part.write_bytes(OTHER[:HALF])
    assert fetch() == WELL
    assert fetch.ranges == [f"bytes={HALF}-", None]


def test_at_fault_twice_it_is_refused(fetch: Fetching) -> None:
    fetch.part.write_bytes(OTHER[:HALF])
    fetch.server.manners = [Manner(), Manner(content=OTHER)]
    assert fetch.refused(Invalid).code == "model.wrong_hash"
    assert not fetch.part.exists()


def test_a_length_that_never_comes(fetch: Fetching) -> None:
    """It is said to be longer than it is: that is never taken for a whole file."""
    fetch.server.manners = [Manner(length=2 * len(CONTENT))] * 20
    refusal = fetch.refused(Unavailable, known=None, size=None)
    assert refusal.code == "models.broke_off"
    assert not fetch.part.exists()


@pytest.mark.parametrize("length", [HALF, 2 * len(CONTENT)])
def test_another_length_than_the_known_one_is_another_file(fetch: Fetching, length: int) -> None:
    fetch.part.write_bytes(CONTENT[:10])
    fetch.server.manners = [Manner(length=length, heeds_range=False)]
    refusal = fetch.refused(Conflict)
    assert refusal.code == "model.changed"
    assert f"{length} bytes, and not {len(CONTENT)} bytes" in str(refusal)
    assert fetch.part.read_bytes() == CONTENT[:10]


def test_more_than_there_should_be(fetch: Fetching) -> None:
    fetch.server.manners = [Manner(content=CONTENT + b"more", says_length=False)]
    assert fetch.refused(Invalid).code == "model.too_long"
    assert not fetch.part.exists()


@pytest.mark.slow  # waits for the silence to have lasted
def test_a_server_that_falls_silent_is_left(fetch: Fetching) -> None:
    fetch.server.manners = [Manner(breaks_after=HALF, stalls=True)]
    assert fetch() == WELL
    assert fetch.ranges == [None, f"bytes={HALF}-"]


def test_one_that_gives_nothing_more_is_not_asked_for_ever(fetch: Fetching) -> None:
    fetch.server.manners = [Manner(breaks_after=10), *[Manner(breaks_after=0)] * 5]
    refusal = fetch.refused(Unavailable)
    assert refusal.code == "models.broke_off"
    assert "what came is kept, to go on from" in str(refusal)
    assert len(fetch.server.asked) == 2
    assert fetch.part.read_bytes() == CONTENT[:10]


def test_nor_one_that_gives_a_little_each_time(fetch: Fetching) -> None:
    fetch.server.manners = [Manner(breaks_after=10)] * (TRIES + 5)
    assert fetch.refused(Unavailable).code == "models.broke_off"
    assert len(fetch.server.asked) == TRIES
    assert fetch.part.stat().st_size == 10 * TRIES


# --- A hub, which declares a hash and sends to its storage.


def hub(content: bytes = CONTENT, **headers: str) -> Manner:
    declared = {"X-Linked-Etag": f'"{sha256(content).hexdigest()}"'}
    declared["X-Linked-Size"] = str(len(content))
    return Manner(
        302, {**declared, "Location": "/storage/1234", **headers}, breaks_after=0, length=0
    )


def test_the_hash_that_a_hub_declares_is_checked(fetch: Fetching) -> None:
    fetch.server.manners = [hub()]
    assert fetch(None, None) == WELL
    assert [path for path, _ in fetch.server.asked] == ["/some/model.onnx", "/storage/1234"]
    fetch.part.unlink()
    fetch.server.manners = [hub(), Manner(content=CONTENT[:-1] + b"x")]
    assert fetch.refused(Invalid, known=None, size=None).code == "model.wrong_hash"


def test_a_hub_that_has_another_file_by_now_is_not_even_asked_for_it(fetch: Fetching) -> None:
    fetch.server.manners = [hub(OTHER)]
    refusal = fetch.refused(Conflict)
    assert refusal.code == "model.changed"
    assert HASH in str(refusal)
    assert fetch.told == []


def test_where_it_is_sent_to_the_rest_is_asked_for(fetch: Fetching) -> None:
    fetch.server.manners = [hub(), Manner(breaks_after=HALF), hub(), Manner()]
    assert fetch(None, None) == WELL
    assert fetch.ranges == [None, None, *[f"bytes={HALF}-"] * 2]


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/a", "http://xn--/"])
def test_not_every_place_is_followed(fetch: Fetching, place: str) -> None:
    fetch.server.manners = [hub(Location=place)]
    assert "not followed" in str(fetch.refused(Unavailable))


@pytest.mark.parametrize("place", ["http://[::1", "http://a:b/"])
def test_nor_is_what_is_no_address(fetch: Fetching, place: str) -> None:
    fetch.server.manners = [hub(Location=place)]
    assert "Invalid URL in location header" in str(fetch.refused(Unavailable))


def test_a_hub_that_does_not_say_where_it_sends(fetch: Fetching) -> None:
    fetch.server.manners = [Manner(302)]
    assert "does not give it (status 302)" in str(fetch.refused(Unavailable))


def test_a_hub_that_sends_in_circles(fetch: Fetching) -> None:
    fetch.server.manners = [hub(Location="/some/model.onnx")] * 20
    assert "only sends elsewhere" in str(fetch.refused(Unavailable))
    assert len(fetch.server.asked) == 5


# --- No network, no file, no room.


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFound), (410, NotFound), (401, Unavailable), (503, Unavailable)]
)
def test_it_is_not_given(fetch: Fetching, status: int, kind: type[HsiError]) -> None:
    fetch.server.manners = [Manner(status)]
    assert f"status {status}" in str(fetch.refused(kind))
    assert not fetch.part.exists()


def test_nobody_answers(fetch: Fetching, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1 cannot be reached: .*MODELS__BASE_URL"):
        fetch(url="http://127.0.0.1:1/model.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["http://[::1/a", "http://somebody:secret/a", "http://xn--/a"])
def test_a_mirror_that_is_no_address(fetch: Fetching, address: str) -> None:
    with pytest.raises(Invalid, match=r"^MODELS__BASE_URL is no address .* https://mirror") as said:
        fetch(url=address)
    assert "secret" not in str(said.value)


@pytest.mark.parametrize(
    ("name", "value", "kind", "said"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1", Invalid, "SOCKS is not spoken"),
        ("ALL_PROXY", "socks://127.0.0.1:1", Invalid, "SOCKS is not spoken"),
        ("HTTPS_PROXY", "http://somebody:secret/a@proxy", Invalid, "HTTPS_PROXY"),
        ("SSL_CERT_FILE", "/nowhere", Unavailable, "SSL_CERT_FILE .*: No such file"),
        ("SSL_CERT_FILE", __file__, Unavailable, "SSL_CERT_FILE .*: .*certificate"),
    ],
)
def test_an_environment_by_which_nothing_can_be_fetched(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, kind: type[HsiError], said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(kind, match=said) as refused:
        open_client()
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.slow
def test_one_that_takes_the_call_and_says_nothing(fetch: Fetching) -> None:
    fetch.server.manners = [Manner(breaks_after=0, stalls=True)]
    assert "no answer in time" in str(fetch.refused(Unavailable))


def test_there_is_no_room(fetch: Fetching) -> None:
    fetch.free = SPARE_BYTES + len(CONTENT) - 1
    refusal = fetch.refused(Unavailable)
    assert refusal.code == "models.no_room"
    assert "201 MB are needed" in str(refusal)
    fetch.free += 1
    assert fetch() == WELL


def test_the_room_ends_meanwhile(fetch: Fetching) -> None:
    fetch.part.symlink_to("/dev/full")
    assert fetch.refused(Unavailable).code == "models.no_room"


def test_the_folder_takes_nothing(fetch: Fetching) -> None:
    fetch.part = fetch.part.parent / "nowhere" / ".model.part"
    assert fetch.refused(Unavailable).code == "models.unwritable"
