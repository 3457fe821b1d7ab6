"""What the media tests share: every source made, probed and prepared once."""

from collections.abc import Callable

import pytest
from prepared_source import Source, make
from sources import SOURCES


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Source]:
    """`source(name)`: the source of that name, made once."""
    made: dict[str, Source] = {}

    def get(name: str) -> Source:
        if name not in made:
            made[name] = make(SOURCES[name](tmp_path_factory.mktemp(name)))
        return made[name]

    return get
