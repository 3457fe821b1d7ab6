"""What a fetch is allowed, what it tells on the way, and what it brings back. It does not know how fetching works."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from heaters.errors import RuleError

# Width and height in pixels; a width of 0 means that the site told the height only.
Resolution = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """What an operator allows one fetch. Cookies and proxy are secrets, and stay out of the repr."""

    max_bytes: int
    timeout_seconds: float
    allow_private_hosts: bool = False
    cookies_file: str = field(default="", repr=False)
    proxy_url: str = field(default="", repr=False)
    bytes_per_second: float = 0.0  # bandwidth; 0: no bound
    backoff_seconds: float = 1.0  # the wait before the second try; it doubles with each further one

    def __post_init__(self) -> None:
        if self.max_bytes < 1 or self.timeout_seconds <= 0 or min(self.backoff_seconds, self.bytes_per_second) < 0:
            raise RuleError(f"limits are a size ≥ 1 byte, a time > 0 s, a rate and a back-off ≥ 0; got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchProgress:
    """How far a fetch is. `total_bytes` is what the server claims, None where it claims nothing."""

    downloaded_bytes: int
    total_bytes: int | None


OnProgress = Callable[[FetchProgress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A source that is here: a complete file whose hash was computed from the bytes on disk.

    `is_borrowed`: `path` is the user's own file, not to be changed, moved or deleted. `strategy` is `file` for a local
    file, else the row of `formats.STRATEGIES` that worked. `resolution_obtained` is read from the file itself (None
    where its header does not tell), `resolution_best` is the best that the site offered (None where it did not say).
    `resumed_bytes` were on disk from an earlier try and not fetched again.
    """

    path: Path
    sha256: str
    size_bytes: int
    title: str
    extension: str
    strategy: str
    is_borrowed: bool = False
    formats_offered: tuple[Mapping[str, object], ...] = ()
    format_obtained: str = ""
    resolution_obtained: Resolution | None = None
    resolution_best: Resolution | None = None
    provenance: Mapping[str, object] = field(default_factory=dict)
    resumed_bytes: int = 0

    def __post_init__(self) -> None:
        if self.size_bytes < 1 or len(self.sha256) != 64 or not 0 <= self.resumed_bytes <= self.size_bytes:
            raise RuleError(f"a fetched file has bytes, their SHA-256 and resumed ≤ size; got {self}")

    @property
    def is_best_resolution(self) -> bool:
        """Whether nothing higher was offered than what is in the file (True where either is unknown)."""
        if self.resolution_obtained is None or self.resolution_best is None:
            return True
        return self.resolution_obtained[1] >= self.resolution_best[1]
