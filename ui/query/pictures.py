"""Pictures that people search with: kept small and by their own hash, so that an address can name one."""

import hashlib
import io
import re
import threading
import warnings
from pathlib import Path

from PIL import Image, ImageOps

from heaters.errors import UsageError
from heaters.store.files import beside, disk_errors

MAX_UPLOAD_BYTES = 25 * 2**20
MAX_PIXELS = 40_000_000  # decoded: 120 MB
LONGEST_SIDE = 768  # models see 224 to 384 pixels
MOST_KEPT = 5000
_DECODING = threading.Semaphore(1)  # the memory for one, however many are sent at once

ORIENTATION = 0x0112  # EXIF's tag for how the camera was held
_NAME = re.compile(r"[0-9a-f]{40}")
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")


class Pictures:
    """Keeps pictures under `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def keep(self, data: bytes) -> str:
        """Keep an uploaded picture; returns its name. Raises UsageError for what is no picture, or too large a one."""
        picture = _opened(data)
        memory = io.BytesIO()
        picture.save(memory, "JPEG", quality=92)
        name = hashlib.sha256(memory.getvalue()).hexdigest()[:40]
        path = self.root / f"{name}.jpg"
        with disk_errors("keep a picture", name, self.root), beside(path) as partial:
            partial.write_bytes(memory.getvalue())
            partial.replace(path)
            self._forget()
        return name

    def path(self, name: str) -> Path:
        """The file of a kept picture. Raises UsageError for one that is not there (any more)."""
        path = self.root / f"{name}.jpg"
        if not _NAME.fullmatch(name) or not path.is_file():
            raise UsageError("the picture of this search is not kept any more; drop it again")
        return path

    def open(self, name: str) -> Image.Image:
        """A kept picture, RGB."""
        with Image.open(self.path(name)) as picture:
            return picture.convert("RGB")

    def _forget(self) -> None:
        paths = sorted(self.root.glob("*.jpg"), key=lambda path: path.stat().st_mtime)
        for path in paths[:-MOST_KEPT]:
            path.unlink(missing_ok=True)


def _opened(data: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings(), _DECODING:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise UsageError(f"a picture has at most {MAX_PIXELS:,} pixels; got {picture.size}")
                picture.draft("RGB", (2 * LONGEST_SIDE, 2 * LONGEST_SIDE))
                turned = picture.getexif().get(ORIENTATION)
                small = picture if picture.mode == "RGB" else picture.convert("RGB")  # no copy of it whole
                small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))  # before it is copied to be turned
                if turned:
                    small.getexif()[ORIENTATION] = turned
                return ImageOps.exif_transpose(small)
    except UsageError:
        raise
    except Exception as error:  # Pillow's decoders raise whatever the bytes make them raise
        raise UsageError(f"this is not a picture that can be read ({type(error).__name__})") from error
