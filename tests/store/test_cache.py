"""The cache before a real S3 server: filled once by many, bounded, and never emptied under whoever holds a file."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest

from heaters.errors import IntegrityError, StoreError
from heaters.settings import Settings
from heaters.store import cache as cache_module
from heaters.store.cache import Cache, CacheResult
from heaters.store.objects import ObjectStore, Stored, open_store

SIZE_BYTES = 10_000


@pytest.fixture
def store(s3_endpoint: str, s3_location: str) -> ObjectStore:
    return open_store(s3_location, s3_endpoint=s3_endpoint)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def put(store: ObjectStore, key: str) -> Stored:
    return store.put_bytes(key, os.urandom(SIZE_BYTES))


def cached(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if path.is_file())


def use(cache: Cache, store: ObjectStore, key: str) -> bool:
    """Hold an object for a moment; whether it was there."""
    with cache.hold(store, key) as held:
        assert held.path.read_bytes() == store.read(key)
        return held.hit


def age(root: Path, stored: Stored, seconds: float) -> None:
    """As if it had been used longer ago."""
    then = time.time() - seconds
    for path in root.glob(f"{stored.sha256}*"):
        os.utime(path, (then, then))


def test_hold_moves_bytes_once(store: ObjectStore, root: Path) -> None:
    there = put(store, "a/b.mp4")
    cache = Cache(root)
    with cache.hold(store, "a/b.mp4") as held:
        assert (held.hit, held.bytes_moved) == (False, SIZE_BYTES)
        assert held.path.name == f"{there.sha256}.mp4"
    with cache.hold(store, "a/b.mp4") as held:
        assert (held.hit, held.bytes_moved) == (True, 0)
    assert cache.result == CacheResult(hits=1, misses=1, bytes_moved=SIZE_BYTES, bytes_saved=SIZE_BYTES)
    assert cache.result.hit_rate == 0.5
    assert Cache(root).result.hit_rate == 0.0


def test_a_local_store_needs_no_copy(tmp_path: Path, root: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    put(store, "a")
    cache = Cache(root)
    with cache.hold(store, "a") as held:
        assert held.path == store.local_path("a")
    assert cache.result == CacheResult(hits=1)
    assert not root.exists()
    with pytest.raises(StoreError, match="b is not in the store"), cache.hold(store, "b"):
        pass


def test_other_bytes_under_the_same_key_are_another_object(store: ObjectStore, root: Path) -> None:
    cache = Cache(root)
    put(store, "a")
    assert not use(cache, store, "a")
    put(store, "a")
    assert not use(cache, store, "a")
    assert len(cached(root)) == 2


def test_hold_fails_for_what_is_not_there(store: ObjectStore, root: Path) -> None:
    with pytest.raises(StoreError, match="a is not in the store"), Cache(root).hold(store, "a"):
        pass


def test_the_least_recently_used_goes_first(store: ObjectStore, root: Path) -> None:
    cache = Cache(root, max_bytes=3 * SIZE_BYTES)
    stored = [put(store, f"{n}") for n in range(4)]
    for n in range(3):
        use(cache, store, f"{n}")
        age(root, stored[n], 100 - n)
    assert use(cache, store, "0")  # now the youngest
    use(cache, store, "3")
    assert cached(root) == sorted(stored[n].sha256 for n in (0, 2, 3))


def test_what_nobody_used_for_days_goes_although_there_is_room(store: ObjectStore, root: Path) -> None:
    settings = Settings(home=root.parent, cache_gib=1.0, cache_days=2)
    cache = Cache.of(settings)
    assert (cache.root, cache.max_bytes, cache.max_days) == (root, 2**30, 2)
    old, young, new = (put(store, name) for name in ("a", "b", "c"))
    use(cache, store, "a")
    use(cache, store, "b")
    age(root, old, 3 * 86400)
    age(root, young, 86400)
    use(cache, store, "c")
    assert (cache.forget_old(), Cache(root).forget_old()) == (1, 0)
    assert cached(root) == sorted([young.sha256, new.sha256])


def test_what_is_held_stays(store: ObjectStore, root: Path) -> None:
    cache = Cache(root, max_bytes=SIZE_BYTES)
    stored = [put(store, f"{n}") for n in range(3)]
    with cache.hold(store, "0") as held:
        for n in (1, 2):
            use(cache, store, f"{n}")
        assert held.path.read_bytes() == store.read("0")
        assert cached(root) == sorted(stored[n].sha256 for n in (0, 2))
    use(cache, store, "1")
    assert cached(root) == [stored[1].sha256]


HOLD = """
import sys
from pathlib import Path
from heaters.store.cache import Cache
from heaters.store.objects import open_store
location, endpoint, root = sys.argv[1:]
with Cache(Path(root), max_bytes=1).hold(open_store(location, s3_endpoint=endpoint), "held") as held:
    print(held.hit, flush=True)
    sys.stdin.read()
