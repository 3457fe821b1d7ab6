"""Single frames of proxies, at random, and stills."""

import gc
import io
from pathlib import Path

import barcode
import numpy as np
import pytest
from PIL import Image
from sources import SOURCES

from heaters.errors import MediaError, RuleError, StoreError
from heaters.media.frames import FrameReader, jpeg
from heaters.media.proxy import proxy_size


@pytest.mark.parametrize("name", SOURCES)
def test_every_frame_of_every_proxy_in_any_order(source, name: str) -> None:
    made = source(name)
    reader = FrameReader(made.prepared.proxy)
    count = made.prepared.frame_count
    assert len(reader) == count
    order = [*np.random.default_rng(1).permutation(count).tolist(), count - 1, 0, 0]
    pictures = reader.read(order)
    assert pictures.shape == (count + 3, *proxy_size(made.probe.width, made.probe.height)[::-1], 3)
    assert pictures.dtype == np.uint8
    assert [barcode.read(picture).number for picture in pictures] == [made.numbers[index] for index in order]


def test_threads_change_nothing(source) -> None:
    proxy = source("b_frames").prepared.proxy
    assert np.array_equal(FrameReader(proxy).read([3, 40]), FrameReader(proxy, threads=4).read([3, 40]))


def test_a_reader_leaves_nothing_open(source) -> None:
    proxy = source("b_frames").prepared.proxy
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    gc.disable()  # which would close it too, some time
    try:
        for _ in range(5):
            with FrameReader(proxy) as reader:
                reader.read([3, 40])
        assert len(list(Path("/proc/self/fd").iterdir())) == before
    finally:
        gc.enable()


@pytest.mark.parametrize("indices", [[-1], [50], [0, 51], []])
def test_a_frame_outside_is_refused(source, indices: list[int]) -> None:
    with pytest.raises(RuleError, match=r"\[0, 50\)"):
        FrameReader(source("b_frames").prepared.proxy).read(indices)


def test_what_is_no_proxy_is_refused(source, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="not every frame of it is a key frame"):
        FrameReader(source("b_frames").path)
    with pytest.raises(StoreError, match="cannot be opened"):
        FrameReader(tmp_path / "missing.mp4")  # it may come back
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(MediaError, match="cannot be opened"):
        FrameReader(tmp_path / "text.mp4")


def test_a_damaged_proxy_is_an_error_and_no_grey_picture(source, tmp_path: Path) -> None:
    data = source("b_frames").prepared.proxy.read_bytes()
    (tmp_path / "short.mp4").write_bytes(data[: data.index(b"mdat") + 2000])
    reader = FrameReader(tmp_path / "short.mp4")
    with pytest.raises(MediaError):
        reader.read([49])


def test_a_still_shows_its_frame(source) -> None:
    data = jpeg(FrameReader(source("ntsc").prepared.proxy).read([31])[0], 90)
    with Image.open(io.BytesIO(data)) as still:
        assert still.format == "JPEG"
        assert barcode.read_barcode(np.asarray(still)) == 31
    with pytest.raises(RuleError, match="1 to 95; got 0"):
        jpeg(np.zeros((2, 2, 3), np.uint8), 0)
