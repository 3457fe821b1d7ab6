"""The shapes of requests and answers: OpenAI's for embeddings and models, ours for search. They make docs/openapi.json.

Bounds that production may change stand in `limits`; here are those that follow from the shape itself.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from heaters.core.states import ClipState
from heaters.settings import EMBEDDING_STRATEGIES


class Shape(BaseModel):
    """Unknown fields are refused: a misspelt option must not be ignored. NaN and infinities are no numbers here."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def _encodable(text: str) -> str:
    """JSON can spell halves of surrogate pairs, which no tokenizer and no database takes; the latter no NUL either."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be text that UTF-8 can hold; got half of a surrogate pair") from None
    if "\0" in text:
        raise ValueError("must not hold a NUL character")
    return text


Text = Annotated[str, AfterValidator(_encodable)]
Name = Annotated[Text, Field(min_length=1, max_length=300)]


class Picture(Shape):
    """A picture among the inputs."""

    image: str = Field(description="data:image/TYPE;base64,DATA of a JPEG, PNG, WebP, GIF or BMP")


Item = Text | Picture


class EmbeddingsRequest(Shape):
    """What OpenAI's `POST /v1/embeddings` takes; pictures are our extension."""

    input: Item | list[Item] = Field(
        description='A text or a list of texts. A picture is a data URL, bare or as {"image": URL}; both may be mixed.',
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
        if not all(isinstance(item, str | Picture) or _is_picture(item) for item in items):
            raise ValueError('must be a text, {"image": "data:…"} or a list of them')
        return value


def _is_picture(item: Any) -> bool:
    return isinstance(item, dict) and list(item) == ["image"] and isinstance(item["image"], str)


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


Id = Annotated[int, Field(ge=1, le=2**63 - 1)]


class Term(Shape):
    """One thing to look for: exactly one of text, image and clip. A negative weight looks away from it."""

    text: Text | None = Field(default=None, min_length=1)
    image: str | None = Field(default=None, description="As in POST /v1/embeddings: data:image/TYPE;base64,DATA")
    clip: Id | None = Field(default=None, description="A clip's id; the clip itself is never a hit.")
    weight: float = Field(default=1.0, ge=-100, le=100)

    @model_validator(mode="after")
    def _one(self) -> "Term":
        given = [name for name in ("text", "image", "clip") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a term is exactly one of text, image and clip; got {' and '.join(given) or 'none'}")
        return self


class Filters(Shape):
    """Which clips may be found; null: any. Ranges are half-open, `[min, max)`."""

    videos: list[Id] | None = Field(default=None, max_length=10_000)
    states: list[ClipState] | None = Field(default=None, description="What was decided about a clip.")
    min_seconds: float | None = Field(default=None, ge=0)
    max_seconds: float | None = Field(default=None, ge=0)
    created_since: AwareDatetime | None = None
    created_until: AwareDatetime | None = None
    reviewed_since: AwareDatetime | None = None
    reviewed_until: AwareDatetime | None = None
    facts: list[Text] = Field(default=[], max_length=32, examples=[["motion>=0.02", "black_share<=0.1"]])


class SearchRequest(Shape):
    """What to look for. `text`, `image` and `clip` are short for a term of weight 1; terms add up."""

    text: Text | None = Field(default=None, min_length=1, examples=["a lion"])
    image: str | None = None
    clip: Id | None = None
    terms: list[Term] = Field(default=[], max_length=16)
    filters: Filters = Field(default_factory=Filters)
    k: int = Field(default=10, ge=1, le=1000, description="Hits a page.")
    cursor: Text | None = Field(default=None, description="`next` of the page before; everything else as it was there.")
    model: Name = Field(default="default", description="A space's model; one that has vectors of the clips.")
    strategy: Text = Field(
        default="",
        pattern=rf"^$|^({'|'.join(EMBEDDING_STRATEGIES)})(/multi:[0-9]+)?$",
        description=f"{' or '.join(EMBEDDING_STRATEGIES)}; of other stills than the usual three multi_average/multi:5. "
        "Empty: the one in use.",
    )
    collapse: float | None = Field(default=None, gt=0, le=1, description="Fold hits this near to a better one into it.")
    exclude: list[Id] = Field(default=[], max_length=10_000, description="Clips that are never hits.")
    exact: bool = Field(default=False, description="Look at every vector instead of the index.")

    def all_terms(self) -> list[Term]:
        """The terms, those in short form first."""
        short = {name: getattr(self, name) for name in ("text", "image", "clip")}
        return [Term(**{name: value}) for name, value in short.items() if value is not None] + self.terms


class Hit(Shape):
    """A clip. `score` is the cosine in [-1, 1]; comparable within one model and strategy only."""

    clip_id: int
    video_id: int
    title: str
    score: float
    start_seconds: float
    end_seconds: float
    start_frame: int
    end_frame: int
    state: str
    duplicates: list[int]


class SearchAnswer(Shape):
    """A page of hits, best first; `next` is the cursor of the page after it, null at the end. `how`: exact looked at
    every vector that passes the filters, hnsw asked the indexes.
    """

    object: Literal["list"]
    hits: list[Hit]
    next: str | None
    model: str
    strategy: str
    how: Literal["exact", "hnsw"]
    note: str


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
