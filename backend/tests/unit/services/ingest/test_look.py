"""Two looks at a folder: a file is given once it has come to rest, and once for each rest."""

from hypothesis import given

from backend.domain.frames import FileMark
from backend.services.ingest.folder_watcher import Look
from backend.services.ingest.stage import FoundFile
from backend.tests.fixtures.strategies import looks

NAMES = ("gate/a.jpg", "gate/b.jpg")


def files(sizes: dict[str, int | None]) -> list[FoundFile]:
    return [
        FoundFile(name, "watch", FileMark(size, 0, 0))
        for name, size in sizes.items()
        if size is not None
    ]


@given(looks(NAMES))
def test_given_when_it_comes_to_rest(seen: list[dict[str, int | None]]) -> None:
    look = Look()
    for number, sizes in enumerate(seen):
        given_now = {file.relative for file in files(sizes) if look.is_settled(file)}
        look.end()
        for name in NAMES:
            past = [earlier[name] for earlier in seen[: number + 1]]
            at_rest = past[-1] is not None and past[-2:] == [past[-1]] * 2
            changed = [n for n, size in enumerate(past) if size != past[-1]]
            rested = len(past) - (changed[-1] + 1 if changed else 0)
            if not at_rest:
                assert name not in given_now
            elif rested == 2:
                was_given = _last_given(past[:-2])
                assert (name in given_now) == (was_given != past[-1])
            else:
                assert name not in given_now


def _last_given(past: list[int | None]) -> int | None:
    """With which size a file was last given, if it was always there since."""
    for end in range(len(past), 1, -1):
        if past[end - 1] is None:
            return None
        if past[end - 1] == past[end - 2]:
            return past[end - 1]
    return None
