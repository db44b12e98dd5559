"""Who comes by: a person, a dog, a car, drawn from simple shapes.

Each is described in its own measure, feet on the ground at y = 0 and up negative: a person and a
car's width are 1, a dog from nose to tail is 1. A negative facing looks to the left.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.demo.canvas import (
    Canvas,
    Colour,
    Point,
    ellipse,
    fill,
    limb,
    oblong,
    placed,
    smooth,
)

SKIN: Colour = (138, 172, 222)


@dataclass(frozen=True)
class Brush:
    """Paints shapes of one visitor onto a canvas, at its place and in its size."""

    canvas: Canvas
    foot: Point
    size: float
    facing: int = 1

    def paint(self, outline: Sequence[Point], colour: Colour, depth: float = 0.72) -> None:
        """Fill a shape, lit from the left: from `colour` to `depth` of it, from left to right."""
        shape = placed(outline, self.foot, (self.size * self.facing, self.size))
        fill(self.canvas, shape, colour, shaded(colour, depth), across=True)

    def paint_down(self, outline: Sequence[Point], colour: Colour, depth: float = 0.72) -> None:
        """Fill a shape, lit from above."""
        shape = placed(outline, self.foot, (self.size * self.facing, self.size))
        fill(self.canvas, shape, colour, shaded(colour, depth))


def shaded(colour: Colour, share: float) -> Colour:
    """`share` of the brightness of a colour."""
    blue, green, red = (min(round(part * share), 255) for part in colour)
    return blue, green, red


@dataclass(frozen=True)
class Clothes:
    """What a person wears and carries."""

    jacket: Colour
    trousers: Colour
    hair: Colour
    hood: bool = False
    parcel: bool = False


COURIER = Clothes((62, 120, 214), (112, 74, 48), (36, 52, 78), parcel=True)
STRANGER = Clothes((84, 80, 86), (196, 192, 194), (40, 44, 52), hood=True)


def draw_person(brush: Brush, clothes: Clothes) -> None:
    """A person in mid-stride, seen from the side."""
    _draw_leg(brush, ((-0.01, -0.49), (-0.03, -0.27), (-0.165, -0.075)), clothes.trousers, 0.7)
    _draw_arm(brush, ((0.0, -0.79), (0.085, -0.655), (0.18, -0.575)), clothes, 0.72)
    _draw_leg(brush, ((0.01, -0.49), (0.085, -0.27), (0.125, -0.04)), clothes.trousers, 1.0)
    torso = smooth(
        [(-0.06, -0.83), (0.04, -0.835), (0.093, -0.76), (0.085, -0.62), (0.08, -0.455),
         (-0.075, -0.455), (-0.08, -0.62), (-0.092, -0.76)]
    )  # fmt: skip
    brush.paint(torso, clothes.jacket)
    brush.paint(limb((-0.07, -0.462), (0.072, -0.462), 0.011, 0.011), shaded(clothes.jacket, 0.6))
    brush.paint(limb((0.074, -0.79), (0.07, -0.48), 0.004, 0.004), shaded(clothes.jacket, 0.6))
    _draw_head(brush, clothes)
    if clothes.parcel:
        _draw_parcel(brush)
        _draw_arm(brush, ((0.0, -0.78), (0.03, -0.625), (0.16, -0.565)), clothes, 1.12)
    else:
        _draw_arm(brush, ((-0.01, -0.78), (-0.085, -0.64), (-0.06, -0.485)), clothes, 1.15)


def _draw_leg(
    brush: Brush, joints: tuple[Point, Point, Point], cloth: Colour, light: float
) -> None:
    hip, knee, ankle = joints
    colour = shaded(cloth, light)
    heel, toe = (ankle[0] - 0.012, ankle[1] + 0.018), (ankle[0] + 0.085, ankle[1] + 0.024)
    if ankle[1] < -0.06:  # the foot behind pushes off with its toes
        toe = (ankle[0] + 0.06, ankle[1] + 0.058)
    brush.paint_down(limb(heel, toe, 0.021, 0.015), shaded((52, 56, 64), light), 0.6)
    brush.paint(limb(hip, knee, 0.072, 0.05), colour)
    brush.paint(limb(knee, ankle, 0.05, 0.034), colour)


def _draw_arm(
    brush: Brush, joints: tuple[Point, Point, Point], clothes: Clothes, light: float
) -> None:
    shoulder, elbow, hand = joints
    colour = shaded(clothes.jacket, light)
    brush.paint(ellipse(hand, 0.026, 0.026), shaded(SKIN, min(light, 1.0)))
    brush.paint(limb(shoulder, elbow, 0.043, 0.036), colour)
    brush.paint(limb(elbow, _between(elbow, hand, 0.86), 0.036, 0.028), colour)


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _draw_head(brush: Brush, clothes: Clothes) -> None:
    if clothes.hood:
        hood = smooth([(-0.075, -0.83), (-0.078, -0.93), (-0.02, -1.005), (0.055, -0.985),
                       (0.06, -0.9), (0.06, -0.82)])  # fmt: skip
        brush.paint(hood, shaded(clothes.jacket, 1.1))
        brush.paint(ellipse((0.035, -0.91), 0.037, 0.058), shaded(SKIN, 0.82))
        return
    brush.paint(limb((0.0, -0.87), (0.0, -0.82), 0.034, 0.04), shaded(SKIN, 0.85))
    face = smooth([(-0.05, -0.93), (-0.02, -0.985), (0.035, -0.985), (0.062, -0.945),
                   (0.076, -0.912), (0.062, -0.895), (0.05, -0.86), (0.01, -0.85),
                   (-0.035, -0.88)])  # fmt: skip
    brush.paint(face, SKIN, 0.86)
    hair = smooth([(-0.062, -0.9), (-0.066, -0.96), (-0.02, -1.005), (0.04, -1.003),
                   (0.064, -0.965), (0.03, -0.962), (-0.005, -0.945), (-0.02, -0.89)])  # fmt: skip
    brush.paint(hair, clothes.hair)
    brush.paint(ellipse((-0.003, -0.915), 0.011, 0.018), shaded(SKIN, 0.88))
    brush.paint(ellipse((0.048, -0.93), 0.007, 0.008), (40, 46, 58))
    cap = smooth(
        [(-0.064, -0.955), (-0.045, -1.0), (0.01, -1.018), (0.055, -0.995), (0.066, -0.962)]
    )
    brush.paint(cap, shaded(clothes.jacket, 0.92))
    brush.paint(limb((0.05, -0.965), (0.112, -0.955), 0.009, 0.005), shaded(clothes.jacket, 0.7))


def _draw_parcel(brush: Brush) -> None:
    brush.paint(oblong(0.075, -0.68, 0.27, -0.54), (112, 158, 196), 0.8)
    brush.paint(oblong(0.155, -0.68, 0.188, -0.54), (150, 196, 222), 0.85)
    brush.paint_down(
        [(0.075, -0.68), (0.1, -0.7), (0.285, -0.7), (0.27, -0.68)], (150, 192, 224), 0.9
    )
    brush.paint(oblong(0.2, -0.62, 0.25, -0.57), (226, 232, 236), 0.92)


DOG_COAT: Colour = (92, 156, 212)


def draw_dog(brush: Brush) -> None:
    """A dog at a trot, seen from the side."""
    far, near = shaded(DOG_COAT, 0.6), DOG_COAT
    _draw_paw(brush, ((0.23, -0.32), (0.3, -0.17), (0.27, -0.02)), far)
    _draw_paw(brush, ((-0.29, -0.34), (-0.24, -0.17), (-0.32, -0.03)), far)
    tail = [(-0.33, -0.48), (-0.43, -0.55), (-0.48, -0.67), (-0.45, -0.68), (-0.4, -0.585),
            (-0.3, -0.52)]  # fmt: skip
    brush.paint_down(smooth(tail), near)
    body = [(-0.36, -0.42), (-0.31, -0.52), (-0.1, -0.525), (0.12, -0.535), (0.26, -0.58),
            (0.31, -0.46), (0.27, -0.31), (0.13, -0.265), (-0.08, -0.295), (-0.22, -0.32),
            (-0.33, -0.31)]  # fmt: skip
    brush.paint_down(smooth(body), near, 0.66)
    _draw_paw(brush, ((-0.28, -0.38), (-0.34, -0.19), (-0.42, -0.02)), near)
    _draw_paw(brush, ((0.2, -0.33), (0.19, -0.17), (0.12, -0.03)), near)
    brush.paint(limb((0.22, -0.5), (0.33, -0.65), 0.105, 0.082), near, 0.88)
    brush.paint_down(limb((0.35, -0.69), (0.475, -0.645), 0.082, 0.043), near, 0.76)
    brush.paint(
        limb((0.44, -0.62), (0.485, -0.625), 0.026, 0.022), shaded((150, 176, 206), 1.0), 0.9
    )
    brush.paint(ellipse((0.508, -0.665), 0.02, 0.017), (34, 36, 42))
    ear = [(0.29, -0.75), (0.345, -0.755), (0.345, -0.66), (0.315, -0.565), (0.268, -0.6)]
    brush.paint_down(smooth(ear), shaded(DOG_COAT, 0.56))
    brush.paint(ellipse((0.405, -0.7), 0.014, 0.014), (30, 34, 42), 1.0)
    brush.paint(limb((0.225, -0.62), (0.335, -0.535), 0.016, 0.016), (60, 52, 204))
    brush.paint(ellipse((0.338, -0.512), 0.02, 0.02), (110, 200, 226))
    chest = [(0.25, -0.5), (0.3, -0.47), (0.28, -0.35), (0.22, -0.32), (0.23, -0.42)]
    brush.paint_down(smooth(chest), (186, 210, 230), 0.85)


def _draw_paw(brush: Brush, joints: tuple[Point, Point, Point], coat: Colour) -> None:
    hip, knee, foot = joints
    brush.paint(limb(hip, knee, 0.078, 0.04), coat, 0.86)
    brush.paint(limb(knee, foot, 0.038, 0.027), coat, 0.86)
    brush.paint_down(
        limb(foot, (foot[0] + 0.035, foot[1] + 0.005), 0.027, 0.024), shaded(coat, 1.15)
    )


CAR_PAINT: Colour = (158, 74, 34)


def draw_car(brush: Brush, *, lights_on: bool = False) -> None:
    """A car that comes towards us."""
    for x in (-0.4, 0.4):
        tyre = [(x - 0.072, -0.2), (x + 0.072, -0.2), (x + 0.066, 0.0), (x - 0.066, 0.0)]
        brush.paint(smooth(tyre), (40, 40, 42), 0.8)
    brush.paint_down(oblong(-0.42, -0.2, 0.42, -0.06), (34, 34, 36), 0.7)
    _draw_cabin(brush)
    body = [(-0.49, -0.4), (-0.4, -0.47), (0, -0.49), (0.4, -0.47), (0.49, -0.4), (0.505, -0.24),
            (0.48, -0.11), (0, -0.09), (-0.48, -0.11), (-0.505, -0.24)]  # fmt: skip
    brush.paint_down(smooth(body), CAR_PAINT, 0.62)
    bonnet = [
        (-0.4, -0.465),
        (0, -0.488),
        (0.4, -0.465),
        (0.34, -0.335),
        (0, -0.315),
        (-0.34, -0.335),
    ]
    brush.paint_down(smooth(bonnet), shaded(CAR_PAINT, 1.32), 0.78)
    for x in (-0.17, 0.17):
        crease = limb((x * 1.25, -0.465), (x, -0.335), 0.004, 0.006)
        brush.paint(crease, shaded(CAR_PAINT, 0.86))
    _draw_nose(brush)
    for side in (-1, 1):
        _draw_headlight(brush, side, lights_on=lights_on)


def _draw_cabin(brush: Brush) -> None:
    roof = [(-0.4, -0.44), (-0.335, -0.66), (-0.24, -0.735), (0, -0.75), (0.24, -0.735),
            (0.335, -0.66), (0.4, -0.44)]  # fmt: skip
    brush.paint_down(smooth(roof), shaded(CAR_PAINT, 1.12), 0.8)
    glass = [
        (-0.36, -0.462),
        (-0.275, -0.675),
        (0, -0.694),
        (0.275, -0.675),
        (0.36, -0.462),
        (0, -0.478),
    ]
    brush.paint_down(glass, (146, 122, 96), 0.5)
    for x in (-0.16, 0.16):
        brush.paint_down(limb((x, -0.585), (x, -0.53), 0.034, 0.05), (58, 50, 46), 0.8)
    brush.paint_down(ellipse((0.16, -0.6), 0.04, 0.05), shaded(SKIN, 0.62))
    gleam = [(-0.2, -0.68), (-0.06, -0.688), (-0.17, -0.471), (-0.33, -0.464)]
    brush.paint_down(gleam, (164, 146, 124), 0.62)
    for side in (-1, 1):
        mirror = ellipse((side * 0.462, -0.505), 0.048, 0.033)
        brush.paint_down(mirror, shaded(CAR_PAINT, 1.15))
        brush.paint(
            limb((side * 0.4, -0.475), (side * 0.44, -0.49), 0.01, 0.012), shaded(CAR_PAINT, 0.7)
        )


def _draw_nose(brush: Brush) -> None:
    grille = [
        (-0.215, -0.3),
        (0, -0.288),
        (0.215, -0.3),
        (0.185, -0.205),
        (0, -0.2),
        (-0.185, -0.205),
    ]
    brush.paint_down(grille, (44, 42, 42), 0.8)
    for y in (-0.272, -0.248, -0.224):
        brush.paint(limb((-0.188, y), (0.188, y), 0.004, 0.004), (176, 176, 174))
    brush.paint(ellipse((0, -0.252), 0.032, 0.026), (206, 206, 204))
    brush.paint_down(limb((-0.4, -0.15), (0.4, -0.15), 0.03, 0.03), shaded(CAR_PAINT, 0.5))
    brush.paint(oblong(-0.115, -0.18, 0.115, -0.125), (232, 236, 238), 0.92)
    for number, width in enumerate((16, 20, 12, 20, 16)):
        x = -0.085 + number * 0.036
        brush.paint(oblong(x, -0.167, x + width / 1000, -0.138), (60, 56, 56), 1.0)


def _draw_headlight(brush: Brush, side: int, *, lights_on: bool) -> None:
    housing = [(side * x, y) for x, y in ((0.255, -0.315), (0.42, -0.352), (0.475, -0.325),
                                          (0.445, -0.262), (0.29, -0.262))]  # fmt: skip
    brush.paint_down(smooth(housing), (220, 220, 218) if lights_on else (168, 166, 162), 0.75)
    glow: Colour = (255, 255, 255) if lights_on else (236, 236, 232)
    brush.paint(ellipse((side * 0.37, -0.303), 0.04, 0.033), glow, 1.0 if lights_on else 0.84)
    brush.paint(ellipse((side * 0.39, -0.15), 0.027, 0.022), (196, 200, 200), 0.8)
