"""THE table of keys: what each does, what its button says, what the help sheet tells. The page reads nothing else."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from heaters.errors import RuleError


class Where(StrEnum):
    """In which mode a key counts. While a cut is being placed, decisions are only hinted at."""

    PLAYING = "playing"
    PLACING = "placing"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One command. `keys` are `KeyboardEvent.key`s, with Shift+ and Ctrl+ (also Cmd) before them, in lower case.

    `button` is the word on the action bar's button, empty for none. A command with `repeats` goes on while the key is
    held; for the others auto-repeat adds nothing.
    """

    command: str
    keys: tuple[str, ...]
    does: str
    group: str
    where: Where = Where.BOTH
    button: str = ""
    repeats: bool = False

    def __post_init__(self) -> None:
        if not self.keys or any(key != key.lower() and len(key) == 1 for key in self.keys):
            raise RuleError(f"a command has keys, letters in lower case; got {self}")

    @property
    def is_letter(self) -> bool:
        """Whether it is a single letter, which the reviewer may switch off."""
        return any(len(key) == 1 and key.isalpha() for key in self.keys)


DECIDE, CUT, MOVE, OTHER = "Decide", "Fix the cuts", "Watch", "Everything else"

KEYS: tuple[Key, ...] = (
    Key(
        command="approve",
        keys=("a",),
        does="Approve: the clip is exported",
        group=DECIDE,
        where=Where.PLAYING,
        button="Approve",
    ),
    Key(command="skip", keys=("s",), does="Skip: not wanted, kept", group=DECIDE, where=Where.PLAYING, button="Skip"),
    Key(
        command="archive",
        keys=("r",),
        does="Archive: not wanted, may be deleted",
        group=DECIDE,
        where=Where.PLAYING,
        button="Archive",
    ),
    Key(
        command="group",
        keys=("g",),
        does="Approve, and link with the clip before",
        group=DECIDE,
        where=Where.PLAYING,
        button="Group",
    ),
    Key(command="undo", keys=("u", "Ctrl+z"), does="Take the last act back", group=DECIDE, button="Undo"),
    Key(command="redo", keys=("Shift+u", "Ctrl+Shift+z", "Ctrl+y"), does="Do it again", group=DECIDE, button="Redo"),
    Key(
        command="merge", keys=("m",), does="Merge with the clip before", group=CUT, where=Where.PLAYING, button="Merge"
    ),
    Key(
        command="later",
        keys=("d",),
        does="Decide later: back to the end of the queue",
        group=DECIDE,
        where=Where.PLAYING,
        button="Later",
    ),
    Key(
        command="next_frame",
        keys=("ArrowRight",),
        does="One frame on, into split mode; held: 1-2-4-8-16",
        group=CUT,
        repeats=True,
    ),
    Key(command="previous_frame", keys=("ArrowLeft",), does="One frame back", group=CUT, repeats=True),
    Key(command="next_frames", keys=("Shift+ArrowRight",), does="Ten frames on", group=CUT, repeats=True),
    Key(command="previous_frames", keys=("Shift+ArrowLeft",), does="Ten frames back", group=CUT, repeats=True),
    Key(command="first_frame", keys=("Home",), does="First frame", group=CUT),
    Key(command="last_frame", keys=("End",), does="Last frame", group=CUT),
    Key(command="move_start", keys=("[",), does="Move the cut at the start", group=CUT),
    Key(command="move_end", keys=("]",), does="Move the cut at the end", group=CUT),
    Key(command="commit", keys=("Enter",), does="Cut before the shown frame", group=CUT),
    Key(command="leave", keys=("Escape",), does="Leave split mode", group=CUT),
    Key(command="toggle", keys=(" ", "k"), does="Play or pause", group=MOVE),
    Key(command="faster", keys=("l",), does="Faster", group=MOVE),
    Key(command="slower", keys=("j",), does="Slower", group=MOVE),
    Key(command="sound", keys=("n",), does="Sound on or off", group=MOVE),
    Key(command="options", keys=("o",), does="Options: queue, confirm, letters off", group=OTHER),
    Key(command="help", keys=("?",), does="This sheet", group=OTHER),
    Key(command="search", keys=("/",), does="Search", group=OTHER),
)


def table() -> list[dict[str, Any]]:
    """The table as JSON for the page."""
    return [
        {**asdict(key), "keys": list(key.keys), "where": str(key.where), "is_letter": key.is_letter} for key in KEYS
    ]
