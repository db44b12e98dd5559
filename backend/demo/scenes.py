"""The fourteen pictures: what two cameras see within a few minutes that stand for a day."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal

import cv2
import numpy as np

from backend.demo import driveway, front_door
from backend.demo.canvas import Picture, Point, blank
from backend.demo.light import (
    Glow,
    Light,
    Lighting,
    lit,
    photographed,
    with_glows,
    with_shadow,
)
from backend.demo.visitors import (
    COURIER,
    STRANGER,
    Brush,
    draw_car,
    draw_dog,
    draw_person,
)

Shown = Literal["empty", "person", "pet", "vehicle", "light"]
"""What a picture is of; `light` is the empty scene in another light than before."""


@dataclass(frozen=True)
class Visitor:
    """Somebody or something that comes into a scene, standing on `foot`, `size` pixels large."""

    draw: Callable[[Brush], None]
    foot: Point
    size: float
    facing: int = 1
    lights: tuple[Point, ...] = ()
    """Where it shines, in its own measure."""


@dataclass(frozen=True)
class Scene:
    """One picture: `seconds` after the first one, taken by `camera` in some `light`."""

    file: str
    camera: str
    seconds: int
    shown: Shown
    light: Light
    visitor: Visitor | None = None

    @property
    def has_motion(self) -> bool:
        """Whether something came into the scene; a change of light is no motion."""
        return self.visitor is not None


_HEADLIGHTS = ((-0.37, -0.303), (0.37, -0.303))
_courier = partial(draw_person, clothes=COURIER)
_car_by_night = partial(draw_car, lights_on=True)

# A visit is one event: an event closes 30 s after its last picture, so visits lie further apart.
SCENES = (
    Scene("01_front_door_empty_day.jpg", "Front Door", 0, "empty", Light.DAY),
    Scene("02_driveway_empty_day.jpg", "Driveway", 5, "empty", Light.DAY),
    Scene("03_front_door_person_day.jpg", "Front Door", 40, "person", Light.DAY,
          Visitor(_courier, (604, 668), 372)),
    Scene("04_front_door_person_day.jpg", "Front Door", 46, "person", Light.DAY,
          Visitor(_courier, (802, 512), 262)),
    Scene("05_driveway_vehicle_day.jpg", "Driveway", 50, "vehicle", Light.DAY,
          Visitor(draw_car, (656, 412), 208)),
    Scene("06_driveway_vehicle_day.jpg", "Driveway", 56, "vehicle", Light.DAY,
          Visitor(draw_car, (652, 622), 424)),
    Scene("07_front_door_empty_day.jpg", "Front Door", 70, "empty", Light.DAY),
    Scene("08_front_door_pet_day.jpg", "Front Door", 100, "pet", Light.DAY,
          Visitor(draw_dog, (262, 616), 300)),
    Scene("09_driveway_light_cloud.jpg", "Driveway", 110, "light", Light.CLOUD),
    Scene("10_front_door_light_dusk.jpg", "Front Door", 140, "light", Light.DUSK),
    Scene("11_front_door_light_night.jpg", "Front Door", 170, "light", Light.NIGHT),
    Scene("12_driveway_light_night.jpg", "Driveway", 175, "light", Light.NIGHT),
    Scene("13_front_door_person_night.jpg", "Front Door", 215, "person", Light.NIGHT,
          Visitor(partial(draw_person, clothes=STRANGER), (1010, 622), 330, facing=-1)),
    Scene("14_driveway_vehicle_night.jpg", "Driveway", 220, "vehicle", Light.NIGHT,
          Visitor(_car_by_night, (654, 548), 330, lights=_HEADLIGHTS)),
)  # fmt: skip


def draw_scene(scene: Scene) -> bytes:
    """The picture as a JPEG of 1280 x 720; the same bytes each time."""
    picture, lighting = scenery(scene.camera)
    glows = []
    if scene.visitor is not None:
        picture = _visited(picture, scene.visitor, scene.light)
        glows = _glows_of(scene.visitor)
    picture = with_glows(lit(picture, lighting, scene.light), glows)
    return photographed(picture, scene.light, seed=1000 + scene.seconds)


@cache
def scenery(camera: str) -> tuple[Picture, Lighting]:
    """What a camera looks at, by day and with nobody in it, and how it is lit."""
    place = {"Front Door": front_door, "Driveway": driveway}[camera]
    canvas = place.draw_empty()
    canvas.picture.flags.writeable = False
    sky = 255 - canvas.cover
    return canvas.picture, Lighting(sky, place.WINDOWS, place.LAMP, place.BEAM)


def manifest() -> Mapping[str, object]:
    """What the pictures are, in the order in which they were taken."""
    return {
        "about": "Drawn by backend.demo. seconds: since the first picture; motion: whether"
        " something came into the scene since the camera's picture before, other than light.",
        "pictures": [
            {
                "file": scene.file,
                "camera": scene.camera,
                "seconds": scene.seconds,
                "shown": scene.shown,
                "light": str(scene.light),
                "motion": scene.has_motion,
            }
            for scene in SCENES
        ],
    }


def _visited(picture: Picture, visitor: Visitor, light: Light) -> Picture:
    layer = blank((picture.shape[1], picture.shape[0]))
    visitor.draw(Brush(layer, visitor.foot, visitor.size, visitor.facing))
    ground = with_shadow(picture, layer.cover, visitor.foot, light)
    left, top, width, height = cv2.boundingRect(layer.cover)
    covered = slice(top, top + height), slice(left, left + width)
    share = layer.cover[covered].astype(np.uint16)[..., np.newaxis]
    mixed = ground[covered] * (255 - share) + layer.picture[covered] * share
    ground[covered] = (mixed + 127) // 255
    return ground


def _glows_of(visitor: Visitor) -> list[Glow]:
    (x, y), size = visitor.foot, visitor.size
    return [
        Glow((x + size * across, y + size * up), size * 0.13, (235, 235, 235))
        for across, up in visitor.lights
    ]
