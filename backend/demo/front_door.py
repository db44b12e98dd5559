"""The front of a house: what the camera `Front Door` looks at."""

from backend.demo.canvas import (
    Canvas,
    Colour,
    Point,
    blank,
    cloudy,
    dice,
    ellipse,
    fill,
    limb,
    oblong,
    roughen,
)
from backend.demo.garden import draw_bush, draw_pickets, draw_sky, draw_tree
from backend.demo.light import Beam

SIZE = (1280, 720)
WINDOWS = (oblong(532, 212, 688, 352), oblong(1002, 212, 1158, 352))
DOOR_GLASS = oblong(800, 226, 862, 262)
LAMP: Point = (938.0, 262.0)
BEAM = Beam((640, 518), (520, 420), 212)

_WHITE: Colour = (236, 240, 242)
_GROUND = [(0.0, 384.0), (432.0, 384.0), (432.0, 462.0), (1280.0, 462.0), (1280.0, 720.0), (0, 720)]


def draw_empty() -> Canvas:
    """The empty scene by day."""
    canvas = blank(SIZE)
    draw_sky(canvas, 300, seed=11)
    _draw_garden(canvas)
    _draw_wall(canvas)
    _draw_path(canvas)
    for window in WINDOWS:
        _draw_window(canvas, window)
    _draw_door(canvas)
    _draw_lamp(canvas)
    _draw_plants(canvas)
    return canvas


def _draw_garden(canvas: Canvas) -> None:
    draw_tree(canvas, (96, 300), 230, seed=21)
    for number, x in enumerate(range(-20, 460, 62)):
        draw_bush(canvas, (x, 322), (52, 44 + 13 * (number % 3)), seed=30 + number)
    fill(canvas, oblong(0, 308, 432, 396), (38, 84, 58), (44, 104, 76))
    fill(canvas, _GROUND, (62, 138, 104), (48, 118, 88))
    roughen(canvas, _GROUND, cloudy(41, SIZE, (90, 26)), 0.32)
    roughen(canvas, _GROUND, cloudy(42, SIZE, (7, 11)), 0.22)
    draw_pickets(canvas, range(-8, 440, 25), 290, 396)


def _draw_wall(canvas: Canvas) -> None:
    fill(canvas, oblong(430, 90, 1280, 470), (206, 222, 230), (182, 200, 212), across=True)
    for y in range(124, 446, 17):
        fill(canvas, oblong(430, y, 1280, y + 2.2), (150, 168, 178))
        fill(canvas, oblong(430, y + 2.2, 1280, y + 4), (216, 230, 238))
    fill(canvas, oblong(430, 106, 1280, 150), (120, 136, 146), (186, 204, 214))
    fill(canvas, oblong(430, 446, 1280, 474), (128, 132, 136), (104, 108, 112))
    fill(canvas, oblong(424, 100, 446, 474), _WHITE, (206, 212, 216), across=True)
    roof = [(392.0, 92.0), (462.0, -10.0), (1290.0, -10.0), (1290.0, 92.0)]
    fill(canvas, roof, (74, 80, 96), (60, 64, 78))
    for row, y in enumerate(range(4, 92, 15)):
        fill(canvas, oblong(460 - y * 0.7, y, 1280, y + 2), (46, 49, 60))
        for x in range(480 + row % 2 * 19, 1280, 38):
            fill(canvas, oblong(x, y, x + 2, y + 15), (52, 56, 68))
    fill(canvas, oblong(386, 90, 1280, 106), _WHITE, (176, 182, 186))


def _draw_path(canvas: Canvas) -> None:
    path = [(752.0, 498.0), (908.0, 498.0), (986.0, 720.0), (470.0, 720.0)]
    fill(canvas, [(x + (-9 if x < 800 else 9), y) for x, y in path], (44, 92, 74))
    fill(canvas, path, (166, 174, 182), (186, 194, 202))
    edges = [498, 518, 544, 578, 624, 684]
    for y in edges[1:]:
        share = (y - 498) / 222
        left, right = 752 - 282 * share, 908 + 78 * share
        fill(canvas, oblong(left, y - 1 - 2 * share, right, y + 1 + 2 * share), (128, 136, 144))
    for row, (upper, lower) in enumerate(zip(edges, [*edges[1:], 720], strict=True)):
        for part in ((0.33, 0.7), (0.5,))[row % 2]:
            ends = [_across_path(part, y) for y in (upper, lower)]
            fill(canvas, limb((ends[0], upper), (ends[1], lower), 1.2, 1.6), (132, 140, 148))
    roughen(canvas, path, cloudy(43, SIZE, (60, 22)), 0.2)
    step = [(736.0, 470.0), (926.0, 470.0), (936.0, 494.0), (726.0, 494.0)]
    fill(canvas, step, (190, 198, 204), (206, 212, 218))
    fill(canvas, oblong(726, 494, 936, 508), (132, 138, 144), (110, 116, 122))


