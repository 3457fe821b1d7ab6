"""What the machine lets us use."""

import os
from pathlib import Path

from heaters.machine import memory_bytes

WHOLE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_memory_is_the_machines_or_the_containers(tmp_path: Path) -> None:
    (tmp_path / "max").write_text("max\n")
    (tmp_path / "small").write_text(f"{WHOLE // 4}\n")
    (tmp_path / "huge").write_text(f"{2**63}\n")
    assert memory_bytes((tmp_path / "none", tmp_path / "max", tmp_path / "huge")) == WHOLE
    assert memory_bytes((tmp_path / "none", tmp_path / "small")) == WHOLE // 4
