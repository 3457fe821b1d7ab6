"""The run of an export: splits, twice, killed, damaged, held by another, on S3."""

import json
import signal
import tarfile
import time
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from command import Heaters
from dataset_clips import MODEL, add_exported, file_key
from rows import one

from heaters.core.splits import Splits
from heaters.dataset import export as export_module
from heaters.dataset.export import Report, export
from heaters.dataset.recipe import Choice, Recipe
from heaters.errors import StoreError, UsageError
from heaters.settings import Settings
from heaters.store.db import Database, connect
from heaters.store.objects import ObjectStore, open_store

Run = Callable[..., Report]


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, also hidden ones."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def samples(folder: Path) -> dict[str, list[str]]:
    """The names of the samples in each tar file."""
    found = {}
    for path in sorted(folder.glob("*/*.tar")):
        with tarfile.open(path) as tar:
            found[path.stem] = sorted(name.removesuffix(".mp4") for name in tar.getnames() if name.endswith(".mp4"))
    return found


def test_a_source_stays_in_one_split_whatever_comes(
    run: Run, clips: list[int], db: Database, store: ObjectStore, tmp_path: Path
) -> None:
    run()
    before = _splits(tmp_path / "out")
    assert set(before.values()) == {"train", "test"}
    for name in ("g", "h", "i"):
        add_exported(db, store, name, 2)
    again = run()
    assert again.clips_new == 6
    after = _splits(tmp_path / "out")
    assert {source: split for source, split in after.items() if source in before} == before
    assert len(after) == 9


def _splits(out: Path) -> dict[str, str]:
    """The split of each source. Fails where a source is in two."""
    found: dict[str, str] = {}
    for path in (out / "index").iterdir():
        entry = json.loads(path.read_text())
        for clip in entry["clips"]:
            assert found.setdefault(clip["source"], entry["split"]) == entry["split"]
    return found


