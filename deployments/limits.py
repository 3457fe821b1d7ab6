"""What one request, one key and one replica may ask for. Production sets them in serve.yaml."""

from dataclasses import dataclass, fields

from heaters.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of the endpoint; all above zero. Raises ConfigError otherwise."""

    body_bytes: int = 16 * 2**20  # refused while it is read: a replica holds at most in_flight of these
    inputs: int = 2048  # as OpenAI's own endpoint
    text_characters: int = 8192  # models read less (77 to 128 tokens); more is a mistake
    pictures: int = 32  # in one request
    picture_bytes: int = 10 * 2**20  # encoded
    picture_pixels: int = 25_000_000  # decoded: 75 MB; a small file may hold billions
    request_pixels: int = 100_000_000  # of all its pictures together, decoded
    picture_aspect: int = 20  # longest to shortest side: models enlarge the short side, and the long one with it
    request_seconds: float = 30.0  # from the first byte to the last
    in_flight: int = 64  # requests in work in one replica; a further one is told to come back
    in_flight_per_key: int = 48  # of these, for one key
    retry_after_seconds: int = 1
    cached_texts: int = 10_000  # vectors of texts kept: 20 MB at 512 numbers

    def __post_init__(self) -> None:
        for spec in fields(self):
            value = getattr(self, spec.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise ConfigError(f"the limit {spec.name} must be a number above 0; got {value!r}")
