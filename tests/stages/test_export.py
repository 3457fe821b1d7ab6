"""The worker of the stage `export` on a batch of clips: what it copies, encodes, names and leaves behind."""

import time
from dataclasses import replace
from pathlib import Path

import barcode
import pytest
from films import FILMS
from prepared_source import Source, make

from heaters.core import keys
from heaters.errors import MediaError
from heaters.settings import Settings
from heaters.stages import export
from heaters.stages.base import Context
from heaters.stages.export import ExportResult, Input, Worker
from heaters.store.objects import ObjectStore, store_of

HASH = "a" * 64
CLIPS = [(0, 24), (10, 61), (30, 48)]
SOURCE, PROXY, ANALYSIS = keys.source(HASH, "mp4"), keys.proxy(HASH, "p"), keys.analysis(HASH, "p")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return make(FILMS["b_pyramid"].make(tmp_path_factory.mktemp("film")))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def store(settings: Settings, film: Source) -> ObjectStore:
    found = store_of(settings)
    for key, path in ((SOURCE, film.path), (PROXY, film.prepared.proxy), (ANALYSIS, film.prepared.analysis)):
        found.put_file(key, path)
    return found


def items(film: Source) -> list[Input]:
    base = film.prepared.time_base
    bounds = [film.bounds(*clip) for clip in CLIPS]
    return [
        Input(
            id=number, video_id=1, stretch=0, content_hash=HASH, source_key=SOURCE, proxy_key=PROXY,
            analysis_key=ANALYSIS, has_audio=film.prepared.has_audio, time_base_num=base.numerator,
            time_base_den=base.denominator, frame_count=film.prepared.frame_count, start_frame=start, end_frame=end,
            start_pts=given["start_pts"], end_pts=given["end_pts"], shapes=[],
        )
        for number, ((start, end), given) in enumerate(zip(CLIPS, bounds, strict=True), 1)
    ]  # fmt: skip


def test_a_batch_is_copied_by_one_child(
    film: Source, settings: Settings, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    child_seconds: list[float] = []

    def ask_ahead(source: Path, outs: list[Path], *rest: object, **how: object) -> object:
        asked.append(len(outs))
        begun = time.monotonic()
        try:
            return original(source, outs, *rest, **how)
        finally:
            child_seconds.append(time.monotonic() - begun)

    original = export.ask_ahead
    monkeypatch.setattr(export, "ask_ahead", ask_ahead)
    done = Worker(settings)(items(film), Context(threads=2, timeout_seconds=60))
    assert asked == [3]
    assert sum(result.seconds for result in done if isinstance(result, ExportResult)) >= sum(child_seconds)
    for result, (start, end) in zip(done, CLIPS, strict=True):
        assert isinstance(result, ExportResult)
        path = store.local_path(result.key)
        assert path is not None
        assert barcode.read_video(path)[0] == list(range(start, end))
        assert result.key.endswith(f"/copy-{result.params}.mp4")
        assert (result.profile, result.frames) == ("copy", end - start)
    found = [(result.copied, result.rule) for result in done if isinstance(result, ExportResult)]
    assert found[0] == (24, "")
    assert 24 <= found[1][0] < 51
    assert found[2] == (0, "no clean key frame in the clip")
    assert not list(settings.scratch.iterdir())


def test_a_clip_that_cannot_be_written_fails_alone(film: Source, settings: Settings, store: ObjectStore) -> None:
    good, _, other = items(film)
    bad = replace(good, id=9, start_pts=10**7, end_pts=10**7 + 512 * 24)
    first, second, third = Worker(settings)([good, bad, other], Context(threads=2, timeout_seconds=60))
    assert isinstance(first, ExportResult)
    assert first.copied == 24
    assert isinstance(second, MediaError)
    assert isinstance(third, ExportResult)


def test_other_forms_have_variants_and_files_of_their_own(film: Source, settings: Settings, store: ObjectStore) -> None:
    asked = replace(settings, export_profile="encode", export_codec="hevc", export_crf=30, export_size="80x48")
    (result,) = Worker(asked)(items(film)[:1], Context(threads=2, timeout_seconds=60))
    assert isinstance(result, ExportResult)
    assert result.profile == asked.variant("export") == "encode-hevc-crf30-80x48"
    assert f"/encode-hevc-crf30-80x48-{result.params}.mp4" in result.key
    plain = replace(settings, export_profile="encode")
    assert plain.variant("export") == "encode"
    (usual,) = Worker(plain)(items(film)[:1], Context(threads=2, timeout_seconds=60))
    assert isinstance(usual, ExportResult)
    assert usual.key.endswith(f"/source-{usual.params}.mp4")  # as it was called before
    assert usual.params != result.params
