"""`keyframes`, waiting instead. Each call leaves a file in the folder "calls" of HEATERS_HOME that says what it did and
when; the first one with the clip that the file "poison" names kills its process.
"""

import json
import os
import signal
import time
import uuid
from collections.abc import Sequence

from heaters.core.stills import StillOrigin
from heaters.settings import Settings
from heaters.stages.base import Context, StageCode
from heaters.stages.keyframes import Input, KeyframeResult, Still, record

STILL = Still(frame=0, sha256="ab" * 32, size_bytes=60_000)
SECONDS = 0.1  # for a clip


class Worker:
    """Takes as long for each clip, one after the other."""

    def __init__(self, settings: Settings) -> None:
        self._calls = settings.home / "calls"
        self._poison = settings.home / "poison"

    def __call__(self, items: Sequence[Input], context: Context) -> list[KeyframeResult]:
        del context
        begun = time.time()
        if self._poison.exists() and int(self._poison.read_text()) in {item.id for item in items}:
            self._poison.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(SECONDS * len(items))
        did = {"clips": [item.id for item in items], "begun": begun, "ended": time.time()}
        (self._calls / uuid.uuid4().hex).write_text(json.dumps(did))
        result = KeyframeResult(
            strategy="multi", origin=StillOrigin.SAMPLE, images=3, stills=(STILL,) * 3, seconds=SECONDS
        )
        return [result] * len(items)


STAGE = StageCode(input=Input, worker=Worker, record=record)
