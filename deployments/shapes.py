"""The shapes of requests and answers: OpenAI's for embeddings and models, ours for search. They make the OpenAPI document.

Bounds that production may change stand in `limits`; here are those that follow from the shape itself.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Shape(BaseModel):
    """Unknown fields are refused: a misspelt option must not be ignored. NaN and infinities are no numbers here."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


Name = Annotated[str, Field(min_length=1, max_length=300)]


class Picture(Shape):
    """A picture among the inputs."""

    image: str = Field(description="data:image/TYPE;base64,DATA of a JPEG, PNG, WebP, GIF or BMP")


Item = str | Picture


class EmbeddingsRequest(Shape):
    """What OpenAI's `POST /v1/embeddings` takes; pictures are our extension."""

    input: Item | list[Item] = Field(
        description="A text or a list of texts. A picture is a data URL, bare or as {\"image\": URL}; both may be mixed.",
        examples=[["a lion", "a dog in the snow"]],
    )
    model: Name = Field(default="default", description="The model served (GET /v1/models), with or without @revision.")
    encoding_format: Literal["float", "base64"] = Field(
        default="float", description="base64: little-endian float32, as the openai client asks for by itself."
    )
    dimensions: int | None = Field(default=None, description="Refused unless it is the model's own.")
    user: str | None = Field(default=None, max_length=300, description="Accepted and ignored.")

    @field_validator("input", mode="before")
    @classmethod
    def _no_tokens(cls, value: Any) -> Any:
        items = value if isinstance(value, list) else [value]
        if not items:
            raise ValueError("there must be at least one input")
        first = items[0]
        if isinstance(first, list) or (isinstance(first, int) and not isinstance(first, bool)):
            raise ValueError("token arrays are not supported, as tokens belong to another model; send the text itself")
        if not all(isinstance(item, str | dict | Picture) for item in items):
            raise ValueError('must be a text, {"image": "data:…"} or a list of them')
        return value


class Embedding(Shape):
    """One input's vector."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class Usage(Shape):
    """Words of the texts: nothing is billed here, and models count differently."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsAnswer(Shape):
    """Vectors of length 1, in the order of the inputs; `model` is the identity of their space."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: Usage


class Model(Shape):
    """A model that is served. The last three are our extension."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    dimensions: int
    device: str
    note: str


class Models(Shape):
    """The models that are served: one."""

    object: Literal["list"]
    data: list[Model]


class ErrorBody(Shape):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str


class Error(Shape):
    """Every answer that is not a success."""

    error: ErrorBody


class Health(Shape):
    """The process answers."""

    status: Literal["ok"]
