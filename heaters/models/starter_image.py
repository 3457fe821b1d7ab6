"""EfficientNet-Lite0 in plain PyTorch: pixels → the classifier's features and logits.

Written out here because importing timm, and torchvision with it, would cost every worker more than importing torch. It
does not know the texts. Tan and Le, "EfficientNet" (arXiv:1905.11946); the Lite variant has no squeeze-and-excitation
and ReLU6 throughout, and pads as TensorFlow does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

# Of each stage: how many blocks, the kernel's side, the stride of the first block, channels out.
STAGES = ((1, 3, 1, 16), (2, 3, 2, 24), (2, 5, 2, 40), (3, 3, 2, 80), (3, 5, 1, 112), (4, 5, 2, 192), (1, 3, 1, 320))
_EPSILON = 1e-3  # of the batch normalisation


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv:
    """A convolution with its normalisation folded in: with channels-last 3.6 times less CPU time."""

    weight: Tensor
    bias: Tensor
    stride: int = 1
    is_activated: bool = True

    def __call__(self, x: Tensor) -> Tensor:
        side, groups = self.weight.shape[-1], x.shape[1] // self.weight.shape[1]
        padding = side // 2
        if self.stride > 1:  # TensorFlow's: what cannot be shared evenly comes after
            short = [max((-(-size // self.stride) - 1) * self.stride + side - size, 0) for size in x.shape[2:]]
            x = functional.pad(x, [part for all_ in short[::-1] for part in (all_ // 2, all_ - all_ // 2)])
            padding = 0
        y = functional.conv2d(x, self.weight, self.bias, self.stride, padding, groups=groups)
        return functional.relu6(y, inplace=True) if self.is_activated else y


class Lite0:
    """The network. `tensors` are its weights in the published order: a convolution, then its normalisation's five."""

    def __init__(self, tensors: Sequence[Tensor], device: str) -> None:
        left = iter(tensors)
        self.stem = _conv(left, device, stride=2)
        self.blocks: list[list[Conv]] = []
        for stage, (count, _, stride, _) in enumerate(STAGES):
            for number in range(count):
                widen = [_conv(left, device)] if stage else []
                deep = _conv(left, device, stride=stride if number == 0 else 1)
                self.blocks.append([*widen, deep, _conv(left, device, is_activated=False)])
        self.head = _conv(left, device)
        self.classes = next(left).to(device), next(left).to(device)
        if next(left, None) is not None:
            raise ValueError("there are more tensors than the network has")

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """float32 [n, 3, 224, 224] in [-1, 1] → features [n, 1280] and logits [n, 1000]."""
        x = self.stem(x)
        for block in self.blocks:
            before = x
            for conv in block:
                x = conv(x)
            if x.shape == before.shape:
                x = x + before
        features = self.head(x).mean((2, 3))
        return features, functional.linear(features, *self.classes)


def _conv(tensors: Iterator[Tensor], device: str, *, stride: int = 1, is_activated: bool = True) -> Conv:
    weight, scale, shift, mean, variance, _ = (next(tensors) for _ in range(6))
    factor = scale / torch.sqrt(variance + _EPSILON)
    folded = (weight * factor[:, None, None, None]).to(device).contiguous(memory_format=torch.channels_last)
    return Conv(weight=folded, bias=(shift - mean * factor).to(device), stride=stride, is_activated=is_activated)
