"""Skip a test whose need the machine does not meet, or fail it where HEATERS_REQUIRE promises that it does."""

import os
from typing import NoReturn

import pytest

KINDS = ("browser", "gpu", "internet")


def require(kind: str, reason: str) -> NoReturn:
    """End the test: call it once the need (one of KINDS) is known to be unmet, with the reason."""
    if kind not in KINDS:
        raise ValueError(f"a requirement is one of {', '.join(KINDS)}; got {kind!r}")
    promised = {word.strip() for word in os.environ.get("HEATERS_REQUIRE", "").split(",")}
    if kind in promised:
        pytest.fail(f"HEATERS_REQUIRE promises {kind}, but {reason}")
    pytest.skip(f"needs {kind}: {reason}")
