"""Where things are: the first part of the settings."""

from dataclasses import dataclass
from pathlib import Path

from heaters.settings import parse
from heaters.settings.parse import setting as _setting

# Those from which an object is read at once; the archives' would fail every stage that fetches.
STORAGE_CLASSES = ("STANDARD", "INTELLIGENT_TIERING", "STANDARD_IA", "ONEZONE_IA", "GLACIER_IR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Folders, the database, the store, the Ray cluster, and the file that settings come from."""

    config: str = _setting(
        "HEATERS_CONFIG", "", str, "a file of settings; empty: heaters.toml here, else in $HEATERS_HOME, else none"
    )
    profile: str = _setting(
        "HEATERS_PROFILE", "", str, "the part [profiles.NAME] of it to use; empty: its key `profile`"
    )
    home: Path = _setting(
        "HEATERS_HOME",
        Path("~/.heaters").expanduser(),
        parse.home_folder,
        "the one folder that embedded data, caches and media live in",
    )
    database_url: str = _setting(
        "HEATERS_DATABASE_URL", "", parse.database_url, "PostgreSQL with pgvector; empty: the embedded one", secret=True
    )
    store: str = _setting(
        "HEATERS_STORE",
        "",
        parse.store_location,
        "s3://bucket/prefix or a directory for media; empty: $HEATERS_HOME/media",
    )
    s3_endpoint: str = _setting("HEATERS_S3_ENDPOINT", "", str, "another S3 endpoint than AWS's")
    s3_storage_class: str = _setting(
        "HEATERS_S3_STORAGE_CLASS", "", parse.choice(*STORAGE_CLASSES), "S3's class for new files of 128 KiB and more"
    )
    s3_cold: str = _setting(
        "HEATERS_S3_COLD",
        "",
        parse.cold(*STORAGE_CLASSES[1:]),
        "CLASS:DAYS, such as STANDARD_IA:30: where such files go later (`heaters lifecycle`); empty: nowhere",
    )
    ray_address: str = _setting("RAY_ADDRESS", "", str, "the Ray cluster; empty: a local one for this command")

    @property
    def store_location(self) -> str:
        """Where media go: an s3:// URL or an absolute directory."""
        return self.store or str(self.home / "media")

    @property
    def scratch(self) -> Path:
        """Temporary files of running stages; anything in it may be deleted when nothing runs."""
        return self.home / "scratch"

    @property
    def cache(self) -> Path:
        """The node-local cache of store objects."""
        return self.home / "cache"
