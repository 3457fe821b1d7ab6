"""Memory that hostile pictures take at most, measured in a process for each: few bytes hold many pixels."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "support" / "picture_peak.py"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "most_megabytes"),
    [
        ("page", 260),  # the pixels are 160 MB; it was 1 GB once, and a copy more before
        ("page, transparent", 450),  # and once more without their transparency
        ("endpoint, four", 600),  # as many pixels as a request may have; it was 3.5 GB
        ("endpoint, many", 450),
    ],
)
def test_a_picture_takes_little_more_than_its_pixels(case: str, most_megabytes: int) -> None:
    ran = subprocess.run([sys.executable, SCRIPT, case], capture_output=True, text=True, timeout=200)
    assert ran.returncode == 0, ran.stderr
    assert 0 < int(ran.stdout) < most_megabytes * 1_000_000
