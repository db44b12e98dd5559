"""Fetches one file over HTTP: goes on after a break, and is content only with the right hash.

What came lies in a part file, which stays when it breaks off, so that a later call goes on from
there. The server is asked for the rest (`Range`), on condition that its file is still the same
(`If-Range`); one that does not heed it sends all, and all is taken.
"""

import errno
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from backend.core.errors import Conflict, HsiError, Invalid, NotFound, Unavailable
from backend.core.retry import Pauses
from backend.services.detection.models.folder import drop, hash_of, unwritable, validator_of

TRIES = 10
"""So often a file that breaks off is asked for, as long as each time something came."""

MAX_BYTES = 4_000_000_000
"""No model is larger; one whose length nobody knows ends there."""

SPARE_BYTES = 200_000_000
"""So much stays free on the disk, for the pictures and the database."""

_REDIRECTS = 5  # a hub sends to the storage that it rents
_HASH = re.compile(r'"?([0-9a-f]{64})"?')
_RANGE = re.compile(r"bytes (\d{1,15})-\d{1,15}/(\d{1,15})")
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)

Progress = Callable[[int, int | None], None]
"""Told how many bytes are there, and of how many, where that is known."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be fetched, and what is known of it beforehand."""

    url: str
    part: Path
    sha256: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """What is in the part file now. `is_vouched_for`: its hash was known or declared."""

    sha256: str
    size: int
    is_vouched_for: bool


class _BrokenOff(Exception):  # noqa: N818 - caught here, and told as Unavailable
    """The server stopped in the middle."""


class _Different(Exception):  # noqa: N818
    """What lies there is not the beginning of what the server has."""


def open_client() -> httpx.Client:
    """What asks for files: by way of the proxy, and with the certificates, of the environment.

    Raises Invalid or Unavailable where it names some that cannot be used.
    """
    try:
        return httpx.Client(timeout=_TIMEOUT)
    except (ImportError, ValueError, httpx.InvalidURL) as error:  # not told: it has passwords
        raise Invalid(
            "ALL_PROXY, HTTPS_PROXY, HTTP_PROXY or NO_PROXY names what cannot be used: a proxy has "
            "an address like http://host:port, and SOCKS is not spoken",
            code="models.proxy",
        ) from error
    except OSError as error:
        raise Unavailable(
            f"the certificates that SSL_CERT_FILE names cannot be read: {error.strerror}",
            code="models.certificates",
        ) from error


