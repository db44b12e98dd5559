"""The light changes a whole picture, the sensor adds its noise."""

import cv2
import numpy as np
import pytest

from backend.demo.canvas import Picture, oblong
from backend.demo.light import (
    SENSOR_NOISE,
    Beam,
    Glow,
    Light,
    Lighting,
    lit,
    photographed,
    with_glows,
    with_shadow,
)

SKY = np.zeros((360, 480), np.uint8)
SKY[:120] = 255
LIGHTING = Lighting(
    SKY, [oblong(300, 180, 360, 240)], lamp=(20, 180), beam=Beam((240, 300), (180, 120), 150)
)


@pytest.fixture
def picture() -> Picture:
    """A plain scene, green all over."""
    return np.full((360, 480, 3), (80, 160, 120), np.uint8)


def test_day_is_as_painted(picture: Picture) -> None:
    assert lit(picture, LIGHTING, Light.DAY) is picture


@pytest.mark.parametrize("light", [Light.CLOUD, Light.DUSK, Light.NIGHT])
def test_other_light_is_darker_and_leaves_the_painting_alone(
    picture: Picture, light: Light
) -> None:
    before = picture.copy()
    assert lit(picture, LIGHTING, light).mean() < 0.8 * before.mean()
    assert np.array_equal(picture, before)


def test_at_night_the_camera_sees_grey_and_no_sky(picture: Picture) -> None:
    seen = lit(picture, LIGHTING, Light.NIGHT)
    assert int(np.ptp(seen, axis=2).max()) == 0
    assert seen[5, 450].max() < 10
    assert seen[300, 240].min() > 80


def test_at_dusk_the_windows_are_lit(picture: Picture) -> None:
    seen = lit(picture, LIGHTING, Light.DUSK)
    assert int(seen[210, 330, 2]) > 2 * int(seen[330, 450, 2])


def test_a_glow_is_brightest_in_its_middle(picture: Picture) -> None:
    seen = with_glows(picture, [Glow((80, 64), 12, (60, 60, 60))])
    assert seen[64, 80, 1] > seen[64, 96, 1] > seen[64, 140, 1] == 160


@pytest.mark.parametrize(("light", "behind"), [(Light.DAY, True), (Light.CLOUD, False)])
def test_only_the_sun_casts_a_shadow_behind(picture: Picture, light: Light, behind: bool) -> None:
    cover = np.zeros(picture.shape[:2], np.uint8)
    cover[20:100, 60:70] = 255
    seen = with_shadow(picture, cover, (65, 100), light)
    assert bool(seen[92, 85, 1] < 140) == behind
    assert seen[98, 65, 1] < 150


@pytest.mark.parametrize("light", list(Light))
def test_the_sensor_is_noisy(picture: Picture, light: Light) -> None:
    jpeg = np.frombuffer(photographed(picture, light, seed=5), np.uint8)
    decoded = cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE)
    assert decoded is not None
    # a JPEG keeps about half of a fine noise
    assert 0.4 * SENSOR_NOISE[light] < decoded.std() < SENSOR_NOISE[light]


def test_each_picture_has_its_own_noise(picture: Picture) -> None:
    assert photographed(picture, Light.DAY, 1) == photographed(picture, Light.DAY, 1)
    assert photographed(picture, Light.DAY, 1) != photographed(picture, Light.DAY, 2)
