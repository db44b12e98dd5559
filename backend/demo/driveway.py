"""A driveway down to the street: what the camera `Driveway` looks at."""

from backend.demo.canvas import (
    Canvas,
    Colour,
    Point,
    blank,
    cloudy,
    fill,
    limb,
    oblong,
    roughen,
)
from backend.demo.garden import draw_bush, draw_sky, draw_tree
from backend.demo.light import Beam

SIZE = (1280, 720)
WINDOWS = ([(1128.0, 152.0), (1218.0, 124.0), (1218.0, 330.0), (1128.0, 318.0)],)
LAMP: Point = (1056.0, 214.0)
BEAM = Beam((640, 620), (420, 210), 112)

_WHITE: Colour = (236, 240, 242)
_LAWN = oblong(0, 316, 1280, 720)
_DRIVE = [(566.0, 318.0), (752.0, 318.0), (1128.0, 720.0), (176.0, 720.0)]
_WALL = [(1000.0, 100.0), (1280.0, -10.0), (1280.0, 540.0), (1000.0, 400.0)]


def draw_empty() -> Canvas:
    """The empty scene by day."""
    canvas = blank(SIZE)
    draw_sky(canvas, 250, seed=111)
    _draw_neighbours(canvas)
    _draw_street(canvas)
    _draw_lawn(canvas)
    _draw_drive(canvas)
    _draw_mailbox(canvas)
    _draw_board_fence(canvas)
    _draw_wall(canvas)
    _draw_bins(canvas)
    return canvas


def _draw_neighbours(canvas: Canvas) -> None:
    for number, x in enumerate((40, 330, 620, 880)):
        draw_tree(canvas, (x, 262), 150 + 14 * (number % 3), seed=121 + number)
    _draw_house(canvas, (120, 258), 190, (176, 196, 204), (64, 70, 110))
    _draw_house(canvas, (690, 258), 170, (196, 190, 176), (92, 84, 78))
    for number, x in enumerate(range(-10, 1040, 64)):
        draw_bush(canvas, (x, 268), (44, 26 + 7 * (number % 3)), seed=130 + number)
    fill(canvas, oblong(0, 256, 1280, 272), (52, 116, 86))


def _draw_house(canvas: Canvas, foot: Point, width: float, wall: Colour, roof: Colour) -> None:
    x, y = foot
    fill(canvas, oblong(x, y - 66, x + width, y), wall)
    gable = [(x - 14, y - 64), (x + width * 0.2, y - 112), (x + width * 0.8, y - 112),
             (x + width + 14, y - 64)]  # fmt: skip
    fill(canvas, gable, roof, _shaded(roof))
    for part in (0.14, 0.44, 0.74):
        left = x + width * part
        fill(canvas, oblong(left - 2, y - 50, left + 26, y - 18), _WHITE)
        fill(canvas, oblong(left, y - 48, left + 24, y - 20), (120, 100, 84), (90, 76, 66))


def _shaded(colour: Colour) -> Colour:
    """The colour in shade."""
    blue, green, red = colour
    return blue * 3 // 4, green * 3 // 4, red * 3 // 4


def _draw_street(canvas: Canvas) -> None:
    fill(canvas, oblong(0, 268, 1280, 276), (176, 182, 186))
    fill(canvas, oblong(0, 274, 1280, 308), (104, 100, 98), (120, 116, 112))
    for x in range(10, 1280, 92):
        fill(canvas, [(x, 288), (x + 46, 288), (x + 44, 291), (x - 3, 291)], (216, 222, 222))
    fill(canvas, oblong(0, 306, 1280, 311), (196, 202, 204), (150, 156, 160))
    fill(canvas, oblong(0, 310, 1280, 324), (178, 188, 194), (190, 198, 204))


def _draw_lawn(canvas: Canvas) -> None:
    lawn = oblong(0, 323, 1280, 720)
    fill(canvas, lawn, (70, 146, 112), (50, 116, 86))
    roughen(canvas, lawn, cloudy(141, SIZE, (110, 24)), 0.32)
    roughen(canvas, lawn, cloudy(142, SIZE, (7, 11)), 0.22)


def _draw_drive(canvas: Canvas) -> None:
    fill(canvas, [(x + (-8 if x < 600 else 8), y) for x, y in _DRIVE], (46, 96, 76))
    fill(canvas, _DRIVE, (164, 170, 174), (184, 190, 196))
    roughen(canvas, _DRIVE, cloudy(143, SIZE, (150, 40)), 0.2)
    roughen(canvas, _DRIVE, cloudy(144, SIZE, (4, 3)), 0.1)
    for y in (348, 392, 452, 538, 656):
        thick = (y - 300) / 200
        fill(canvas, oblong(_edge(0, y), y - thick, _edge(1, y), y + thick), (128, 134, 140))
    fill(canvas, limb((659, 318), (652, 720), 0.8, 2.8), (130, 136, 142))


