"""TransNetV2 on CPUs: frames flow through the layers a chunk at a time, so no frame is computed twice.

The same function as `transnet_network.Network` over one window of any length, in flat memory. What makes it fast:
no overlap of windows, chunks whose values stay in the caches and in memory that is reused (fresh memory costs page
faults), the first block's spatial and temporal parts as one convolution, and whichever 3×3 convolution is the fastest:
the library's own where it has AVX-512 (twice as fast as our matrix products there, and faster still in bfloat16),
Winograd's elsewhere.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain

import torch
from torch import Tensor
from torch.nn import functional

from heaters.models.transnet_network import (
    CHANNELS,
    DILATIONS,
    HEIGHT,
    NEIGHBOURS,
    WIDTH,
    Network,
    State,
    fold,
    histograms,
)
from heaters.models.windows import Windowing
from heaters.models.winograd import Winograd

CHUNK_FRAMES = 32  # larger ones fall out of a 32 MiB cache, smaller ones leave the last level's products too thin
REACH = max(DILATIONS)

# Level → (height, width) of its frames, and for its two blocks the tile and images at a time of the convolution.
SIZES = ((27, 48), (13, 24), (6, 12))
PLANS = {(0, 1): ((4, 4), 4), (1, 0): ((4, 4), 8), (1, 1): ((4, 4), 16), (2, 0): ((6, 4), 32), (2, 1): ((6, 4), 32)}


class Past:
    """A sliding stretch of frames: `past` of them before the next to be answered for, at least `ahead` after it."""

    def __init__(self, past: int, ahead: int, *shape: int, dtype: torch.dtype = torch.float32) -> None:
        self.past = past
        self.held = 0  # frames received and not yet passed
        self.data = torch.zeros(past + ahead + max(ahead, CHUNK_FRAMES), *shape, dtype=dtype)

    def clear(self) -> None:
        self.held = 0
        self.data[: self.past].zero_()

    def room(self, count: int) -> Tensor:
        """Where the next `count` frames go."""
        start = self.past + self.held
        self.held += count
        return self.data[start : start + count]

    def forget(self, count: int) -> None:
        """Pass on: the oldest `count` frames are no longer answered for."""
        self.held -= count
        keep = self.past + self.held
        rest = self.data[count : count + keep]
        self.data[:keep] = rest if count >= keep else rest.clone()


class Queue:
    """Frames that wait for later ones to catch up."""

    def __init__(self) -> None:
        self._parts: deque[Tensor] = deque()

    def put(self, part: Tensor) -> Tensor:
        self._parts.append(part)
        return part

    def take(self, count: int) -> Iterator[Tensor]:
        """The oldest `count` frames, in the parts they lie in."""
        while count:
            part = self._parts.popleft()
            if len(part) > count:
                self._parts.appendleft(part[count:])
                part = part[:count]
            count -= len(part)
            yield part


class Direct:
    """The same convolution as `Winograd` by the library's own: for CPUs where that is the faster one."""

    def __init__(self, weight: Tensor, rows: int) -> None:
        self.weight, self.rows = weight.contiguous(memory_format=torch.channels_last), rows

    def __call__(self, x: Tensor, out: list[Tensor]) -> None:
        y = functional.conv2d(x.permute(0, 3, 1, 2), self.weight, padding=1)[:, :, : self.rows]
        for part, place in zip(y.permute(0, 2, 3, 1).flatten(1, 2).chunk(len(out), 2), out, strict=True):
            place.copy_(part)


