"""Stage `keyframes` as plain Python: where a clip's stills come from, and that they show the frames they name."""

import io
from dataclasses import dataclass, replace
from pathlib import Path

import barcode
import numpy as np
import pytest
from PIL import Image
from prepared_source import Source, make
from sources import SOURCES

from heaters.core.stills import StillOrigin, still_keys
from heaters.errors import IntegrityError, StageError
from heaters.media.samples import SampleTrack
from heaters.settings import Settings
from heaters.stages.base import Context
from heaters.stages.keyframes import Input, KeyframeResult, Worker
from heaters.stages.prepare import pts_table
from heaters.store.objects import ObjectStore, open_store

HASH = "ab" * 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A prepared film in a store."""

    made: Source
    store: ObjectStore
    settings: Settings

    def clip(self, start_frame: int, end_frame: int, **more: str | None) -> Input:
        tick = self.made.prepared.time_base
        item = Input(
            id=start_frame + 1, video_id=1, stretch=0, content_hash=HASH, source_key="v/source", sample_key="v/samples",
            proxy_key=None, analysis_key="v/frames", pts_key="v/pts", has_audio=self.made.prepared.has_audio,
            time_base_num=tick.numerator, time_base_den=tick.denominator,
            frame_count=self.made.prepared.frame_count, start_frame=start_frame, end_frame=end_frame, shapes=[],
        )  # fmt: skip
        return replace(item, **more)

    def stills(self, item: Input) -> KeyframeResult:
        (result,) = Worker(self.settings)([item], Context(threads=1))
        assert not isinstance(result, StageError), result
        return result

    def shown(self, item: Input) -> list[int]:
        """The numbers that the stored stills of a clip show."""
        keys = still_keys(HASH, item.start_frame, item.end_frame, "multi").values()
        pictures = [Image.open(io.BytesIO(self.store.read(key))).convert("RGB") for key in keys]
        return [barcode.read(np.asarray(picture)).number for picture in pictures]


@pytest.fixture(scope="module", params=["b_frames", "vfr", "late_start"])
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Film:
    folder = tmp_path_factory.mktemp("film")
    made = make(SOURCES[request.param](folder))
    settings = Settings(home=folder / "home")
    store = open_store(settings.store_location)
    prepared = made.prepared
    assert prepared.proxy is not None
    for key, path in (("source", made.path), ("samples", prepared.samples), ("proxy", prepared.proxy)):
        store.put_file(f"v/{key}", path)
    store.put_file("v/frames", prepared.analysis)
    store.put_bytes("v/pts", pts_table(prepared.pts, prepared.end_pts))
    return Film(made=made, store=store, settings=settings)


def test_stills_are_pictures_of_the_sample_track_byte_for_byte(film: Film) -> None:
    item = film.clip(0, film.made.prepared.frame_count)
    result = film.stills(item)
    assert (result.origin, result.images) == (StillOrigin.SAMPLE, 3)
    frames = [still.frame for still in result.stills]
    assert film.shown(item) == [film.made.numbers[frame] for frame in frames]
    with SampleTrack(film.made.prepared.samples) as track:
        assert set(frames) <= set(track.frames.tolist())
        keys = still_keys(HASH, item.start_frame, item.end_frame, "multi").values()
        assert [film.store.read(key) for key in keys] == [track.read(frame).jpeg for frame in frames]


def test_a_clip_without_a_sample_has_its_frames_from_the_master(film: Film) -> None:
    with SampleTrack(film.made.prepared.samples) as track:
        first, second = track.frames.tolist()[1:3]
    item = film.clip(first + 1, second)
    result = film.stills(item)
    assert result.origin is StillOrigin.MASTER
    frames = [still.frame for still in result.stills]
    length = item.end_frame - item.start_frame
    assert frames == [item.start_frame + length * percent // 100 for percent in (25, 50, 75)]
    assert film.shown(item) == [film.made.numbers[frame] for frame in frames]
    one = film.clip(first + 1, first + 2)
    assert [still.frame for still in film.stills(one).stills] == [first + 1] * 3


def test_a_video_prepared_before_there_were_sample_tracks_has_its_stills_from_the_proxy(film: Film) -> None:
    item = film.clip(3, 23, sample_key=None, proxy_key="v/proxy")
    result = film.stills(item)
    assert result.origin is StillOrigin.PROXY
    assert [still.frame for still in result.stills] == [8, 13, 18]
    assert film.shown(item) == [film.made.numbers[frame] for frame in (8, 13, 18)]


def test_doing_it_twice_is_the_same(film: Film) -> None:
    items = [film.clip(0, 20), film.clip(20, 50)]
    first, second = (Worker(film.settings)(items, Context()) for _ in range(2))
    assert [r.stills for r in first] == [r.stills for r in second]  # type: ignore[union-attr]


def test_a_damaged_track_fails_its_video_alone(film: Film, tmp_path: Path) -> None:
    film.store.put_bytes("v/broken", b"no track")
    broken = replace(film.clip(0, 20, sample_key="v/broken"), video_id=2)
    bad, good = Worker(film.settings)([broken, film.clip(0, 20)], Context())
    assert isinstance(bad, IntegrityError)
    assert isinstance(good, KeyframeResult)
