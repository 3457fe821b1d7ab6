"""Every error Heaters raises on purpose.

    HeatersError
    ├── ConfigError            a setting is missing or wrong; names the variable and the rule (exit code 2)
    ├── UsageError             a command was asked for something that cannot be (exit code 2)
    ├── RuleError              a value or an edit breaks a rule of the core (a cut outside the video, …)
    └── StageError             one item failed in one stage; becomes a row in `failures`
        ├── PermanentError     trying again cannot help: never retried
        │   ├── SourceRefused    the source breaks a rule: missing, a playlist, too large, a private address
        │   ├── MediaError       the file holds no decodable video, or too little of it
        │   └── IntegrityError   bytes differ from the checksum they were stored with
        └── TransientError     trying again may help: retried with back-off
            ├── FetchError       the download failed
            ├── StoreError       the object store, its disk or the database failed
            │   └── DatabaseAway   the database does not answer, or cannot take anything now: it is waited for
            ├── ModelError       a model could not be loaded or run
            ├── RecordRefused    the database refuses what an item made
            ├── WorkerLost       the process that held the item died
            │   ├── NodeLost       with its whole node: not the item's fault, and not counted as its failure
            │   │   └── NodeFull     Ray ended it, because its node ran out of memory: whose fault is unknown
            │   └── ChildDied      a child of it died or gave up without saying why: the machine's trouble
            └── StageTimeout     the item took longer than its stage allows

The message states the rule and the evidence. Foreign errors are wrapped where they enter, with their cause.
"""


class HeatersError(Exception):
    """Base of all errors raised on purpose."""


class ConfigError(HeatersError):
    """A setting is missing or wrong."""


class UsageError(HeatersError):
    """A command was asked for something that cannot be."""


class RuleError(HeatersError):
    """A value or an edit breaks a rule of the core."""


class StageError(HeatersError):
    """One item failed in one stage."""

    retryable = True


class PermanentError(StageError):
    """Trying again cannot help."""

    retryable = False


class SourceRefused(PermanentError):
    """The source breaks a rule."""


class MediaError(PermanentError):
    """The file holds no decodable video, or too little of it."""


class IntegrityError(PermanentError):
    """Bytes differ from the checksum they were stored with."""


class TransientError(StageError):
    """Trying again may help."""


class FetchError(TransientError):
    """The download failed."""


class StoreError(TransientError):
    """The object store, its disk or the database failed."""


class DatabaseAway(StoreError):
    """The database does not answer, or cannot take anything now (no slot, no disk): waiting helps."""


class ModelError(TransientError):
    """A model could not be loaded or run."""


class RecordRefused(TransientError):
    """The database refuses what an item made: a value it cannot hold, a constraint, a lock that others keep."""


class WorkerLost(TransientError):
    """The process that held the item died."""


class NodeLost(WorkerLost):
    """The node that the item was on died: a spot machine was taken back."""


class NodeFull(NodeLost):
    """The node ran out of memory, and Ray ended the process that the item was in, maybe for another's sake."""


class ChildDied(WorkerLost):
    """A child process ended without saying why. It is tried again alone; what is known stands in the message."""


class StageTimeout(TransientError):
    """The item took longer than its stage allows."""
