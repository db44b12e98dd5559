"""Motion against a learnt background, in drawn scenes."""

import zlib
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as drawn

from backend.domain.boxes import Box, overlap
from backend.services.detection.detector import Findings, Pixels, View
from backend.services.detection.motion import (
    GRID,
    LEARNING,
    LIGHT_CHANGED,
    MAX_BOXES,
    NO_MOTION,
    Background,
    MotionDetector,
    find_motion,
)
from backend.tests.fixtures.strategies import pictures

START = datetime(2024, 6, 1, 12, 0, tzinfo=UTC)
HEIGHT, WIDTH = 180, 320
FIGURE = Box(0.5, 0.4, 0.1, 0.45)


class Scene:
    """A yard with a house, as a camera with a noisy sensor sees it."""

    def __init__(self, *, seed: int = 1) -> None:
        self._dice = np.random.default_rng(seed)
        picture = np.full((HEIGHT, WIDTH, 3), (200, 170, 140), np.uint8)
        picture[90:] = (60, 120, 80)
        cv2.rectangle(picture, (20, 40), (130, 120), (90, 110, 160), cv2.FILLED)
        cv2.rectangle(picture, (60, 70), (85, 120), (30, 40, 60), cv2.FILLED)
        cv2.circle(picture, (270, 60), 25, (40, 80, 30), cv2.FILLED)
        self._grass = self._dice.normal(0, 8, (HEIGHT, WIDTH, 1))
        self._empty = picture

    def shot(
        self,
        figure: Box | None = None,
        *,
        clothes: int = 30,
        gain: float = 1.0,
        lift: float = 0.0,
        noise: float = 5.0,
    ) -> Pixels:
        picture = self._empty.copy()
        if figure is not None:
            draw_figure(picture, figure, (clothes, clothes, clothes))
        light = (picture + self._grass) * gain + lift
        light += self._dice.normal(0, noise, (HEIGHT, WIDTH, 1))
        return light.clip(0, 255).astype(np.uint8)

    def night(self, figure: Box | None = None, *, noise: float = 9.0) -> Pixels:
        """Grey and dark; whoever comes is a little brighter than the ground."""
        return self.shot(figure, clothes=235, gain=0.25, lift=4, noise=noise)