class Download:
    """Fetches over `client`; `pause` waits so many seconds between two tries."""

    def __init__(
        self,
        client: httpx.Client,
        *,
        progress: Progress,
        pause: Callable[[float], None],
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._client = client
        self._progress = progress
        self._pause = pause
        self._free_bytes = free_bytes

    def fetch(self, wanted: Wanted) -> Fetched:
        """Have the whole file in `wanted.part`, on the disk with its right hash.

        Raises Unavailable (no network, no room, it broke off for good; the part stays), NotFound,
        Conflict (the site has another file now) or Invalid (what came is not what was promised;
        the part is gone).
        """
        had_part = _size(wanted.part) > 0
        try:
            return self._once(wanted)
        except _Different:
            pass
        except Invalid:
            if not had_part:
                raise
        # What lay there was at fault, or may have been.
        try:
            return self._once(wanted)
        except _Different as error:
            raise Unavailable(
                f"{_host(wanted.url)} does not say twice the same of that file",
                code="models.broke_off",
            ) from error

    def _once(self, wanted: Wanted) -> Fetched:
        if _is_whole(wanted):  # who was to keep it was killed
            return Fetched(wanted.sha256 or "", _size(wanted.part), is_vouched_for=True)
        try:
            return _checked(wanted, self._until_whole(wanted))
        except (_Different, Invalid):
            drop(wanted.part)
            raise

    def _until_whole(self, wanted: Wanted) -> Wanted:
        """Ask until all is there; what is wanted, with what the server declared of it."""
        pauses = Pauses()
        for _ in range(TRIES):
            before = _size(wanted.part)
            try:
                return self._ask(wanted)
            except _BrokenOff as broken:
                why = str(broken)
                if _size(wanted.part) <= before:
                    break
                self._pause(pauses.after())
        raise Unavailable(
            f"{_host(wanted.url)} broke off: {why}; what came is kept, to go on from",
            code="models.broke_off",
        )

    def _ask(self, wanted: Wanted) -> Wanted:
        start = _to_go_on_from(wanted)
        with self._answer(wanted.url, _headers(wanted.part, start)) as (answer, declared):
            known = _agreed(wanted, declared)
            if answer.status_code not in {200, 206}:
                raise _refusal(answer)
            if answer.status_code == 206:
                _rest(answer, start)
            else:
                start = 0
            known = _agreed(known, Wanted(wanted.url, wanted.part, size=_total(answer, start)))
            self._check_room(known, start)
            self._write(answer, known, start)
        return known

    @contextmanager
    def _answer(
        self, url: str, headers: Mapping[str, str]
    ) -> Iterator[tuple[httpx.Response, Wanted]]:
        """The answer after all redirections, and what was declared on the way there."""
        declared = Wanted(url, Path())
        for _ in range(_REDIRECTS):
            answer = self._send(url, headers)
            try:
                declared = _declared(declared, answer.headers)
                if not answer.has_redirect_location:
                    yield answer, declared
                    return
                url = _next(url, answer)
            finally:
                answer.close()
        raise Unavailable(f"{_host(url)} only sends elsewhere", code="models.refused")

    def _send(self, url: str, headers: Mapping[str, str]) -> httpx.Response:
        try:
            request = self._client.build_request("GET", url, headers=headers)
        except (httpx.InvalidURL, ValueError) as error:  # not told: there may be a password in it
            raise Invalid(
                "MODELS__BASE_URL is no address that can be asked: one is like "
                "https://mirror.example/models",
                code="models.address",
            ) from error
        try:
            return self._client.send(request, stream=True)
        except httpx.TransportError as error:
            raise _unreachable(url, error) from error
        except ValueError as error:  # a host's name that none can have, in `Location`
            raise Unavailable(
                f"{_host(url)} sends to what is no address: not followed", code="models.refused"
            ) from error

    def _check_room(self, known: Wanted, start: int) -> None:
        needed = (known.size or 0) - start + SPARE_BYTES
        free = self._free_bytes(known.part.parent)
        if free < needed:
            raise Unavailable(
                f"no room: {needed / 1e6:.0f} MB are needed on the disk of {known.part.parent}, "
                f"{free / 1e6:.0f} MB are free",
                code="models.no_room",
            )

    def _write(self, answer: httpx.Response, known: Wanted, start: int) -> None:
        most = known.size or MAX_BYTES
        done = start
        try:
            with known.part.open("rb+" if start else "wb") as file:
                file.seek(start)
                _note_validator(known.part, answer)  # once nothing older is there any more
                # As it comes: in pieces of one size, what came of the last one would be lost.
                for piece in answer.iter_raw():
                    done += len(piece)
                    if done > most:
                        raise Invalid(
                            f"{_host(known.url)} sent more than the {most} bytes that it is long",
                            code="model.too_long",
                        )
                    file.write(piece)
                    file.flush()  # what came is to go on from also after a kill
                    self._progress(done, known.size)
        except httpx.TransportError as error:
            raise _BrokenOff(_words(error)) from error
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise Unavailable(
                    f"no room left on the disk of {known.part.parent}; what came is kept, to go on "
                    "from once there is",
                    code="models.no_room",
                ) from error
            raise unwritable(known.part.parent, error) from error
        if known.size is not None and done < known.size:
            raise _BrokenOff(f"{done} of {known.size} bytes came")


def _is_whole(wanted: Wanted) -> bool:
    """Whether all of it lies there, as far as that can be known."""
    is_as_long = wanted.size is not None and _size(wanted.part) == wanted.size
    return is_as_long and wanted.sha256 is not None and hash_of(wanted.part) == wanted.sha256


def _checked(wanted: Wanted, whole: Wanted) -> Fetched:
    """What lies there. Raises Invalid where its hash is not the one that is known."""
    found = hash_of(wanted.part)
    if whole.sha256 not in {None, found}:
        raise Invalid(
            f"what {_host(wanted.url)} sent has another hash than it should: {found} and not "
            f"{whole.sha256}. It was thrown away",
            code="model.wrong_hash",
        )
    return Fetched(found, _size(wanted.part), is_vouched_for=whole.sha256 is not None)


def _agreed(wanted: Wanted, declared: Wanted) -> Wanted:
    """What is known of the file by now. Raises Conflict where the site declares another one."""
    for known, said, unit in (
        (wanted.sha256, declared.sha256, ""),
        (wanted.size, declared.size, " bytes"),
    ):
        if None not in {known, said} and known != said:
            raise Conflict(
                f"{_host(wanted.url)} has another file there: {said}{unit}, and not {known}{unit}",
                code="model.changed",
            )
    return replace(
        wanted,
        sha256=wanted.sha256 or declared.sha256,
        size=wanted.size if wanted.size is not None else declared.size,
    )


def _declared(before: Wanted, headers: httpx.Headers) -> Wanted:
    """What the hub says of a file before it sends to its storage."""
    found = _HASH.fullmatch(headers.get("X-Linked-Etag", ""))
    size = headers.get("X-Linked-Size", "")
    return replace(
        before,
        sha256=found[1] if found else before.sha256,
        size=int(size) if size.isascii() and size.isdigit() else before.size,
    )


def _to_go_on_from(wanted: Wanted) -> int:
    """How much of the part is worth keeping: where nothing could tell a wrong one, none."""
    if wanted.sha256 is None and not validator_of(wanted.part).is_file():
        return 0
    size = _size(wanted.part)
    # One that is complete, or longer than it should be, is fetched anew: its end was never seen.
    return 0 if wanted.size is not None and size >= wanted.size else size


def _headers(part: Path, start: int) -> dict[str, str]:
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if validator_of(part).is_file():
            headers["If-Range"] = validator_of(part).read_text(encoding="ascii")
    return headers


def _note_validator(part: Path, answer: httpx.Response) -> None:
    etag = answer.headers.get("ETag", "")
    if etag.startswith('"') and etag.isascii():  # a weak one does not vouch for every byte
        validator_of(part).write_text(etag, encoding="ascii")
    else:
        validator_of(part).unlink(missing_ok=True)


def _total(answer: httpx.Response, start: int) -> int | None:
    """How long the whole file is, where that is said."""
    if answer.status_code == 206:
        return int(_rest(answer, start)[2])
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isascii() and length.isdigit() else None


def _rest(answer: httpx.Response, start: int) -> re.Match[str]:
    """What the answer says of itself as the rest. Raises _Different for another part."""
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if found is None or int(found[1]) != start:
        raise _Different
    return found


def _next(url: str, answer: httpx.Response) -> str:
    target = str(httpx.URL(url).join(answer.headers["Location"]))
    schemes = urlsplit(url).scheme, urlsplit(target).scheme
    if schemes not in {("https", "https"), ("http", "http"), ("http", "https")}:
        raise Unavailable(
            f"{_host(url)} sends to {schemes[1]}: not followed", code="models.refused"
        )
    return target


def _refusal(answer: httpx.Response) -> HsiError | _Different:
    host, status = _host(str(answer.url)), answer.status_code
    if status == 416:
        return _Different()
    if status in {404, 410}:
        return NotFound(f"{host} has no such file (status {status})", code="model.not_there")
    return Unavailable(f"{host} does not give it (status {status})", code="models.refused")


def _unreachable(url: str, error: httpx.TransportError) -> Unavailable:
    return Unavailable(
        f"{_host(url)} cannot be reached: {_words(error)}. MODELS__BASE_URL can name a mirror; or "
        "bring the file from elsewhere, and `hsi models add FILE`",
        code="models.unreachable",
    )


def _words(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return str(error) or type(error).__name__


def _host(url: str) -> str:
    return urlsplit(url).hostname or url


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0
