"""Tells others of a run: when something gave up, and when the run ended. To a URL as JSON, to a command on its input.

{"event": "gave_up", "time", "driver", "count", "items": [{"stage", "video", "source", "clip", "error_type", "error"}]}
{"event": "run_ended", "time", "driver", "drained", "error", "seconds", "videos", "done": {STAGE: ITEMS}, "gave_up"}

Whoever does not answer is told again, then given up with a notice: a run never fails by it, and never waits for it.
"""

import json
import shlex
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Self

from heaters.core.address import redact
from heaters.core.pipeline import Stage
from heaters.runner.claims import Claim, Ended, Failure, text_of
from heaters.runner.origins import Origins
from heaters.settings import Settings

# What gives up within this time is told together: a broken disk may end thousands at once.
TOGETHER_SECONDS = 10.0
MOST_ITEMS = 50  # listed of them; the count has all
TRIES, PAUSE_SECONDS = 3, 2.0
ANSWER_SECONDS, COMMAND_SECONDS = 10.0, 60.0
# At the end of a run so long at most for what is still to be told.
GOODBYE_SECONDS = 90.0


class Hooks:
    """A runner's observer. Use as a context manager: at its end the run is told to have ended."""

    def __init__(
        self,
        settings: Settings,
        *,
        driver: str,
        origins: Origins,
        is_drained: Callable[[], bool],
        on_trouble: Callable[[str], None],
    ) -> None:
        """`is_drained` tells at the end whether nothing was left to do; `on_trouble` is called from another thread."""
        self._webhook = settings.webhook
        self._command = shlex.split(settings.hook)
        self._driver = driver
        self._is_drained = is_drained
        self._origins = origins
        self._on_trouble = on_trouble
        self._begun = time.monotonic()
        self._videos: set[int] = set()
        self._done: Counter[str] = Counter()
        self._gave_up = 0
        self._items: list[dict[str, Any]] = []
        self._last: dict[str, Any] = {}
        self._guard = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hooks", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._last = {
            "drained": self._is_drained(),
            "error": None if error is None else f"{type(error).__name__}: {text_of(error)}",
            "seconds": round(time.monotonic() - self._begun, 1),
            "videos": len(self._videos),
            "done": dict(self._done),
            "gave_up": self._gave_up,
        }
        self._ended.set()
        self._thread.join(GOODBYE_SECONDS)

    def started(self, stage: Stage, claims: Sequence[Claim], items: int) -> None:
        """Claims went to Ray."""
        del stage, items
        self._videos.update(claim.video_id for claim in claims)

    def finished(self, stage: Stage, ended: Ended) -> None:
        """A claim ended."""
        self._done[stage.name] += len(ended.done)

    def failed(self, stage: Stage, failure: Failure) -> None:
        """A video or clip failed; what gave up is told of."""
        if not failure.dead:
            return
        self._gave_up += 1
        item = {
            "stage": stage.name,
            "video": failure.video_id,
            "source": str(self._origins[failure.video_id]),
            "clip": failure.clip_id or None,
            "error_type": failure.error_type,
            "error": failure.error,
        }
        with self._guard:
            self._items.append(item)

    def noticed(self, text: str) -> None:
        """Something worth a line."""

    def _run(self) -> None:
        while not self._ended.wait(TOGETHER_SECONDS):
            self._tell_items()
        self._tell_items()
        self._tell("run_ended", self._last)

    def _tell_items(self) -> None:
        with self._guard:
            items, self._items = self._items, []
        if items:
            self._tell("gave_up", {"count": len(items), "items": items[:MOST_ITEMS]})

    def _tell(self, event: str, facts: dict[str, Any]) -> None:
        head = {"event": event, "time": datetime.now(UTC).isoformat(timespec="seconds"), "driver": self._driver}
        body = json.dumps(head | facts, ensure_ascii=False).encode()
        for name, way, do in (
            ("HEATERS_WEBHOOK", self._webhook, self._post),
            ("HEATERS_HOOK", self._command, self._call),
        ):
            if way:
                self._try(f"{name} was not told of {event}", do, body)

    def _try(self, complaint: str, do: Callable[[bytes], None], body: bytes) -> None:
        for number in range(1, TRIES + 1):
            try:
                do(body)
                return
            except Exception as error:  # whatever it is, the run goes on
                problem = f"{type(error).__name__}: {redact(str(error))}"
            if number < TRIES:
                time.sleep(PAUSE_SECONDS)
        self._on_trouble(f"{complaint}, tried {TRIES} times: {problem}")

    def _post(self, body: bytes) -> None:
        import httpx  # only where there is a webhook

        headers = {"Content-Type": "application/json"}
        answer = httpx.post(self._webhook, content=body, headers=headers, timeout=ANSWER_SECONDS)
        if answer.status_code >= 300:
            raise OSError(f"it answered {answer.status_code}")

    def _call(self, body: bytes) -> None:
        done = subprocess.run(self._command, input=body, capture_output=True, timeout=COMMAND_SECONDS, check=False)
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise OSError(f"{self._command[0]} ended with code {done.returncode}: {said[-1] if said else 'no word'}")