class Block:
    """One dilated block with the activation that follows it: chunks [·, H, W, C] in, chunks [·, rows, W, 4·F] out.

    Its outputs lag by `REACH` frames, as its temporal convolutions look that far ahead; the sum over all chunks
    is equal. `rows` may be less than H where the pooling after it drops a row.
    """

    def __init__(self, state: State, level: int, block: int, dtype: torch.dtype) -> None:
        height, self.width = SIZES[level]
        self.rows = height if block == 0 else height // 2 * 2
        spatial, temporal, bias = fold(state, f"SDDCNN.{level}.DDCNN.{block}")
        self.bias = bias.to(dtype)
        tile, images = PLANS[level, block]
        self.spatial: Direct | Winograd
        if dtype != torch.float32 or torch.backends.cpu.get_cpu_capability() == "AVX512":
            self.spatial = Direct(spatial.to(dtype), self.rows)
        else:
            self.spatial = Winograd(
                spatial, height=height, width=self.width, rows=self.rows, tile=tile, images=images, parts=len(DILATIONS)
            )
        self.temporal = [weight.to(dtype).contiguous(memory_format=torch.channels_last) for weight in temporal]
        self.past = [
            Past(d, REACH, self.rows * self.width, weight.shape[1], dtype=dtype)
            for d, weight in zip(DILATIONS, temporal, strict=True)
        ]

    def run(self, chunks: Iterable[Tensor]) -> Iterator[Tensor]:
        for past in self.past:
            past.clear()
        for x in chain(chunks, (None,)):
            if x is None:
                for past in self.past:
                    past.room(REACH).zero_()  # after the end, as before the start, there is nothing
            else:
                self.spatial(x, [past.room(len(x)) for past in self.past])
            ready = self.past[0].held - REACH
            if ready > 0:
                yield self._answer(ready)
                for past in self.past:
                    past.forget(ready)

    def _answer(self, ready: int) -> Tensor:
        shape = ready, self.rows * self.width, len(DILATIONS), len(self.bias) // len(DILATIONS)
        out = torch.empty(shape, dtype=self.bias.dtype)
        biases = torch.tensor_split(self.bias, len(DILATIONS))
        for branch, (d, past) in enumerate(zip(DILATIONS, self.past, strict=True)):
            # Time as an image axis and all pixels as the other make the temporal convolution a (3, 1) one.
            seen = past.data[: ready + 2 * d].permute(2, 0, 1)[None]
            y = functional.conv2d(seen, self.temporal[branch], biases[branch], dilation=(d, 1))
            torch.clamp_min(y[0].permute(1, 2, 0), 0, out=out[:, :, branch])
        return out.view(ready, self.rows, self.width, -1)


class FirstBlock:
    """The first block, which has only three input channels: each branch is one convolution over 3 × 3 × 3 of them."""

    def __init__(self, state: State, dtype: torch.dtype) -> None:
        spatial, temporal, bias = fold(state, "SDDCNN.0.DDCNN.0", 1 / 255)
        self.weights = []
        for inner, outer in zip(spatial.chunk(len(DILATIONS)), temporal, strict=True):
            weight = torch.einsum("fkt,kihw->ftihw", outer[..., 0].double(), inner.double()).flatten(1, 2).to(dtype)
            self.weights.append(weight.contiguous(memory_format=torch.channels_last))
        self.bias = bias.to(dtype)
        self.past = Past(REACH, REACH, HEIGHT, WIDTH, CHANNELS, dtype=dtype)

    def run(self, chunks: Iterable[Tensor]) -> Iterator[Tensor]:
        self.past.clear()
        for x in chain(chunks, (None,)):
            if x is None:
                self.past.room(REACH).zero_()
            else:
                self.past.room(len(x)).copy_(x)
            ready = self.past.held - REACH
            if ready > 0:
                yield self._answer(ready)
                self.past.forget(ready)

    def _answer(self, ready: int) -> Tensor:
        shape = ready, HEIGHT, WIDTH, len(DILATIONS), len(self.bias) // len(DILATIONS)
        out = torch.empty(shape, dtype=self.bias.dtype)
        biases = torch.tensor_split(self.bias, len(DILATIONS))
        for branch, d in enumerate(DILATIONS):
            taps = [self.past.data[REACH + shift : REACH + shift + ready] for shift in (-d, 0, d)]
            x = torch.cat(taps, 3).permute(0, 3, 1, 2)
            y = functional.conv2d(x, self.weights[branch], biases[branch], padding=1)
            torch.clamp_min(y.permute(0, 2, 3, 1), 0, out=out[:, :, :, branch])
        return out.view(ready, HEIGHT, WIDTH, -1)


