"""What a failed download means: refused for good or failed for now, the source or one format. A pure function."""

import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from yt_dlp.networking.exceptions import CertificateVerifyError, HTTPError
from yt_dlp.utils import GeoRestrictedError, UnsupportedError

from heaters.media.network_guard import AddressRefusedError


class Outcome(StrEnum):
    """What it means for the source."""

    REFUSED = "refused"  # trying again cannot help
    FAILED = "failed"  # the same again, later


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An outcome, the rule or the trouble in words, and how long the server asked to wait.

    `is_of_format`: when this happens while a format is fetched, another format of the same source may still work.
    """

    outcome: Outcome
    message: str
    is_of_format: bool = False
    retry_after_seconds: float = 0.0


# Sites say these in many words; the first row that matches decides. Checked against yt-dlp's messages.
_SAYINGS: tuple[tuple[str, Outcome, str], ...] = (
    (r"not a bot|captcha|rate.?limit|too many requests", Outcome.FAILED,
     "the site asks whether this is a bot; cookies (HEATERS_COOKIES) or a longer wait may help"),
    (r"no connection adapters|unsupported url scheme", Outcome.REFUSED, "only http and https URLs are fetched"),
    (r"\bDRM\b", Outcome.REFUSED, "protected (DRM) sources cannot be fetched"),
    (r"live event will|premieres in|is not currently live|offline", Outcome.REFUSED, "live streams are refused"),
    (r"private video|members.only|sign in|log ?in|registered users|requires payment|confirm your age|authentication",
     Outcome.REFUSED, "the source needs an account; cookies.txt of one goes into HEATERS_COOKIES"),
    (r"unavailable|has been removed|no longer available|terminated|does not exist|deleted", Outcome.REFUSED,
     "the site says that the video is not available"),
    (r"no video formats|requested format is not available|unsupported url|no video could be found|is not a valid url",
     Outcome.REFUSED, "the page must hold a video"),
)  # fmt: skip

_GONE = {
    404: "not found",
    410: "gone",
    451: "unavailable for legal reasons",
    401: "needs an account (HEATERS_COOKIES)",
}


def judge(error: BaseException) -> Verdict:
    """What `error`, with everything that caused it, means. The message may hold secrets: redact it."""
    chain = list(_chain(error))
    for cause in chain:
        verdict = _judge_type(cause)
        if verdict is not None:
            return verdict
    text = str(error)
    if match := re.search(r"HTTP Error (\d{3})", text):  # fragments fail with a text only
        return _judge_status(int(match.group(1)), "in a fragment", "")
    for pattern, outcome, rule in _SAYINGS:
        if re.search(pattern, text, re.IGNORECASE):
            return Verdict(outcome=outcome, message=f"{rule} ({_brief(text)})")
    is_merge = re.search(r"postprocess|conversion failed|merg", text, re.IGNORECASE) is not None
    return Verdict(outcome=Outcome.FAILED, message=_brief(text), is_of_format=is_merge)


def _judge_type(error: BaseException) -> Verdict | None:
    if isinstance(error, AddressRefusedError):
        return Verdict(outcome=Outcome.REFUSED, message=str(error))
    if isinstance(error, HTTPError):
        return _judge_status(int(error.status), error.reason, error.response.headers.get("Retry-After") or "")
    if isinstance(error, CertificateVerifyError):
        return Verdict(outcome=Outcome.REFUSED, message=f"the TLS certificate must be valid ({_brief(str(error))})")
    if isinstance(error, GeoRestrictedError):
        return Verdict(outcome=Outcome.REFUSED, message="the site refuses this country; HEATERS_PROXY may help")
    if isinstance(error, UnsupportedError):
        return Verdict(outcome=Outcome.REFUSED, message="the page must hold a video; none was found in it")
    if isinstance(error, MemoryError):
        return Verdict(
            outcome=Outcome.REFUSED, message="the page or manifest needs more memory than a download may use"
        )
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Verdict(outcome=Outcome.FAILED, message="the scratch disk is full")
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return Verdict(outcome=Outcome.REFUSED, message="the source is larger than HEATERS_MAX_SOURCE_GIB allows")
    return None


def _judge_status(status: int, reason: object, retry_after: str) -> Verdict:
    if status in {408, 425, 429} or status >= 500:
        seconds = float(retry_after) if retry_after.isdigit() else 0.0
        asked = f", to be tried again after {retry_after} s" if seconds else ""
        return Verdict(outcome=Outcome.FAILED, message=f"HTTP {status} ({reason}){asked}", retry_after_seconds=seconds)
    if status == 403:
        # An expired link, a bot check or a missing cookie: a later try often works, asking again at once does not.
        message = "HTTP 403: forbidden (cookies, HEATERS_COOKIES, may help)"
        return Verdict(outcome=Outcome.FAILED, message=message, is_of_format=True)
    message = f"HTTP {status}: {_GONE.get(status, reason)}"
    return Verdict(outcome=Outcome.REFUSED, message=message, is_of_format=True)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all that caused it; yt-dlp keeps causes in `cause` and `exc_info` as well."""
    waiting, seen = [error], set()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        info = getattr(current, "exc_info", None) or (None, None)
        for cause in (getattr(current, "cause", None), info[1], current.__cause__, current.__context__):
            if isinstance(cause, BaseException):
                waiting.append(cause)


def _brief(text: str) -> str:
    """One line, without yt-dlp's own advice on its command line options."""
    line = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())
    line = re.sub(r"^ERROR:\s*(\[\w[\w:+-]*\]\s*)?", "", line)
    return re.split(r"; please report this issue|\. See {2}|\. Use --|; try --", line)[0][:300]
