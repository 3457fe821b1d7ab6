"""The rules by which a clip is encoded instead of copied, in one table. The result of an export names the rule."""

from enum import StrEnum

from heaters.errors import HeatersError


class Rule(StrEnum):
    """Why nothing of a clip was copied. The values are shown to people and stored."""

    CODEC = "codec not copyable"  # none of H.264, HEVC, VP9, AV1, or a form of them that the encoder cannot match
    ENCRYPTED = "encrypted"
    SHAPE = "peculiar picture shape"  # packets do not hold how it is shown: cropped, mirrored, of several shapes
    INTERLACED = "interlaced"
    OPEN_GOP = "open group of pictures"  # the clip's key frames have frames that need others before them
    NO_KEY = "no clean key frame in the clip"
    EDIT_LIST = "edit list"  # a frame that others need is not shown
    PARAMETERS = "changing parameter sets"
    DESCRIPTIONS = "several sample descriptions"
    REORDERING = "reordering not stated"  # decoders guess how many frames to hold back, and guess wrong after a join
    TIMES = "time stamps"  # the packets' times are not those of the prepared frames
    TIME_BASE = "time base"  # MP4 cannot hold the times exactly
    READ = "packets cannot be read"
    VERIFICATION = "verification"  # the copied file does not show the prepared frames


class NotCopied(HeatersError):  # noqa: N818 — an outcome, not a fault: the clip is encoded instead
    """A rule applies. `evidence` says what was found."""

    def __init__(self, rule: Rule, evidence: str = "") -> None:
        super().__init__(f"{rule.value}: {evidence}" if evidence else rule.value)
        self.rule = rule
        self.evidence = evidence

    def as_json(self) -> dict[str, str]:
        """An answer that is read as this refusal."""
        return {"refused": self.rule.value, "evidence": self.evidence}