@pytest.mark.parametrize("form", ["webdataset", "parquet"])
def test_a_second_run_writes_nothing_and_new_clips_come_alone(
    run: Run, clips: list[int], form: str, db: Database, store: ObjectStore, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = run(form)
    assert (first.clips, first.clips_new, first.waiting, first.failed) == (18, 18, 0, ())
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    again = run(form)
    assert (again.clips, again.clips_new, again.shards_new, again.swept) == (18, 0, 0, 0)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before
    add_exported(db, store, "new", 1)
    third = run(form)
    assert (third.clips, third.clips_new, third.shards_new) == (19, 1, 1)
    changed = {path.name for path, at in before.items() if path.stat().st_mtime_ns != at}
    assert changed <= {"README.md", "manifest.json", "lengths.svg", "sources.svg", "confidence.svg"}


def test_the_same_clips_give_the_same_bytes(run: Run, clips: list[int], tmp_path: Path) -> None:
    run(out=tmp_path / "one")
    run(out=tmp_path / "two")
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_manifest_and_card_say_what_is_there(run: Run, clips: list[int], tmp_path: Path) -> None:
    run()
    out = tmp_path / "out"
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["total"]["clips"] == 18
    assert manifest["total"]["sources"] == 6
    assert manifest["total"]["seconds"] == pytest.approx(18 * 0.4)
    assert sum(split["clips"] for split in manifest["splits"].values()) == 18
    assert manifest["total"]["size_bytes"] == sum((out / s["file"]).stat().st_size for s in manifest["shards"])
    card = (out / "README.md").read_text()
    assert "18 clips of 6 source videos" in card
    assert "CC-BY (18)" in card
    assert "path: train/*.tar" in card
    for plot in ("lengths", "confidence", "sources"):
        assert f"plots/{plot}.svg" in card
        assert (out / "plots" / f"{plot}.svg").read_text().startswith("<svg")
    assert max(map(len, samples(out).values())) == 4


@pytest.mark.parametrize("form", ["webdataset", "parquet", "lance"])
def test_killed_and_run_again_it_is_as_if_never_killed(
    form: str, run: Run, clips: list[int], db: Database, store: ObjectStore, settings: Settings, tmp_path: Path
) -> None:
    for name in range(20):
        add_exported(db, store, f"more {name}", 2)
    heaters = Heaters({"HEATERS_HOME": str(settings.home), "HEATERS_DATABASE_URL": settings.database_url})
    command = (
        "export-dataset",
        tmp_path / "killed",
        "--format",
        form,
        "--shard-clips",
        "1",
        "--model",
        MODEL.partition("@")[0],
    )
    kills = 0
    for _ in range(3):
        entered = len(list((tmp_path / "killed").glob("index/*.json")))
        process = heaters.start(*command)
        while process.poll() is None and len(list((tmp_path / "killed").glob("index/*.json"))) < entered + 5:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        process.communicate()
    assert kills == 3
    left = len(list((tmp_path / "killed").glob("index/*.json")))
    assert 15 <= left < 58
    done = heaters(*command, "--json")
    assert done.code == 0, done.err
    assert (done.json["clips"], done.json["clips_new"]) == (58, 58 - left)
    whole = heaters(*command[:1], tmp_path / "whole", *command[2:])
    assert whole.code == 0, whole.err
    killed, undisturbed = files(tmp_path / "killed"), files(tmp_path / "whole")
    if form == "lance":  # its own files have names by chance
        import lance

        tables = [lance.dataset(str(tmp_path / name / "data.lance")).to_table() for name in ("killed", "whole")]
        assert tables[0].sort_by("sample").equals(tables[1].sort_by("sample"))
        killed, undisturbed = ({n: d for n, d in f.items() if "data.lance" not in n} for f in (killed, undisturbed))
    assert killed == undisturbed


def test_a_clip_whose_bytes_are_wrong_fails_alone_and_comes_later(
    run: Run, clips: list[int], db: Database, settings: Settings, tmp_path: Path
) -> None:
    key = file_key(db, clips[4])
    path = Path(settings.store_location) / key
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    report = run()
    assert [failed.clip_id for failed in report.failed] == [clips[4]]
    assert report.failed[0].error.startswith("IntegrityError: ")
    assert (report.clips_new, len([s for found in samples(tmp_path / "out").values() for s in found])) == (17, 17)
    path.unlink()
    assert run().failed[0].error.startswith("StoreError: ")
    path.write_bytes(good)
    mended = run()
    assert (mended.failed, mended.clips_new, mended.clips) == ((), 1, 18)


def test_orphans_are_swept_and_damage_is_seen(run: Run, clips: list[int], tmp_path: Path) -> None:
    run()
    out = tmp_path / "out"
    before = files(out)
    making = f".{uuid.uuid4().hex}.partial"
    for name in ("train/orphan.tar", f"train/{making}", f"index/{making}", making):
        (out / name).write_bytes(b"left by a kill")
    assert run().swept == 4
    assert files(out) == before
    victim = next(out.glob("*/*.tar"))
    victim.write_bytes(victim.read_bytes()[:-512])
    with pytest.raises(StoreError, match="is not as it was written"):
        run()


def test_other_options_and_other_exports_are_refused(run: Run, clips: list[int], db: Database, tmp_path: Path) -> None:
    run()
    with pytest.raises(UsageError, match=r"made with other options \(splits"):
        run(splits="train=1")
    with pytest.raises(UsageError, match=r"made with other options \(form"):
        run("parquet")
    with db.transaction() as tx:
        tx.execute("select pg_advisory_lock(hashtextextended('heaters.dataset.' || %s, 0))", (str(tmp_path / "out"),))
        with pytest.raises(UsageError, match="another export writes to"):
            run()


def test_the_output_is_free_before_the_connection_is_gone(
    run: Run, clips: list[int], db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "hashtextextended('heaters.dataset.' || %(out)s, 0)"
    with connect(db.url) as lasting:  # as a closed one does on a busy server
        monkeypatch.setattr(export_module, "connect", lambda *_, **__: nullcontext(lasting))
        run()
        free = f"select pg_try_advisory_lock({key}) and pg_advisory_unlock({key})"
        assert one(db, free, {"out": str(tmp_path / "out")})


@pytest.mark.parametrize("form", ["webdataset", "parquet"])
def test_from_s3_to_s3(
    form: str, db: Database, settings: Settings, s3_endpoint: str, s3_location: str, tmp_path: Path
) -> None:
    there = Settings(
        home=settings.home, database_url=settings.database_url, store=s3_location + "/media", s3_endpoint=s3_endpoint
    )
    store = open_store(there.store_location, s3_endpoint=s3_endpoint)
    for name in ("a", "b"):
        add_exported(db, store, name, 3)
    recipe = Recipe(form=form, splits=Splits.parse("train=0.5,test=0.5"), stills="multi", shard_clips=2)
    out = s3_location + "/sets/one"
    assert export(db, there, out, recipe, Choice()).clips_new == 6
    again = export(db, there, out, recipe, Choice())
    assert (again.clips, again.clips_new, again.swept) == (6, 0, 0)
    # The same bytes as in a folder.
    export(db, there, str(tmp_path / "local"), recipe, Choice())
    bucket = open_store(out, s3_endpoint=s3_endpoint)
    assert {entry.key: bucket.read(entry.key) for entry in bucket.list()} == files(tmp_path / "local")
    assert not list(there.scratch.glob("dataset-*"))
    with pytest.raises(UsageError, match="a folder on this machine alone"):
        export(db, there, out + "2", Recipe(form="lance", splits=recipe.splits), Choice())


@pytest.mark.parametrize("theirs", ["README.md", "manifest.json", "index/a.json", "train/film.mp4"])
def test_a_folder_of_somebody_s_own_is_refused_and_left_alone(
    run: Run, clips: list[int], tmp_path: Path, theirs: str
) -> None:
    folder = tmp_path / "theirs"
    (folder / theirs).parent.mkdir(parents=True, exist_ok=True)
    (folder / theirs).write_text('{"mine": 1}')
    with pytest.raises(UsageError, match="needs a folder of its own"):
        run(out=folder)
    assert files(folder) == {theirs: b'{"mine": 1}'}


def test_a_dataset_of_a_version_without_the_mark_goes_on(run: Run, clips: list[int], tmp_path: Path) -> None:
    run()
    (tmp_path / "out" / "_heaters-dataset").unlink()
    assert run().clips_new == 0
