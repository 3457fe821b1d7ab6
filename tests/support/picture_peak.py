"""How much memory one hostile picture takes:  python tests/support/picture_peak.py CASE  prints the growth in bytes.

A process for each case, because a peak never sinks. Pictures are of one colour, so that few bytes hold many pixels.
"""

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from heaters.machine import resident_peak_bytes


def picture(pixels: int, mode: str, kind: str = "PNG") -> bytes:
    """A file with about so many pixels."""
    side = int(pixels**0.5)
    memory = io.BytesIO()
    Image.new(mode, (side, side), 7).save(memory, kind)
    return memory.getvalue()


def of_page(data: bytes) -> Any:
    """The page keeps a picture that somebody drops."""
    from ui.query.pictures import Pictures

    root = Path(tempfile.mkdtemp())
    return lambda: Pictures(root).keep(data)


def of_endpoint(data: bytes, count: int) -> Any:
    """The endpoint embeds so many of them in one request."""
    import base64

    from endpoint import endpoint
    from starlette.testclient import TestClient

    # Each is another file: nothing that is known of one answers for the next.
    inputs = [f"data:image/png;base64,{base64.b64encode(data + bytes(n)).decode()}" for n in range(count)]
    client = TestClient(endpoint(), base_url="http://localhost")

    def ask() -> None:
        answer = client.post("/v1/embeddings", json={"input": inputs})
        assert answer.status_code == 200, answer.text

    client.post("/v1/embeddings", json={"input": "warm"})
    return ask


CASES = {
    "page": lambda: of_page(picture(39_900_000, "RGB")),
    "page, transparent": lambda: of_page(picture(39_900_000, "RGBA")),
    "page, palette": lambda: of_page(picture(39_900_000, "P")),
    "endpoint, one": lambda: of_endpoint(picture(24_900_000, "RGB"), 1),
    "endpoint, transparent": lambda: of_endpoint(picture(24_900_000, "RGBA"), 1),
    "endpoint, four": lambda: of_endpoint(picture(24_900_000, "RGB"), 4),
    "endpoint, many": lambda: of_endpoint(picture(3_100_000, "RGB"), 32),
}


def reset_peak() -> None:
    """Let the peak begin at what is resident now."""
    Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    do = CASES[sys.argv[1]]()
    reset_peak()
    before = resident_peak_bytes()
    do()
    print(resident_peak_bytes() - before)
