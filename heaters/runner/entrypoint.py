"""The command line that Ray keeps of a driver, as text that Ray can hold: names of files may be no UTF-8."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from heaters.core.names import readable


@contextmanager
def readable_entrypoint() -> Iterator[None]:
    """For the length of the block `ray.init` takes a command line of any bytes. Ray has no setting for it."""
    from ray._private import utils

    original: Any = utils.get_entrypoint_name
    utils.get_entrypoint_name = lambda: readable(original())
    try:
        yield
    finally:
        utils.get_entrypoint_name = original