def _across_path(part: float, y: float) -> float:
    share = (y - 498) / 222
    left, right = 752 - 282 * share, 908 + 78 * share
    return left + (right - left) * part


def _draw_window(canvas: Canvas, pane: list[Point]) -> None:
    (left, top), (right, bottom) = pane[0], pane[2]
    fill(canvas, oblong(left - 13, top - 13, right + 13, bottom + 13), (160, 176, 186))
    fill(canvas, oblong(left - 12, top - 14, right + 10, bottom + 10), _WHITE, (214, 220, 224))
    fill(canvas, pane, (118, 96, 74), (84, 70, 58))
    for side, inner in ((left, left + 42), (right, right - 42)):
        curtain = [
            (side, top),
            (inner, top),
            (side + (inner - side) * 0.55, bottom),
            (side, bottom),
        ]
        fill(canvas, curtain, (190, 198, 206), (150, 160, 170))
    gleam = [(left + 62, top), (left + 98, top), (left + 52, bottom), (left + 16, bottom)]
    fill(canvas, gleam, (176, 160, 142), (112, 98, 84))
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    fill(canvas, oblong(middle_x - 3, top, middle_x + 3, bottom), _WHITE)
    fill(canvas, oblong(left, middle_y - 3, right, middle_y + 3), _WHITE)
    fill(canvas, oblong(left - 20, bottom + 10, right + 18, bottom + 20), _WHITE, (182, 188, 192))
    fill(canvas, oblong(left - 20, bottom + 20, right + 18, bottom + 27), (140, 156, 166))


def _draw_door(canvas: Canvas) -> None:
    fill(canvas, oblong(758, 190, 906, 474), (150, 166, 176))
    fill(canvas, oblong(760, 186, 902, 472), _WHITE, (206, 212, 218))
    fill(canvas, oblong(774, 200, 888, 472), (70, 58, 128), (52, 42, 100))
    fill(canvas, oblong(796, 222, 866, 266), (46, 38, 88))
    fill(canvas, DOOR_GLASS, (150, 132, 112), (96, 82, 70))
    for top, bottom in ((286, 360), (376, 450)):
        for left in (792, 836):
            fill(canvas, oblong(left, top, left + 34, bottom), (44, 36, 86))
            fill(canvas, oblong(left + 3, top + 3, left + 34, bottom), (78, 66, 138), (62, 50, 112))
    fill(canvas, ellipse((878, 372), 5.5, 5.5), (120, 190, 214), (60, 116, 140))
    fill(canvas, oblong(744, 462, 918, 474), (96, 102, 108))
    fill(canvas, [(778, 474), (884, 474), (892, 488), (770, 488)], (60, 70, 82), (72, 84, 98))


def _draw_lamp(canvas: Canvas) -> None:
    x, y = LAMP
    fill(canvas, oblong(x - 4, y - 30, x + 4, y - 18), (40, 42, 46))
    fill(canvas, [(x - 14, y - 14), (x, y - 26), (x + 14, y - 14)], (52, 54, 58))
    glass = [(x - 11, y - 14), (x + 11, y - 14), (x + 8, y + 16), (x - 8, y + 16)]
    fill(canvas, glass, (206, 216, 220), (168, 180, 186))
    fill(canvas, oblong(x - 9, y + 16, x + 9, y + 20), (40, 42, 46))


def _draw_plants(canvas: Canvas) -> None:
    for number, (x, width, height) in enumerate(
        (
            (486, 58, 62),
            (590, 74, 50),
            (682, 48, 66),
            (1000, 52, 70),
            (1098, 80, 54),
            (1216, 70, 76),
        )
    ):
        draw_bush(canvas, (x, 478), (width, height), seed=60 + number)
    spots = dice(70, (36, 2))
    for x, y in spots:
        at = (540 + int(x) * 0.46, 438 + int(y) * 0.13)
        fill(canvas, ellipse(at, 3.2, 2.8), (142, 120, 226) if x % 2 else (120, 210, 236))
    for x in (734, 930):
        fill(canvas, [(x - 20, 446), (x + 20, 446), (x + 14, 488), (x - 14, 488)], (64, 92, 160),
             (44, 66, 124))  # fmt: skip
        draw_bush(canvas, (x, 450), (25, 46), seed=80 + x)
