"""Winograd convolutions against the direct ones."""

import pytest
import torch
from torch.nn import functional

from heaters.models.winograd import Winograd


@pytest.mark.parametrize(
    ("height", "width", "rows", "tile"),
    [(27, 48, 26, (4, 4)), (13, 24, 13, (4, 4)), (13, 24, 12, (4, 4)), (6, 12, 6, (6, 4)), (5, 7, 5, (6, 6))],
)
def test_equals_direct_convolution(height: int, width: int, rows: int, tile: tuple[int, int]) -> None:
    random = torch.Generator().manual_seed(1)
    weight = torch.randn(16, 8, 3, 3, generator=random)
    x = torch.randn(7, height, width, 8, generator=random)
    convolution = Winograd(weight, height=height, width=width, rows=rows, tile=tile, images=3, parts=4)
    # Filled with a value that would show: every element must be written.
    out = [torch.full((7, rows * width, 4), 1e9) for _ in range(4)]
    for _ in range(2):  # the buffers are reused
        convolution(x, out)
    direct = functional.conv2d(x.permute(0, 3, 1, 2), weight, padding=1).permute(0, 2, 3, 1)[:, :rows]
    assert torch.allclose(torch.cat(out, 2).view(7, rows, width, 16), direct, atol=2e-3 * float(direct.std()))
