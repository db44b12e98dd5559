"""One rule makes slugs, whatever a camera is called."""

import re

import pytest
from hypothesis import given

from backend.services.ingest.slugs import LONGEST_SLUG, free_slug, slug_of
from backend.tests.fixtures.strategies import camera_names, names_alike

SLUG = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Front Door", "front_door"),
        ("front_door", "front_door"),
        ("  Front -- Door!  ", "front_door"),
        ("__Front__Door__", "front_door"),
        ("Kamera Nr. 2", "kamera_nr_2"),
        ("Straße", "strasse"),
        ("Café", "cafe"),
        ("Cafe\N{COMBINING ACUTE ACCENT}", "cafe"),
        ("Гараж", "garazh"),
        ("玄関", "xuanguan"),
        ("①", "1"),
        ("../etc/passwd", "etc_passwd"),
        ("a" * 64, "a" * 64),
        ("", "camera_e3b0c442"),
        ("---", "camera_cb3f91d5"),
        ("___", "camera_bda25155"),
        ("\udcff", "camera_a8100ae6"),
        ("\ud800", "camera_91a681b9"),
    ],
)
def test_slug_of_a_name(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_long_names_that_begin_alike_stay_apart() -> None:
    first, second = slug_of("long " * 20 + "one"), slug_of("long " * 20 + "two")
    assert first != second
    assert first.startswith("long_long_long_")
    assert len(first) <= LONGEST_SLUG


@given(camera_names)
def test_every_name_gives_a_slug_of_bounded_length(name: str) -> None:
    slug = slug_of(name)
    assert SLUG.fullmatch(slug)
    assert len(slug) <= LONGEST_SLUG


@given(camera_names)
def test_the_slug_of_a_slug_is_itself(name: str) -> None:
    assert slug_of(slug_of(name)) == slug_of(name)


@pytest.mark.parametrize(
    ("slug", "taken", "free"),
    [
        ("front_door", set(), "front_door"),
        ("front_door", {"driveway"}, "front_door"),
        ("front_door", {"front_door"}, "front_door_2"),
        ("front_door", {"front_door", "front_door_2"}, "front_door_3"),
        ("front_door", {"front_door", "front_door_3"}, "front_door_2"),
        ("a" * 64, {"a" * 64}, "a" * 62 + "_2"),
        ("a" * 61 + "_bb", {"a" * 61 + "_bb"}, "a" * 61 + "_2"),
    ],
)
def test_a_taken_slug_gets_the_first_free_number(slug: str, taken: set[str], free: str) -> None:
    assert free_slug(slug, taken) == free


@given(names_alike)
def test_cameras_never_share_a_slug(names: list[str]) -> None:
    taken: list[str] = []
    for name in names:
        taken.append(free_slug(slug_of(name), taken))
    assert len(set(taken)) == len(names)
    assert all(SLUG.fullmatch(slug) and len(slug) <= LONGEST_SLUG for slug in taken)
