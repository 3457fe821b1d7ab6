"""The cache keeps what is asked for, and a model that is changed in between never gives a mixed answer."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from endpoint import Model

from deployments.encoder import Embedded, Encoder, Served
from deployments.metrics import Metrics
from deployments.problems import Problem
from deployments.vectors import TextCache, Vectoriser


def test_what_was_asked_for_longest_ago_goes() -> None:
    cache = TextCache(2)
    for text in ("a", "b"):
        cache.put("m", text, np.ones(2, np.float32))
    assert cache.get("m", "a") is not None
    cache.put("m", "c", np.ones(2, np.float32))
    assert cache.get("m", "b") is None
    assert cache.get("m", "a") is not None
    assert cache.get("other", "a") is None


def test_a_text_goes_through_the_model_once() -> None:
    seen: list[str] = []

    async def run() -> None:
        vectoriser = Vectoriser(
            Encoder("axes", lambda _: Model(before=seen.extend)), cached_texts=10, metrics=Metrics()
        )
        first = await vectoriser.embed(["a", "b", "a"])
        again = await vectoriser.embed(["b", "c"])
        assert (first.cached, again.cached) == (0, 1)
        np.testing.assert_array_equal(first.vectors[0], first.vectors[2])
        np.testing.assert_array_equal(first.vectors[1], again.vectors[0])

    asyncio.run(run())
    assert seen == ["a", "b", "c"]


def test_after_a_change_nothing_of_the_old_model_is_left() -> None:
    async def run() -> None:
        encoder = Encoder("old", lambda name: Model(f"{name}@1"))
        vectoriser = Vectoriser(encoder, cached_texts=10, metrics=Metrics())
        assert (await vectoriser.embed(["a"])).model == "old@1"
        await encoder.change("new")
        changed = await vectoriser.embed(["a", "b"])
        assert (changed.model, changed.cached) == ("new@1", 0)

    asyncio.run(run())


class Changing:
    """A model that is changed with every call, as far as a caller can see; `steady` calls later no more."""

    def __init__(self, steady: int) -> None:
        self.calls, self.steady = 0, steady

    async def served(self) -> Served:
        return Served(model="m@0", name="m", dimension=2, device="cpu", note="")

    async def texts(self, texts: Sequence[str]) -> Embedded:
        self.calls += 1
        return Embedded(model=f"m@{min(self.calls, self.steady)}", vectors=np.ones((len(texts), 2), np.float32))

    async def pictures(self, pictures: Sequence[bytes]) -> Embedded:
        raise AssertionError


def test_pieces_of_different_models_are_never_one_answer() -> None:
    texts = [str(n) for n in range(40)]  # two pieces
    made = Vectoriser(Changing(steady=3), cached_texts=1, metrics=Metrics())
    assert asyncio.run(made.embed(texts)).model == "m@3"
    with pytest.raises(Problem, match="being changed"):
        asyncio.run(Vectoriser(Changing(steady=99), cached_texts=1, metrics=Metrics()).embed(texts))