def draw_figure(picture: Pixels, box: Box, colour: tuple[int, int, int]) -> None:
    left, top = round(box.x * WIDTH), round(box.y * HEIGHT)
    width, height = round(box.width * WIDTH), round(box.height * HEIGHT)
    head = height // 6
    cv2.circle(picture, (left + width // 2, top + head), head, colour, cv2.FILLED)
    below = (left, top + 2 * head), (left + width - 1, top + height - 1)
    cv2.rectangle(picture, *below, colour, cv2.FILLED)


class Camera:
    """Gives pictures to the detector, and its memory back to it."""

    def __init__(self) -> None:
        self.memory: bytes | None = None
        self.now = START

    def sees(self, pixels: Pixels, *, after: float = 1.0) -> Findings:
        self.now += timedelta(seconds=after)
        return self.sees_at(self.now, pixels)

    def sees_at(self, at: datetime, pixels: Pixels) -> Findings:
        findings = find_motion(View(1, at, pixels), self.memory)
        self.memory = findings.memory
        return findings


def background_of(camera: Camera) -> Background:
    assert camera.memory is not None
    kept = Background.unpack(camera.memory)
    assert kept is not None
    return kept


def outcome(findings: Findings) -> str:
    return "motion" if findings.detections else str(findings.remark)


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def camera(scene: Scene) -> Camera:
    """A camera that has seen the empty scene for some seconds."""
    camera = Camera()
    for _ in range(4):
        camera.sees(scene.shot())
    return camera


def test_the_first_picture_is_learnt(scene: Scene) -> None:
    findings = Camera().sees(scene.shot(FIGURE))
    assert findings.detections == ()
    assert findings.remark == LEARNING
    assert findings.memory is not None


@pytest.mark.parametrize("noise", [0, 5, 15, 20])
def test_noise_is_no_motion(scene: Scene, noise: float) -> None:
    camera = Camera()
    seen = [outcome(camera.sees(scene.shot(noise=noise))) for _ in range(8)]
    assert seen == [LEARNING] + [NO_MOTION] * 7


@pytest.mark.parametrize("clothes", [30, 60, 210])
@pytest.mark.parametrize("noise", [2, 15])
def test_a_figure_that_came_is_found(
    scene: Scene, camera: Camera, clothes: int, noise: float
) -> None:
    findings = camera.sees(scene.shot(FIGURE, clothes=clothes, noise=noise))
    assert findings.remark is None
    (motion,) = findings.detections
    assert motion.class_name == "motion"
    assert overlap(motion.box, FIGURE) > 0.6
    assert 0.6 < motion.confidence <= 1  # the figure fills its box, but for the shoulders


def test_after_the_figure_left_there_is_nothing(scene: Scene, camera: Camera) -> None:
    for step in range(15):
        figure = Box(0.3 + 0.005 * step, 0.4, 0.1, 0.45)
        assert outcome(camera.sees(scene.shot(figure))) == "motion"
    assert outcome(camera.sees(scene.shot())) == NO_MOTION


def test_a_figure_that_stands_for_two_minutes_leaves_no_ghost(scene: Scene, camera: Camera) -> None:
    standing = [scene.shot(FIGURE) for _ in range(4)]
    for n in range(20):
        assert outcome(camera.sees(standing[n % 4], after=6)) == "motion"
    assert outcome(camera.sees(scene.shot())) == NO_MOTION


def test_what_is_parked_becomes_a_part_of_the_scene(scene: Scene, camera: Camera) -> None:
    parked = scene.shot(FIGURE, clothes=110)
    seconds = 0
    while camera.sees(parked, after=24).detections:
        seconds += 24
        assert seconds < 900, "it is still motion after 15 minutes"
    assert seconds > 120


def test_the_number_of_pictures_does_not_hasten_it(scene: Scene, camera: Camera) -> None:
    standing = scene.shot(FIGURE)
    for _ in range(30):
        findings = camera.sees(standing, after=0.04)
    assert outcome(findings) == "motion"
    assert outcome(camera.sees(scene.shot())) == NO_MOTION


def test_rare_pictures_do_not_hasten_it_much(scene: Scene, camera: Camera) -> None:
    assert outcome(camera.sees(scene.shot(FIGURE), after=86_400)) == "motion"
    assert outcome(camera.sees(scene.shot(), after=86_400)) == NO_MOTION


def test_two_figures_are_two_boxes(scene: Scene, camera: Camera) -> None:
    both = scene.shot(Box(0.2, 0.4, 0.1, 0.45))
    other = scene.shot(Box(0.7, 0.4, 0.1, 0.45))
    both[:, WIDTH // 2 :] = other[:, WIDTH // 2 :]
    boxes = [detection.box.x for detection in camera.sees(both).detections]
    assert sorted(boxes) == pytest.approx([0.2, 0.7], abs=0.03)


def test_a_figure_at_night(scene: Scene) -> None:
    camera = Camera()
    for _ in range(4):
        camera.sees(scene.night())
    assert outcome(camera.sees(scene.night())) == NO_MOTION
    (motion,) = camera.sees(scene.night(FIGURE)).detections
    assert overlap(motion.box, FIGURE) > 0.5
    assert outcome(camera.sees(scene.night())) == NO_MOTION


@pytest.mark.parametrize("gain", [0.8, 0.9, 1.1, 1.15])
def test_a_step_of_the_exposure_is_no_motion(scene: Scene, camera: Camera, gain: float) -> None:
    for _ in range(3):
        assert outcome(camera.sees(scene.shot(gain=gain))) == NO_MOTION


def test_a_figure_is_found_through_a_step_of_the_exposure(scene: Scene, camera: Camera) -> None:
    (motion,) = camera.sees(scene.shot(FIGURE, clothes=60, gain=0.85)).detections
    assert overlap(motion.box, FIGURE) > 0.6
    assert outcome(camera.sees(scene.shot(gain=0.85))) == NO_MOTION


def test_the_scene_behind_a_figure_follows_the_light(scene: Scene, camera: Camera) -> None:
    for n in range(12):
        assert outcome(camera.sees(scene.shot(FIGURE, gain=1 - 0.03 * n))) == "motion"
    assert outcome(camera.sees(scene.shot(gain=0.67))) == NO_MOTION


def test_the_background_reaches_the_scene_to_the_last_level(scene: Scene) -> None:
    camera, newcomer = Camera(), Camera()
    lighter, still = scene.shot(noise=0, lift=5), scene.shot(noise=0)
    camera.sees(lighter)
    for _ in range(8):
        camera.sees(still)
    newcomer.sees(still)
    assert np.array_equal(background_of(camera).cells, background_of(newcomer).cells)


def test_a_slow_dusk_is_no_motion(scene: Scene, camera: Camera) -> None:
    seen = [outcome(camera.sees(scene.shot(gain=0.92**n), after=60)) for n in range(14)]
    assert set(seen) == {NO_MOTION}


def test_the_light_going_out_is_learnt_anew(scene: Scene, camera: Camera) -> None:
    assert outcome(camera.sees(scene.night())) == LIGHT_CHANGED
    assert outcome(camera.sees(scene.night())) == NO_MOTION
    assert outcome(camera.sees(scene.night(FIGURE))) == "motion"
    assert outcome(camera.sees(scene.shot())) == LIGHT_CHANGED


def test_a_lamp_that_lights_most_of_the_scene(scene: Scene, camera: Camera) -> None:
    camera.sees(scene.night())
    camera.sees(scene.night())
    lit = scene.night().astype(np.float32)
    rows, columns = np.indices((HEIGHT, WIDTH))
    lit += 150 * np.exp(-((columns - 160) ** 2 + (rows - 60) ** 2) / 150**2)[:, :, None]
    assert outcome(camera.sees(lit.clip(0, 255).astype(np.uint8))) == LIGHT_CHANGED


def test_more_than_most_of_the_picture_is_light(scene: Scene, camera: Camera) -> None:
    assert outcome(camera.sees(scene.shot(Box(0, -0.4, 0.5, 1.4)))) == "motion"
    assert outcome(camera.sees(scene.shot(Box(0, -0.4, 0.8, 1.4)))) == LIGHT_CHANGED


def test_a_late_picture_is_compared_and_teaches_nothing(scene: Scene, camera: Camera) -> None:
    learnt = camera.memory
    for late in (camera.now, camera.now - timedelta(days=1)):
        assert outcome(camera.sees_at(late, scene.shot(FIGURE))) == "motion"
        assert camera.memory == learnt
        assert outcome(camera.sees_at(late, scene.shot(gain=0.9))) == NO_MOTION
        assert camera.memory == learnt
        assert outcome(camera.sees_at(late, scene.night())) == LIGHT_CHANGED
        assert camera.memory == learnt
        assert outcome(camera.sees_at(late, scene.shot()[:, :200])) == LEARNING
        assert camera.memory == learnt


def test_another_shape_is_learnt_anew(scene: Scene, camera: Camera) -> None:
    upright = np.ascontiguousarray(scene.shot(FIGURE).transpose(1, 0, 2))
    assert outcome(camera.sees(upright)) == LEARNING
    assert outcome(camera.sees(upright)) == NO_MOTION


def test_another_size_of_the_same_shape_is_the_same_scene(scene: Scene, camera: Camera) -> None:
    double = cv2.resize(scene.shot(), (2 * WIDTH, 2 * HEIGHT)).astype(np.uint8)
    assert outcome(camera.sees(double)) == NO_MOTION


@pytest.mark.parametrize(
    "memory",
    [b"", b"x", b"MOT1", b"MOT1" + bytes(30), b"\xff" * 500, Background(
        np.zeros((2, 2), np.uint8), START, START).pack()[:-3]],
)  # fmt: skip
def test_an_unreadable_memory_is_learnt_anew(scene: Scene, memory: bytes) -> None:
    camera = Camera()
    camera.memory = memory
    assert outcome(camera.sees(scene.shot())) == LEARNING
    assert outcome(camera.sees(scene.shot())) == NO_MOTION


def test_a_memory_that_would_unpack_to_anything_is_not_unpacked() -> None:
    head = Background(np.zeros((4, 4), np.uint8), START, START).pack()[:24]
    assert Background.unpack(head + zlib.compress(bytes(16))) is not None
    assert Background.unpack(head + zlib.compress(bytes(10_000_000))) is None
    too_large = Background(np.zeros((GRID, GRID + 1), np.uint8), START, START).pack()
    assert Background.unpack(too_large) is None


def test_the_memory_is_small(camera: Camera) -> None:
    assert camera.memory is not None
    assert len(camera.memory) < GRID * GRID
    kept = background_of(camera)
    assert kept.cells.shape == (90, GRID)
    assert kept.learnt_at == camera.now


def test_a_storm_of_motion_is_bounded_and_counted() -> None:
    camera = Camera()
    still = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    camera.sees(still)
    storm = still.copy()
    for row in range(10, HEIGHT, 40):
        for column in range(10, WIDTH, 40):
            storm[row : row + 14, column : column + 14] = 255
    findings = camera.sees(storm)
    assert len(findings.detections) == MAX_BOXES
    assert findings.dropped == {"too_many": 5 * 8 - MAX_BOXES}


async def test_the_detector_itself(scene: Scene) -> None:
    detector = MotionDetector()
    assert detector.name == "motion"
    first = await detector.detect(View(1, START, scene.shot()), None)
    later = View(1, START + timedelta(seconds=1), scene.shot(FIGURE))
    second = await detector.detect(later, first.memory)
    await detector.aclose()
    assert [outcome(first), outcome(second)] == [LEARNING, "motion"]
    assert second == find_motion(later, first.memory)


@given(st.lists(pictures, min_size=1, max_size=2), st.integers(-5, 5), st.binary() | st.none())
def test_any_picture(shown: list[Pixels], seconds: int, memory: bytes | None) -> None:
    for n, pixels in enumerate([shown[0], 255 - shown[0], *shown]):
        at = START + timedelta(seconds=n * seconds)
        findings = find_motion(View(1, at, pixels), memory)
        memory = findings.memory
        assert (findings.remark is None) == bool(findings.detections)
        for detection in findings.detections:
            box = detection.box
            assert 0 < detection.confidence <= 1
            assert 0 <= box.x < box.x + box.width <= 1 + 1e-9
            assert 0 <= box.y < box.y + box.height <= 1 + 1e-9


@given(
    drawn.arrays(np.uint8, st.tuples(st.integers(1, GRID), st.integers(1, GRID)), fill=st.just(7)),
    st.datetimes(timezones=st.just(UTC)),
)
def test_the_memory_comes_back_as_it_was(cells: Pixels, at: datetime) -> None:
    kept = Background.unpack(Background(cells, at, START).pack())
    assert kept is not None
    assert np.array_equal(kept.cells, cells)
    assert (kept.learnt_at, kept.absorbed_at) == (at, START)
