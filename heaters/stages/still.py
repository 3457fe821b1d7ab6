"""Reading a still back from the store. Where stills are and how they are named is `core/stills.py`."""

import io

from PIL import Image

from heaters.errors import IntegrityError
from heaters.store.objects import ObjectStore


def read_still(store: ObjectStore, key: str) -> Image.Image:
    """The still, decoded, as RGB. Raises IntegrityError for what is no picture, and whatever the store raises."""
    try:
        return Image.open(io.BytesIO(store.read(key))).convert("RGB")
    except (OSError, SyntaxError) as error:
        raise IntegrityError(f"the still {key} is not a picture: {error}") from error
