"""How pictures go into YOLOX, and how its rows are read."""

import numpy as np
import pytest

from backend.services.detection.coco import COCO_CLASSES
from backend.services.detection.family import Tensor
from backend.services.detection.yolox import YoloX, recognise
from backend.tests.fixtures.onnx_models import CELLS, SIDE, no_objects, put_object

MODEL = YoloX("images", SIDE, SIDE)
FLOAT = "tensor(float)"


def test_a_wide_picture_lies_at_the_top_of_a_grey_canvas() -> None:
    pixels = np.zeros((90, 160, 3), np.uint8)
    pixels[:, :] = (10, 20, 250)
    planes = MODEL.feed(pixels)["images"]
    assert planes.shape == (1, 3, SIDE, SIDE)
    assert planes.dtype == np.float32
    assert planes[0, :, :36].reshape(3, -1).T.tolist() == [[10, 20, 250]] * (36 * SIDE)
    assert (planes[0, :, 36:] == 114).all()


def test_a_small_picture_is_enlarged() -> None:
    planes = MODEL.feed(np.full((16, 8, 3), 200, np.uint8))["images"]
    assert (planes[0, :, :, :32] == 200).all()
    assert (planes[0, :, :, 32:] == 114).all()


def test_a_picture_of_one_row_survives() -> None:
    assert MODEL.feed(np.zeros((1, 9000, 3), np.uint8))["images"].shape == (1, 3, SIDE, SIDE)


def test_a_row_becomes_a_box_on_the_picture() -> None:
    rows = no_objects()
    put_object(rows, cell=8 * 2 + 4, class_index=16, score=0.75, size=(16, 24))  # column 4, row 2
    # 128 x 64 goes in at a half: the corner (32, 16) of the input is (64, 32) of the picture.
    (candidate,) = MODEL.candidates([rows], (128, 64), 0.5)
    assert (candidate.class_name, candidate.score) == ("dog", 0.75)
    left, top, right, bottom = candidate[2:]
    assert (left * 128, right * 128) == pytest.approx((64 - 16, 64 + 16))
    assert (top * 64, bottom * 64) == pytest.approx((32 - 24, 32 + 24))


@pytest.mark.parametrize(
    ("cell", "centre", "stride"),
    [
        (63, (60, 60), 8),
        (64, (8, 8), 16),
        (79, (56, 56), 16),
        (80, (16, 16), 32),
        (83, (48, 48), 32),
    ],
)
def test_cells_are_numbered_grid_by_grid(
    cell: int, centre: tuple[float, float], stride: float
) -> None:
    rows = no_objects()
    rows[0, cell, :2] = 0.5  # the middle of the cell
    rows[0, cell, 4:6] = 1
    (candidate,) = MODEL.candidates([rows], (SIDE, SIDE), 0.5)
    left, top, right, bottom = (corner * SIDE for corner in candidate[2:])
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx(centre)
    assert (right - left, bottom - top) == pytest.approx((stride, stride))


def test_objectness_and_class_are_multiplied() -> None:
    rows = no_objects()
    put_object(rows, 0, 0, 0.8)
    rows[0, 0, 4] = 0.5
    assert MODEL.candidates([rows], (64, 64), 0.5) == []
    assert MODEL.candidates([rows], (64, 64), 0.3)[0].score == pytest.approx(0.4)


def test_each_cell_has_its_likeliest_class() -> None:
    rows = no_objects()
    put_object(rows, 0, 2, 0.7)
    put_object(rows, 0, 7, 0.9)
    assert [c.class_name for c in MODEL.candidates([rows], (64, 64), 0.5)] == ["truck"]


@pytest.mark.parametrize("place", [0, 2, 4, 5, 84])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_no_number_is_lost_silently(place: int, value: float) -> None:
    rows = no_objects()
    put_object(rows, 0, 0, 0.8)
    rows[0, 0, place] = value
    (candidate,) = MODEL.candidates([rows], (64, 64), 0.5)
    assert not np.isfinite(candidate[1:]).all()


def test_an_answer_of_another_shape() -> None:
    with pytest.raises(ValueError, match="expected"):
        MODEL.candidates([no_objects()[:, 1:]], (64, 64), 0.5)


def tensors(
    picture: tuple[int | None, ...], rows: tuple[int | None, ...], kind: str = FLOAT
) -> tuple[list[Tensor], list[Tensor]]:
    return [Tensor("images", kind, picture)], [Tensor("output", FLOAT, rows)]


@pytest.mark.parametrize(
    ("picture", "rows", "size"),
    [
        ((1, 3, 416, 416), (1, 3549, 85), (416, 416)),
        ((1, 3, 416, 640), (1, 5460, 85), (640, 416)),
        ((None, 3, None, None), (None, None, 85), (640, 640)),
        ((1, 3, 640, 640), (1, None, 85), (640, 640)),
    ],
)
def test_recognised(
    picture: tuple[int | None, ...], rows: tuple[int | None, ...], size: tuple[int, int]
) -> None:
    model = recognise(*tensors(picture, rows), COCO_CLASSES)
    assert model == YoloX("images", *size)
    assert model.sight == max(size)


@pytest.mark.parametrize(
    ("picture", "rows", "kind"),
    [
        ((1, 3, 640, 640), (1, 25200, 85), FLOAT),  # YOLOv5: three boxes for each cell
        ((1, 3, 640, 640), (1, 84, 8400), FLOAT),  # YOLOv8
        ((1, 3, 416, 416), (1, 3549, 7), FLOAT),  # two classes
        ((1, 1, 416, 416), (1, 3549, 85), FLOAT),
        ((4, 3, 416, 416), (4, 3549, 85), FLOAT),
        ((1, 3, 416, 416), (1, 3549, 85), "tensor(float16)"),
        ((1, 3, 416, 400), (1, None, 85), FLOAT),
        ((1, 3, 400, 416), (1, None, 85), FLOAT),
        ((1, 3, 352, 352), (1, 85, 22, 22), FLOAT),  # FastestDet
    ],
)
def test_not_recognised(
    picture: tuple[int | None, ...], rows: tuple[int | None, ...], kind: str
) -> None:
    assert recognise(*tensors(picture, rows, kind), COCO_CLASSES) is None


def test_a_model_of_two_classes_that_its_file_names() -> None:
    model = recognise(*tensors((1, 3, SIDE, SIDE), (1, CELLS, 7)), ("hen", "dog"))
    assert model == YoloX("images", SIDE, SIDE, ("hen", "dog"))
    rows = no_objects()[:, :, :7].copy()
    put_object(rows, 0, 1, 0.8)
    assert [one.class_name for one in model.candidates([rows], (64, 64), 0.5)] == ["dog"]


def test_not_recognised_with_two_outputs() -> None:
    inputs, outputs = tensors((1, 3, SIDE, SIDE), (1, CELLS, 85))
    assert recognise(inputs, outputs, COCO_CLASSES) is not None
    assert recognise(inputs, outputs * 2, COCO_CLASSES) is None
    assert recognise(inputs * 2, outputs, COCO_CLASSES) is None
