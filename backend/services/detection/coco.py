"""What a model's classes are called: as its file says, else the 80 classes of COCO (2017)."""

import json
from collections.abc import Mapping

from backend.domain.classes import GROUPS

NAMES_KEY = "names"
"""The entry of an ONNX file's metadata with the names: a JSON list, or `{"0": name, …}`."""

_NAMES = """
    person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light,
    fire hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow,
    elephant, bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee,
    skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard,
    tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich,
    orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed,
    dining table, toilet, tv, laptop, mouse, remote, keyboard, cell phone, microwave, oven,
    toaster, sink, refrigerator, book, clock, vase, scissors, teddy bear, hair drier, toothbrush
"""

COCO_CLASSES: tuple[str, ...] = tuple(name.strip() for name in _NAMES.split(","))

# PASCAL's words for the same things, which the published RT-DETR weights have.
_SAME = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "motorbike": "motorcycle",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "tvmonitor": "tv",
}
_LONGEST = 60  # characters; a name goes into every frame's remarks


def classes_of(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The classes that a file's metadata names, in the order of their numbers; else COCO's.

    Raises `ValueError` where the entry is there and is no list of names.
    """
    text = metadata.get(NAMES_KEY)
    if text is None:
        return COCO_CLASSES
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):  # a dict as Python prints it, as some exporters have it
        names = None
    if isinstance(names, dict):
        names = [names.get(str(number)) for number in range(len(names))]
    if not isinstance(names, list) or not names or not all(map(_is_name, names)):
        raise ValueError(f"its metadata `{NAMES_KEY}` is no JSON list of names")
    return tuple(map(_ours, map(str, names)))


def _ours(name: str) -> str:
    """Our word for it, however it is written, where it is one that we know."""
    lower = name.lower()
    return _SAME.get(lower, lower if lower in GROUPS else name)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= _LONGEST and name.isprintable()
