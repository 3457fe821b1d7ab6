"""THE table: every stage of the pipeline, in order. The runner, the docs, the board and the cluster file read it.

It does not know how a stage works: row `detect` is implemented by the module `heaters.stages.detect`. Adding a stage is
a row here and a module there.
"""

from dataclasses import dataclass
from enum import StrEnum

from heaters.core.states import VideoState
from heaters.errors import RuleError

MIB = 2**20

# A node's label says what it is for. Batch work keeps off the nodes of the endpoint, which thereby keeps its share.
POOL_LABEL = "heaters-pool"
SERVE_POOL = "serve"


class Subject(StrEnum):
    """What a stage makes something of. Clips are worked on by stretches of a video (`core/stretches.py`)."""

    VIDEO = "video"
    CLIP = "clip"


class By(StrEnum):
    """Who does a stage."""

    MACHINE = "machine"  # the runner, by itself, as soon as there is something to do
    PERSON = "person"  # a reviewer
    OPERATOR = "operator"  # the runner, when someone asks for it


class Change(StrEnum):
    """What can happen to a video or a stretch of it. A stage reads one kind of change and may announce another."""

    NEW = "new"  # the video was submitted
    DOWNLOADED = "downloaded"  # its master is in the store
    PREPARED = "prepared"  # its sample track, analysis frames and PTS are
    WATCHED = "watched"  # somebody opened the video, which has no review proxy, or exports files from one
    CLIPS = "clips"  # clips of the stretch were laid or edited
    STILLS = "stills"  # clips of the stretch got their stills
    FACTS = "facts"  # clips of the stretch were measured
    VECTORS = "vectors"  # clips of the stretch got their vectors
    DECISION = "decision"  # clips of the stretch were decided, or a decision was taken back
    FILES = "files"  # clips of the stretch were exported
    SPACE = "space"  # objects of archived clips were deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One row of the pipeline.

    A stage does what is due wherever a change of the kind `takes` happened, and announces `gives`. `milestone` is the
    state that a video reaches by it; a stage of videos without one makes what prepared videos may lack, for those that
    are asked for. `variant` names the setting that the stage's output depends on ("" for none): changing it makes what
    lacks that variant due again, and nothing else. `needs` names the stage whose output of the matching variant must
    be there first. A person waits for `is_urgent` stages: they come before all others.

    `resident` stages hold a model and run in actors that are built once; the others are plain tasks. `gpus` is a
    fraction of a GPU, used only where the cluster has one. `batch` is how many videos or clips one call takes; a
    stretch with more clips is one call still, or several where nothing else is due. `reads_source` stages bring whole
    masters or proxies to the node.
    """

    name: str
    subject: Subject
    takes: Change
    gives: Change
    milestone: VideoState | None = None
    by: By = By.MACHINE
    does: str
    cpus: float = 1.0
    gpus: float = 0.0
    memory_bytes: int = 512 * MIB
    batch: int = 1
    attempts: int = 0
    timeout_seconds: int = 0  # for one video or one batch of clips, from the moment a worker begins
    resident: bool = False
    reads_source: bool = False
    variant: str = ""
    needs: str = ""
    is_urgent: bool = False
    calls: int = 0  # most at once by one driver; 0: as many as fit
    by_host: bool = False  # works on somebody else's host: so many at a time and so far apart as settings say

    def __post_init__(self) -> None:
        if self.by is not By.PERSON and (self.attempts < 1 or self.timeout_seconds < 1 or self.batch < 1):
            raise RuleError(f"a stage done by a machine needs attempts, timeout and batch ≥ 1; got {self}")
        if not 0 <= self.gpus <= 1:
            raise RuleError(f"gpus is a fraction of one GPU in [0, 1]; got {self.gpus} for {self.name}")
        if self.subject is Subject.CLIP and self.milestone is not None:
            raise RuleError(f"only stages of videos give a milestone; got {self.milestone}, {self.name}")


PIPELINE: tuple[Stage, ...] = (
    Stage(
        name="download",
        subject=Subject.VIDEO,
        takes=Change.NEW,
        gives=Change.DOWNLOADED,
        milestone=VideoState.DOWNLOADED,
        does="Fetch the source, check that it holds video, keep it byte for byte as the master.",
        attempts=5,
        timeout_seconds=6 * 3600,
        reads_source=True,
        by_host=True,
    ),
    Stage(
        name="prepare",
        subject=Subject.VIDEO,
        takes=Change.DOWNLOADED,
        gives=Change.PREPARED,
        milestone=VideoState.PREPARED,
        does="Decode once: a sample track, 48×27 analysis frames, every PTS, and the review proxy if people review.",
        memory_bytes=2048 * MIB,
        attempts=3,
        timeout_seconds=6 * 3600,
        reads_source=True,
    ),
    Stage(
        name="detect",
        subject=Subject.VIDEO,
        takes=Change.PREPARED,
        gives=Change.CLIPS,
        milestone=VideoState.CUT,
        does="Find the cuts (TransNetV2) and lay the clips between them.",
        gpus=0.25,
        memory_bytes=2048 * MIB,
        batch=4,
        attempts=3,
        timeout_seconds=3600,
        resident=True,
    ),
    Stage(
        name="keyframes",
        subject=Subject.CLIP,
        takes=Change.CLIPS,
        gives=Change.STILLS,
        does="Take the clip's stills from the sample track, where none lies in it from the master.",
        batch=64,
        attempts=3,
        timeout_seconds=900,
        reads_source=True,
        variant="keyframes",
    ),
    Stage(
        name="facts",
        subject=Subject.CLIP,
        takes=Change.STILLS,
        gives=Change.FACTS,
        does="Measure motion, brightness, black and frozen frames, bars, sharpness and sound, to filter by.",
        batch=64,
        attempts=3,
        timeout_seconds=900,
        reads_source=True,
        variant="facts",
        needs="keyframes",
    ),
    Stage(
        name="embed",
        subject=Subject.CLIP,
        takes=Change.STILLS,
        gives=Change.VECTORS,
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
        name="review",
        subject=Subject.CLIP,
        takes=Change.CLIPS,
        gives=Change.DECISION,
        by=By.PERSON,
        does="A person, or a rule, approves or skips; a person also archives, splits, merges, moves and groups.",
    ),
    Stage(
        name="proxy",
        subject=Subject.VIDEO,
        takes=Change.WATCHED,
        gives=Change.DECISION,  # clips whose files come from the proxy are due then
        does="Make the all-intra review proxy of a video that somebody opened and that has none.",
        memory_bytes=2048 * MIB,
        attempts=3,
        timeout_seconds=6 * 3600,
        reads_source=True,
        is_urgent=True,
    ),
    Stage(
        name="export",
        subject=Subject.CLIP,
        takes=Change.DECISION,
        gives=Change.FILES,
        does="Write an approved clip's exact frames as a file, from the master or the proxy.",
        memory_bytes=1024 * MIB,
        batch=16,
        attempts=3,
        timeout_seconds=3600,
        reads_source=True,
        variant="export",
    ),
    Stage(
        name="archive",
        subject=Subject.CLIP,
        takes=Change.DECISION,
        gives=Change.SPACE,
        by=By.OPERATOR,
        does="Delete the objects of archived clips, verified.",
        batch=64,
        attempts=3,
        timeout_seconds=900,
    ),
)

# Changes of a video as a whole; the others are of a stretch.
OF_VIDEOS = frozenset({Change.NEW, Change.DOWNLOADED, Change.PREPARED, Change.WATCHED})

STAGES: dict[str, Stage] = {stage.name: stage for stage in PIPELINE}


def machine_stages() -> tuple[Stage, ...]:
    """The stages the runner does by itself, in pipeline order."""
    return tuple(stage for stage in PIPELINE if stage.by is By.MACHINE)


def announced() -> frozenset[Change]:
    """The kinds of change that some stage reads, or that approval by a rule follows: others are not written down."""
    return frozenset({stage.takes for stage in PIPELINE} | {Change.FACTS})