def _edge(side: float, y: float) -> float:
    """Where the drive's left (0) or right (1) edge is at the height `y`."""
    share = (y - 318) / 402
    left, right = 566 - 390 * share, 752 + 376 * share
    return left + (right - left) * side


def _draw_mailbox(canvas: Canvas) -> None:
    fill(canvas, oblong(506, 308, 513, 360), (74, 96, 116), (56, 74, 92))
    fill(canvas, oblong(488, 284, 530, 310), (128, 92, 60), (92, 64, 42))
    fill(canvas, limb((490, 290), (528, 290), 7, 7), (146, 106, 70))
    fill(canvas, oblong(526, 280, 530, 298), (50, 50, 200))


def _draw_board_fence(canvas: Canvas) -> None:
    """A brown fence along the left, lower with every board."""
    boards = 26
    for number in reversed(range(boards)):
        near, far = (_fence_at(place / boards) for place in (number, number + 0.94))
        board = [(near[0], near[1]), (far[0], far[1]), (far[0], far[2]), (near[0], near[2])]
        tone = 8 * (number * 7 % 4)
        fill(canvas, board, (96 + tone, 126 + tone, 156 + tone), (70 + tone, 94 + tone, 120 + tone))
    for part in (0.22, 0.72):
        near, far = _fence_at(0), _fence_at(1)
        ys = [end[1] + (end[2] - end[1]) * part for end in (near, far)]
        fill(canvas, limb((near[0], ys[0]), (far[0], ys[1]), 5, 1.6), (72, 98, 124))


def _fence_at(share: float) -> tuple[float, float, float]:
    """x, top and bottom of the fence; share 0 is beside the camera, 1 at the street."""
    nearness = (1 - share) / (1 + 2.2 * share)
    return 448 - 500 * nearness, 284 + 20 * nearness, 330 + 250 * nearness


def _draw_wall(canvas: Canvas) -> None:
    fill(canvas, _WALL, (176, 192, 202), (156, 172, 184), across=True)
    for row in range(1, 24):
        share = row / 24
        near, far = -10 + 550 * share, 100 + 300 * share
        fill(canvas, limb((1000, far), (1282, near), 0.7, 1.5), (132, 148, 160))
    fill(
        canvas,
        [(1000, 386), (1280, 514), (1280, 548), (1000, 404)],
        (120, 124, 128),
        (98, 102, 106),
    )
    fill(canvas, [(984, 92), (1280, -28), (1280, 12), (984, 110)], _WHITE, (190, 196, 200))
    fill(canvas, oblong(994, 104, 1010, 402), _WHITE, (196, 202, 206), across=True)
    frame = [(1118.0, 142.0), (1230.0, 108.0), (1230.0, 344.0), (1118.0, 328.0)]
    fill(canvas, frame, _WHITE, (206, 212, 216))
    fill(canvas, WINDOWS[0], (130, 108, 86), (86, 72, 60))
    fill(
        canvas,
        [(1150, 146), (1176, 138), (1146, 320), (1130, 318)],
        (174, 158, 140),
        (120, 106, 92),
    )
    fill(canvas, oblong(1169, 128, 1175, 332), _WHITE)
    fill(canvas, limb((1128, 236), (1218, 226), 3, 3), _WHITE)
    x, y = LAMP
    fill(canvas, oblong(x - 3, y - 26, x + 3, y - 14), (40, 42, 46))
    fill(canvas, [(x - 11, y - 11), (x, y - 22), (x + 11, y - 11)], (52, 54, 58))
    fill(canvas, [(x - 9, y - 11), (x + 9, y - 11), (x + 6, y + 14), (x - 6, y + 14)],
         (206, 216, 220), (168, 180, 186))  # fmt: skip


def _draw_bins(canvas: Canvas) -> None:
    for x, y, lid in ((1046, 432, (84, 120, 52)), (1110, 462, (150, 96, 60))):
        body = [(x - 24, y - 62), (x + 24, y - 62), (x + 18, y + 8), (x - 18, y + 8)]
        fill(canvas, [(px + 6, py + 3) for px, py in body], (44, 84, 66))
        fill(canvas, body, (66, 68, 70), (48, 50, 52))
        fill(canvas, limb((x - 24, y - 64), (x + 24, y - 64), 5, 5), lid)
    for number, x in enumerate((1180, 1252)):
        draw_bush(canvas, (x, 560 + number * 36), (58, 66), seed=150 + number)
