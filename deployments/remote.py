"""The encoders behind Serve handles: calls that outlive the death of a replica, and one model known to the ingress."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, RayServeException
from ray.serve.handle import DeploymentHandle

from deployments.encoder import Embedded, Served
from deployments.problems import Problem
from heaters.errors import HeatersError, ModelError

# Embedding has no effect but its answer, so a call whose replica died is made again: another one may be up already.
_PAUSES_SECONDS = (0.0, 0.1, 0.5, 2.0, 5.0, 10.0)
# How old what we know of the model may be. After a change, cached texts are of the old model for so long.
_FRESH_SECONDS = 2.0

T = TypeVar("T")


class RemoteEncoders:
    """See `Encoders`; over the handles of the deployments that hold the towers."""

    def __init__(self, text: "DeploymentHandle[Any]", picture: "DeploymentHandle[Any]") -> None:
        self._text = text
        self._picture = picture
        self._served: Served | None = None
        self._asked = 0.0
        self._asking: asyncio.Task[Served] | None = None

    async def served(self) -> Served:
        """See `Encoders`. Only the first request waits for the answer; later ones have it asked for beside them."""
        old = time.monotonic() - self._asked > _FRESH_SECONDS
        if old and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(_seen)
        if self._served is None and self._asking is not None:
            return await asyncio.shield(self._asking)
        assert self._served is not None
        return self._served

    async def texts(self, texts: Sequence[str]) -> Embedded:
        """See `Encoders`."""
        embedded: Embedded = await _surviving(lambda: self._text.texts.remote(list(texts)))
        return embedded

    async def pictures(self, pictures: Sequence[bytes]) -> Embedded:
        """See `Encoders`."""
        embedded: Embedded = await _surviving(lambda: self._picture.pictures.remote(list(pictures)))
        return embedded

    async def _ask(self) -> Served:
        try:
            found: Served = await _surviving(lambda: self._text.served.remote())
            self._served = found
            return found
        finally:
            self._asked = time.monotonic()


def _seen(task: "asyncio.Task[Served]") -> None:
    """A failure to refresh what we know is no news: the call that needs the model will say it."""
    if not task.cancelled():
        task.exception()


async def _surviving(call: Callable[[], Awaitable[T]]) -> T:
    """`call`, again when its replica dies under it. Raises Problem."""
    for pause in _PAUSES_SECONDS:
        await asyncio.sleep(pause)
        try:
            return await call()
        except (RayActorError, DeploymentUnavailableError):
            continue
        except BackPressureError as error:
            raise Problem(503, "the model has too much to do", retry_after_seconds=1) from error
        except HeatersError as error:
            raise _own(error) from error
        except RayServeException as error:
            raise ModelError(f"Ray Serve: {error}") from error
    raise Problem(503, "no replica of the model is up", code="unavailable", retry_after_seconds=5)


def _own(error: HeatersError) -> HeatersError:
    """The replica's own error, out of what Ray has wrapped around it."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, HeatersError) else error
