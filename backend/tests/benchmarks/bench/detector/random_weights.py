"""RT-DETRv2-S with random weights: as fast as the published one, and blind."""

import json
from pathlib import Path

from backend.services.detection.coco import COCO_CLASSES

_SIDE = 640


def write_rtdetrv2_s(folder: Path) -> Path:
    """Write a checkpoint of transformers into `folder`, unless it is there; the folder."""
    if (folder / "config.json").exists():
        return folder
    import torch
    import transformers as given

    backbone = given.RTDetrResNetConfig(
        embedding_size=64,
        hidden_sizes=[64, 128, 256, 512],
        depths=[2, 2, 2, 2],
        layer_type="basic",
        downsample_in_first_stage=False,
        downsample_in_bottleneck=False,
        out_features=["stage2", "stage3", "stage4"],
    )
    config = given.RTDetrV2Config(
        backbone_config=backbone,
        encoder_in_channels=[128, 256, 512],
        decoder_layers=3,
        hidden_expansion=0.5,
        id2label=dict(enumerate(COCO_CLASSES)),
    )
    torch.manual_seed(1)
    given.RTDetrV2ForObjectDetection(config).eval().save_pretrained(folder)
    preparation = {
        "image_processor_type": "RTDetrImageProcessor",
        "do_normalize": False,
        "size": {"height": _SIDE, "width": _SIDE},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preparation), encoding="utf-8")
    return folder
