"""THE table: every stage of the pipeline, in order. The runner, the docs, the board and the cluster file read it.

It does not know how a stage works: row `detect` is implemented by the module `heaters.stages.detect`.
Adding a stage is a row here, a module there, and a state.
"""

from dataclasses import dataclass
from enum import StrEnum

from heaters.core.states import ClipState, VideoState
from heaters.errors import RuleError

State = VideoState | ClipState

MIB = 2**20

# A node's label says what it is for. Batch work keeps off the nodes of the endpoint, which thereby keeps its share.
POOL_LABEL = "heaters-pool"
SERVE_POOL = "serve"


class Subject(StrEnum):
    """What a stage works on."""

    VIDEO = "video"
    CLIP = "clip"


class By(StrEnum):
    """Who does a stage."""

    MACHINE = "machine"  # the runner, by itself, as soon as an item is due
    PERSON = "person"  # a reviewer
    OPERATOR = "operator"  # the runner, when someone asks for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One row of the pipeline.

    `variant` names the setting that the stage's output depends on ("" for none): changing it makes the items
    that lack that variant due again, and nothing else. `needs` names the stage whose matching variant must be
    done first. `resident` stages hold a model and run in actors that are built once; the others are plain tasks.
    `gpus` is a fraction of a GPU, used only where the cluster has one; `batch` is the most items a call takes.
    """

    name: str
    subject: Subject
    takes: State
    gives: State
    by: By = By.MACHINE
    does: str
    cpus: float = 1.0
    gpus: float = 0.0
    memory_bytes: int = 512 * MIB
    batch: int = 1
    attempts: int = 0
    timeout_seconds: int = 0
    resident: bool = False
    variant: str = ""
    needs: str = ""
    by_host: bool = False  # works on somebody else's host: so many at a time and so far apart as settings say

    def __post_init__(self) -> None:
        if self.by is not By.PERSON and (self.attempts < 1 or self.timeout_seconds < 1 or self.batch < 1):
            raise RuleError(f"a stage done by a machine needs attempts, timeout and batch ≥ 1; got {self}")
        if not 0 <= self.gpus <= 1:
            raise RuleError(f"gpus is a fraction of one GPU in [0, 1]; got {self.gpus} for {self.name}")


PIPELINE: tuple[Stage, ...] = (
    Stage(
        name="download",
        subject=Subject.VIDEO,
        takes=VideoState.NEW,
        gives=VideoState.DOWNLOADED,
        does="Fetch the source, check that it holds video, keep it byte for byte as the master.",
        attempts=5,
        timeout_seconds=6 * 3600,
        by_host=True,
    ),
    Stage(
        name="prepare",
        subject=Subject.VIDEO,
        takes=VideoState.DOWNLOADED,
        gives=VideoState.PREPARED,
        does="Decode once: the all-intra review proxy, 48×27 analysis frames, the PTS of every frame.",
        memory_bytes=2048 * MIB,
        attempts=3,
        timeout_seconds=6 * 3600,
    ),
    Stage(
        name="detect",
        subject=Subject.VIDEO,
        takes=VideoState.PREPARED,
        gives=VideoState.CUT,
        does="Find the cuts (TransNetV2) and lay the clips between them.",
        gpus=0.25,
        memory_bytes=2048 * MIB,
        batch=4,
        attempts=3,
        timeout_seconds=3600,
        resident=True,
    ),
    Stage(
        name="review",
        subject=Subject.CLIP,
        takes=ClipState.PENDING_REVIEW,
        gives=ClipState.REVIEW_APPROVED,
        by=By.PERSON,
        does="A person approves, skips, archives, splits, merges or groups.",
    ),
    Stage(
        name="export",
        subject=Subject.CLIP,
        takes=ClipState.REVIEW_APPROVED,
        gives=ClipState.EXPORTED,
        does="Write the clip's exact frames as a file, from the master or the proxy.",
        memory_bytes=1024 * MIB,
        batch=8,
        attempts=3,
        timeout_seconds=3600,
    ),
    Stage(
        name="keyframes",
        subject=Subject.CLIP,
        takes=ClipState.EXPORTED,
        gives=ClipState.KEYFRAMED,
        does="Take the clip's stills as JPEG.",
        batch=16,
        attempts=3,
        timeout_seconds=900,
        variant="keyframes",
    ),
    Stage(
        name="facts",
        subject=Subject.CLIP,
        takes=ClipState.KEYFRAMED,
        gives=ClipState.KEYFRAMED,  # no milestone: nothing waits for it
        does="Measure motion, brightness, black and frozen frames, bars, sharpness and sound, to filter by.",
        batch=16,
        attempts=3,
        timeout_seconds=900,
        variant="facts",
        needs="keyframes",
    ),
    Stage(
        name="embed",
        subject=Subject.CLIP,
        takes=ClipState.KEYFRAMED,
        gives=ClipState.EMBEDDED,
        does="Turn the stills into one vector for the model and strategy in use.",
        gpus=0.25,
        memory_bytes=2048 * MIB,
        batch=64,
        attempts=3,
        timeout_seconds=900,
        resident=True,
        variant="embedding",
        needs="keyframes",
    ),
    Stage(
        name="archive",
        subject=Subject.CLIP,
        takes=ClipState.REVIEW_ARCHIVED,
        gives=ClipState.ARCHIVED,
        by=By.OPERATOR,
        does="Delete the objects of archived clips, verified.",
        batch=64,
        attempts=3,
        timeout_seconds=900,
    ),
)

STAGES: dict[str, Stage] = {stage.name: stage for stage in PIPELINE}


def machine_stages() -> tuple[Stage, ...]:
    """The stages the runner does by itself, in pipeline order."""
    return tuple(stage for stage in PIPELINE if stage.by is By.MACHINE)


def eligible_states(stage: Stage) -> tuple[State, ...]:
    """The states in which an item may be due for `stage`.

    Just `takes`; for a stage with variants also every state at or after `gives`, so that a changed default
    makes what is missing due (a backfill) without moving anything back.
    """
    if not stage.variant:
        return (stage.takes,)
    later: list[State] = [stage.takes]
    for row in PIPELINE:
        follows = row.subject is stage.subject and row.takes in later and row.by is By.MACHINE
        if follows and row.gives not in later:
            later.append(row.gives)
    return tuple(later)
