"""How much of a picture is text that can be read: captions, titles, signs. By RapidOCR, whose weights lie in its wheel.

Detection alone takes manes and petals for text, up to 0.6 of the picture. So what it finds is read, and counts where
at least two letters are read with some confidence: a cup of coffee is a very certain 8.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from heaters.errors import ConfigError

EXTRA = "pip install 'heaters[text]'"
LEAST_SCORE = 0.7  # captions are read at 0.99; a cat's fur was "Pn" at 0.54, above the library's own 0.5
LEAST_LETTERS = 2


class Reader:
    """Holds PP-OCR's detector and recogniser (Apache-2.0). One thread, and nothing is fetched."""

    def __init__(self) -> None:
        """Raises ConfigError, naming the extra, where the library is not installed."""
        try:
            from rapidocr import RapidOCR
        except ImportError as error:
            raise ConfigError(f"HEATERS_TEXT=1 needs RapidOCR and ONNX Runtime: {EXTRA}") from error
        options = {
            "Global.log_level": "critical",
            "Global.text_score": LEAST_SCORE,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
        self._engine: Any = RapidOCR(params=options)

    def share(self, picture: NDArray[np.uint8]) -> float:
        """The share of a picture, uint8 RGB [h, w, 3], inside the outlines of what can be read; 0 to 1.

        Outlines are half as large again as the letters' own box.
        """
        found = self._engine(np.ascontiguousarray(picture[:, :, ::-1]), use_det=True, use_cls=False, use_rec=True)
        if found.boxes is None:
            return 0.0
        read = [
            _area(np.asarray(outline, np.float64))
            for outline, text in zip(found.boxes, found.txts, strict=True)
            if sum(letter.isalnum() for letter in text) >= LEAST_LETTERS
        ]
        return min(1.0, sum(read) / picture[:, :, 0].size)


def _area(outline: NDArray[np.float64]) -> float:
    """Of a polygon, [corners, 2], by the shoelace formula."""
    x, y = outline[:, 0], outline[:, 1]
    return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)
