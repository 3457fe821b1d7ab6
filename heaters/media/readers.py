"""Frames by their number, whichever library decodes: PyAV, decord2 or torchcodec behind one interface.

A reader is a row of READERS. Nothing is imported before the reader that needs it is opened. benchmarks/readers.py
compares them for single frames, sequences and a loader's clips.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

from heaters.errors import ConfigError, MediaError, RuleError, StoreError
from heaters.media.frames import FrameReader, Pictures

PYAV = "pyav"


class Frames(Protocol):
    """An open film; frame n is the n-th that is shown. A context manager."""

    def __len__(self) -> int: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def read(self, indices: Sequence[int]) -> Pictures:
        """The frames at `indices`, in that order: uint8 RGB [n, height, width, 3].

        Raises RuleError for an index outside `[0, len)`, MediaError where a frame does not decode.
        """
        ...


class _Library:
    """A reader of another library: `count` frames, which `get` gives as an array of the same form as `Frames.read`."""

    def __init__(self, name: str, count: int, get: Callable[[list[int]], Any], errors: type[Exception]) -> None:
        self._name, self._count, self._get, self._errors = name, count, get, errors

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        del self._get  # neither library has another way to close a file

    def read(self, indices: Sequence[int]) -> Pictures:
        """See `Frames`."""
        if not indices or not all(0 <= index < len(self) for index in indices):
            raise RuleError(f"frames of {self._name} are [0, {len(self)}), at least one; got {list(indices)}")
        try:
            pictures: Pictures = np.asarray(self._get(list(indices)))
        except self._errors as error:
            raise MediaError(f"{self._name}: frames {list(indices)} do not decode ({error})") from error
        return pictures


def open_frames(path: Path, reader: str = PYAV, *, threads: int = 1, intra: bool = True) -> Frames:
    """Open `path` with a reader of READERS. `intra`: refuse what is no review proxy, as `FrameReader` does.

    Raises MediaError where it cannot be opened, StoreError where it is not there, ConfigError where the reader's
    library is not installed.
    """
    return READERS[reader](path, threads, intra)


def _pyav(path: Path, threads: int, intra: bool) -> Frames:
    return FrameReader(path, threads=threads, intra=intra)


def _decord(path: Path, threads: int, intra: bool) -> Frames:
    decord = _installed("decord", "decord")
    _find(path)
    try:
        film = decord.VideoReader(str(path), ctx=decord.cpu(0), num_threads=threads)
        keys = film.get_key_indices() if intra else []
        channels = film[0].shape[2]
        film.seek(0)
    except (RuntimeError, decord.DECORDError) as error:
        raise MediaError(f"{path.name} cannot be opened for its frames ({error})") from error
    _check_intra(path, len(film), len(keys), intra)
    if channels != 3:  # 3.4 takes the padding of narrow rows, up to 96 pixels, for a fourth channel
        raise MediaError(f"{path.name} is too narrow for decord, which reads {channels} channels of it")
    return _Library(path.name, len(film), lambda indices: film.get_batch(indices).asnumpy(), decord.DECORDError)


def _torchcodec(path: Path, threads: int, intra: bool) -> Frames:
    decoders = _installed("torchcodec.decoders", "torchcodec")
    _find(path)
    try:
        film = decoders.VideoDecoder(str(path), dimension_order="NHWC", num_ffmpeg_threads=threads)
        keys = film._get_key_frame_indices() if intra else []
    except (RuntimeError, ValueError) as error:
        raise MediaError(f"{path.name} cannot be opened for its frames ({error})") from error
    _check_intra(path, len(film), len(keys), intra)
    return _Library(path.name, len(film), lambda indices: film.get_frames_at(indices).data.numpy(), RuntimeError)


READERS: Mapping[str, Callable[[Path, int, bool], Frames]] = {
    PYAV: _pyav,
    "decord": _decord,
    "torchcodec": _torchcodec,
}


def _find(path: Path) -> None:
    if not path.is_file():  # the libraries say the same of it as of a broken one
        raise StoreError(f"{path.name} cannot be opened for its frames: there is no such file on this machine")


def _installed(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except (ImportError, RuntimeError, OSError) as error:  # torchcodec says RuntimeError where it finds no FFmpeg
        raise ConfigError(
            f"HEATERS_READER={extra} needs a library that cannot be loaded ({error}): pip install 'heaters[{extra}]'"
        ) from error


def _check_intra(path: Path, count: int, keys: int, intra: bool) -> None:
    if intra and keys != count:
        raise MediaError(f"{path.name} is no proxy: not every frame of it is a key frame in an index")