class Stream:
    """The network for frames that come one after another. One stream at a time, one thread at a time.

    `dtype` is of the convolutions and the hidden layer; similarities and the heads stay in float32.
    """

    def __init__(self, state: State, dtype: torch.dtype = torch.float32) -> None:
        self.network = Network(state).eval()  # for its last layers
        self.network.hidden.to(dtype)
        self.dtype = dtype
        self.levels = [
            (FirstBlock(state, dtype) if level == 0 else Block(state, level, 0, dtype), Block(state, level, 1, dtype))
            for level in range(len(SIZES))
        ]
        self.colours = Past(NEIGHBOURS, NEIGHBOURS, 512)
        self.features = Past(NEIGHBOURS, NEIGHBOURS, self.network.projection.out_features)

    def run(self, chunks: Iterable[Tensor], like: Windowing | None = None) -> Iterator[Tensor]:
        """uint8 [·, 27, 48, 3] chunks of at most CHUNK_FRAMES → float32 [·, 2] chunks: both heads' probabilities.

        The answers lag behind the frames, and end with them; together there is one for each frame. With `like`, each
        frame is compared with those neighbours alone that it would meet in its window, the first of which starts here.
        """
        answered = 0
        self.colours.clear()
        self.features.clear()
        colours, means, pixels = Queue(), [Queue() for _ in SIZES], Queue()

        def seen(frames: Iterable[Tensor]) -> Iterator[Tensor]:
            for chunk in frames:
                colours.put(histograms(chunk[None])[0])
                yield chunk

        x = seen(chunks)
        for (first, second), queue in zip(self.levels, means, strict=True):
            x = self._level(first, second, x, queue)
        for chunk in chain(x, (None,)):
            count = NEIGHBOURS if chunk is None else len(chunk)
            if chunk is None:
                self.colours.room(count).zero_()
                self.features.room(count).zero_()
            else:
                pixels.put(chunk.flatten(1))
                mean = torch.cat([torch.cat(list(queue.take(count))) for queue in means], 1)
                self.features.room(count).copy_(functional.normalize(self.network.projection(mean), dim=1))
                self.colours.room(count).copy_(torch.cat(list(colours.take(count))))
            ready = self.colours.held - NEIGHBOURS
            if ready > 0:
                colour, similar = _band(self.colours, ready), _band(self.features, ready)
                if like is not None:
                    met = _met(answered, ready, like)
                    colour, similar = colour * met, similar * met
                yield self._answer(colour, similar, torch.cat(list(pixels.take(ready))))
                answered += ready
                self.colours.forget(ready)
                self.features.forget(ready)

    def _answer(self, colours: Tensor, similar: Tensor, pixels: Tensor) -> Tensor:
        """The last layers, as `Network.answer` has them."""
        one, two = self.network.histogram(colours), self.network.similarity(similar)
        hidden = self.network.hidden(
            torch.cat([functional.relu(part).to(self.dtype) for part in (one, two)] + [pixels], 1)
        )
        return torch.sigmoid(self.network.heads(functional.relu(hidden).float()))

    @staticmethod
    def _level(first: FirstBlock | Block, second: Block, chunks: Iterable[Tensor], means: Queue) -> Iterator[Tensor]:
        shortcut = Queue()
        for x in second.run(shortcut.put(chunk) for chunk in first.run(chunks)):
            done = 0
            for part in shortcut.take(len(x)):
                x[done : done + len(part)] += part[:, : second.rows]
                done += len(part)
            pooled = functional.avg_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1).contiguous()
            means.put(pooled.mean((1, 2), dtype=torch.float32))
            yield pooled


def _band(vectors: Past, ready: int) -> Tensor:
    """Similarity of each of the next `ready` frames with its neighbours: [ready, 101]."""
    data = vectors.data[: ready + 2 * NEIGHBOURS]
    wide = data[NEIGHBOURS : NEIGHBOURS + ready] @ data.t()
    return wide.as_strided((ready, 2 * NEIGHBOURS + 1), (len(data) + 1, 1))


def _met(first: int, count: int, like: Windowing) -> Tensor:
    """1 where a frame and its neighbour lie in the frame's window, else 0: [count, 101]."""
    frames = torch.arange(first, first + count)[:, None]
    neighbours = frames + torch.arange(-NEIGHBOURS, NEIGHBOURS + 1)
    start = torch.div(frames - like.context, like.step, rounding_mode="floor") * like.step
    return ((neighbours >= start) & (neighbours < start + like.length)).float()