"""


def test_what_another_process_holds_stays_until_it_dies(
    store: ObjectStore, root: Path, s3_endpoint: str, s3_location: str
) -> None:
    there = put(store, "held")
    put(store, "other")
    command = [sys.executable, "-c", HOLD, s3_location, s3_endpoint, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "False\n"
        cache = Cache(root, max_bytes=1)
        use(cache, store, "other")
        assert there.sha256 in cached(root)
        holder.kill()
        holder.wait()
        put(store, "third")
        use(cache, store, "third")
        assert there.sha256 not in cached(root)


def test_many_at_once_fetch_once(store: ObjectStore, root: Path) -> None:
    put(store, "a")
    caches = [Cache(root) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda cache: use(cache, store, "a"), caches))
    assert sum(cache.result.bytes_moved for cache in caches) == SIZE_BYTES
    assert sum(cache.result.hits for cache in caches) == 7


def test_holding_while_others_evict(store: ObjectStore, root: Path) -> None:
    """Every holder reads the right bytes, though there is room for one file of four."""
    for n in range(4):
        put(store, f"{n}")
    truth = {f"{n}": store.read(f"{n}") for n in range(4)}
    wrong: list[str] = []

    def work(seed: int) -> None:
        cache = Cache(root, max_bytes=SIZE_BYTES)
        for n in range(12):
            key = f"{(seed + n) % 4}"
            with cache.hold(store, key) as held:
                if held.path.read_bytes() != truth[key]:
                    wrong.append(key)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_keep_saves_the_fetch(store: ObjectStore, root: Path, tmp_path: Path) -> None:
    made = tmp_path / "made.bin"
    made.write_bytes(os.urandom(SIZE_BYTES))
    cache = Cache(root, max_bytes=SIZE_BYTES)
    put(store, "before")
    use(cache, store, "before")
    there = store.put_file("a", made)
    for _ in range(2):
        cache.keep(store, there, made)
    made.unlink()
    assert use(cache, store, "a")
    assert cached(root) == [there.sha256]


def test_what_a_killed_fetch_left_goes(store: ObjectStore, root: Path) -> None:
    root.mkdir()
    left, running = root / ".left.partial", root / ".running.partial"
    for path in (left, running):
        path.write_bytes(bytes(SIZE_BYTES))
    os.utime(left, (0, 0))
    put(store, "a")
    use(Cache(root, max_bytes=SIZE_BYTES), store, "a")
    assert not left.exists()
    assert running.exists()


def test_wrong_bytes_are_not_cached(store: ObjectStore, root: Path, s3_endpoint: str, s3_location: str) -> None:
    there = put(store, "a")
    place = urlsplit(s3_location)
    boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1").put_object(
        Bucket=place.netloc,
        Key=f"{place.path.strip('/')}/a",
        Body=os.urandom(SIZE_BYTES),
        Metadata={"sha256": there.sha256},
    )
    with pytest.raises(IntegrityError, match="a must hold"), Cache(root).hold(store, "a"):
        pass
    assert cached(root) == []


def test_a_cache_that_cannot_be_written_is_named(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    put(store, "a")
    with pytest.raises(StoreError, match=r"could not cache a: .*Not a directory"):
        use(Cache(tmp_path / "file" / "cache"), store, "a")


def test_a_miss_does_not_look_at_every_file(store: ObjectStore, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    empty = Cache._empty

    def counted(cache: Cache, size_bytes: int) -> int:
        looks.append(size_bytes)
        return empty(cache, size_bytes)

    monkeypatch.setattr(Cache, "_empty", counted)
    monkeypatch.setattr(cache_module, "EMPTIED_PART", 4)  # of eight files two go at once
    for n in range(16):
        put(store, f"{n}")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: use(Cache(root, max_bytes=8 * SIZE_BYTES), store, f"{n}"), range(8)))
    assert len(looks) == 1  # the first one counts what is there
    for n in range(8, 16):
        use(Cache(root, max_bytes=8 * SIZE_BYTES), store, f"{n}")
        assert 7 <= len(cached(root)) <= 8
    assert len(looks) == 1 + 8 // 2


def test_videos_are_forgotten_by_their_hash(store: ObjectStore, root: Path) -> None:
    mine, other = "a" * 64, "b" * 64
    for key in (f"videos/{mine}/source.mp4", f"clips/{mine}/0-1/copy.mp4", f"videos/{other}/source.mp4"):
        put(store, key)
        use(Cache(root), store, key)
    cache = Cache(root)
    with cache.hold(store, f"videos/{mine}/source.mp4") as held:
        assert cache.forget({mine}) == 2
        assert not held.path.exists()
    assert [name[:64] for name in cached(root)] == [other]
    assert Cache(root / "none").forget({mine}) == 0
