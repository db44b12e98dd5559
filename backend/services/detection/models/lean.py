"""RT-DETRv2 with less to reckon, and the same answer: what its ONNX file is made of.

All of it is algebra: in exact numbers nothing changes, in 32 bits the last digits do. Needs torch
and transformers.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval
from transformers import RTDetrV2ForObjectDetection


def make_lean(model: nn.Module) -> None:
    """Rebuild a model, which is to be asked only, in its place; what is no RT-DETRv2 stays."""
    if not isinstance(model, RTDetrV2ForObjectDetection):
        return
    inner = model.model
    _join_branches(inner.encoder)
    _join_projections(inner)
    if not model.config.learn_initial_query:
        _ask_for_fewer_boxes(inner)
    if model.config.decoder_method == "default":
        for layer in inner.decoder.layers:
            layer.encoder_attn = _AttentionByLevel(layer.encoder_attn)
    model.eval()


def _join_branches(encoder: nn.Module) -> None:
    """RepVGG (Ding et al. 2021, arXiv:2101.03697): 3 x 3 and 1 x 1 beside it are one 3 x 3."""
    for layer in (*encoder.fpn_blocks, *encoder.pan_blocks):
        layer.bottlenecks = nn.Sequential(*map(_joined, layer.bottlenecks))


def _joined(block: nn.Module) -> nn.Module:
    wide, narrow = (fuse_conv_bn_eval(one.conv, one.norm) for one in (block.conv1, block.conv2))
    in_the_middle = functional.pad(narrow.weight, [1, 1, 1, 1])
    wide.weight = nn.Parameter(wide.weight + in_the_middle)
    wide.bias = nn.Parameter(wide.bias + narrow.bias)
    return nn.Sequential(wide, block.activation)


def _join_projections(inner: nn.Module) -> None:
    """What the backbone gives is projected, and then again by the block above: once is enough."""
    encoder = inner.encoder
    for step, block in enumerate(encoder.fpn_blocks):
        level = encoder.num_fpn_stages - step - 1
        projection = fuse_conv_bn_eval(*inner.encoder_input_proj[level])
        layers = block.conv1, block.conv2
        if level not in encoder.encode_proj_layers and _is_less(projection, layers):
            inner.encoder_input_proj[level] = nn.Identity()
            for layer in layers:
                layer.conv = _with_projection(projection, layer.conv)


def _is_less(projection: nn.Conv2d, layers: tuple[nn.Module, ...]) -> bool:
    """Whether the joined ones multiply less: a projection that makes much smaller is worth it."""
    taken: int = projection.in_channels
    between: int = projection.out_channels
    given: int = sum(layer.conv.out_channels for layer in layers)
    return taken * given < taken * between + between * given


def _with_projection(projection: nn.Conv2d, conv: nn.Conv2d) -> nn.Conv2d:
    """A convolution, 1 x 1, of the map from above and of what the projection would be given."""
    above, own = conv.weight[:, :, 0, 0].split(projection.out_channels, dim=1)
    weight = torch.cat([above, own @ projection.weight[:, :, 0, 0]], dim=1)
    joined = nn.Conv2d(weight.shape[1], weight.shape[0], 1, dtype=weight.dtype)
    joined.weight = nn.Parameter(weight[:, :, None, None])
    joined.bias = nn.Parameter(own @ projection.bias)
    return joined


def _ask_for_fewer_boxes(inner: nn.Module) -> None:
    """Each place's box is needed only where the place is chosen, which its classes decide."""
    inner.decoder = _BoxesOfTheChosen(inner.decoder, inner.enc_bbox_head)
    inner.enc_bbox_head = _NoBoxes()


class _NoBoxes(nn.Module):  # type: ignore[misc] # torch is not there where types are checked
    """In the place of the head: leaves the anchors as they are, one set for each picture."""

    def forward(self, places: Tensor) -> Tensor:
        return places.new_zeros(places.shape[0], 1, 4)


class _BoxesOfTheChosen(nn.Module):  # type: ignore[misc]
    """The decoder, which is given anchors, and adds what the head says of these places."""

    def __init__(self, decoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.decoder, self.head = decoder, head
        self.layers = decoder.layers

    def forward(
        self, *, inputs_embeds: Tensor, reference_points: Tensor, **others: object
    ) -> object:
        boxes = reference_points + self.head(inputs_embeds)
        return self.decoder(inputs_embeds=inputs_embeds, reference_points=boxes, **others)


class _AttentionByLevel(nn.Module):  # type: ignore[misc]
    """Deformable attention (Zhu et al. 2021, arXiv:2010.04159), summed map by map.

    As transformers does it, all maps are projected in one, to be cut into maps again, and what is
    sampled of them is copied into one before it is summed: some passes over memory more.
    """

    def __init__(self, whole: nn.Module) -> None:
        super().__init__()
        self.whole = whole

    def forward(
        self,
        hidden_states: Tensor,
        *,
        encoder_hidden_states: Tensor,
        position_embeddings: Tensor,
        reference_points: Tensor,
        spatial_shapes_list: list[tuple[int, int]],
        **_: object,
    ) -> tuple[Tensor, Tensor]:
        whole = self.whole
        queries = hidden_states + position_embeddings
        heads = (*queries.shape[:2], whole.n_heads, whole.n_levels * whole.n_points)
        weights = functional.softmax(whole.attention_weights(queries).view(heads), -1)
        offsets = whole.sampling_offsets(queries).view(*heads, 2)
        centre, size = reference_points[:, :, None].split(2, dim=-1)
        scale = whole.n_points_scale[:, None] * whole.offset_scale
        # grid_sample counts from -1 to 1.
        grids = _by_head(2 * (centre + offsets * scale * size) - 1)
        areas = [height * width for height, width in spatial_shapes_list]
        levels = zip(
            spatial_shapes_list,
            encoder_hidden_states.split(areas, 1),
            grids.split(whole.n_points, -2),
            _by_head(weights)[:, None].split(whole.n_points, -1),
            strict=True,
        )
        total = sum(
            (self._sampled(places, shape, grid) * share).sum(-1)
            for shape, places, grid, share in levels
        )
        given = total.reshape(queries.shape[0], whole.d_model, -1).transpose(1, 2)
        return whole.output_proj(given), weights

    def _sampled(self, places: Tensor, shape: tuple[int, int], grid: Tensor) -> Tensor:
        """What one map is at each point: [pictures x heads, channels, queries, points]."""
        planes = self.whole.value_proj(places).transpose(1, 2)
        channels = self.whole.d_model // self.whole.n_heads
        return functional.grid_sample(
            planes.reshape(-1, channels, *shape), grid, align_corners=False
        )


def _by_head(each: Tensor) -> Tensor:
    """[pictures, queries, heads, ...] to [pictures x heads, queries, ...]."""
    return each.transpose(1, 2).flatten(0, 1)
