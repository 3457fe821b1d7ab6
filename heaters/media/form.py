"""How the pictures of an exported clip are written: which of a source's colours and fields are kept. Pure."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heaters.media.colour import HLG, PQ
from heaters.media.fields import Fields, whole_pictures
from heaters.media.target import Target
from heaters.media.tonemap import EXACT, to_bt709

if TYPE_CHECKING:
    from heaters.media.probe import Probe

EIGHT_BITS, TEN_BITS = "yuv420p", "yuv420p10le"
HDR_NAMES = {PQ: "PQ", HLG: "HLG"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Parts of ffmpeg's command. `done` says what became of HDR and fields; empty where the source has neither."""

    whole: str  # filters that make whole pictures, each with a comma before it
    filters: str  # after those that choose the frames, each with a comma before it
    pixel_format: str
    options: tuple[str, ...]  # of the encoder
    done: str


def form_of(probe: "Probe", target: Target) -> Form:
    """The form that `target` asks for. Fields are kept in H.264 of the master's own size and frames alone: another size
    would mix them, and the other codecs here code frames.
    """
    keeps_fields = (
        probe.fields != Fields.PROGRESSIVE
        and target.fields == "keep"
        and target.codec == "h264"
        and not target.width
        and not target.rate
    )
    keeps_hdr = probe.colour.is_hdr and target.hdr == "keep"
    done = []
    if probe.colour.is_hdr:
        name = HDR_NAMES[probe.colour.transfer]
        done.append(f"{name} kept" if keeps_hdr else f"tone-mapped from {name}")
    if keeps_fields:
        done.append("fields kept")
    elif probe.fields != Fields.PROGRESSIVE:
        done.append("fields matched" if probe.fields == Fields.TELECINE else "deinterlaced")
    return Form(
        whole="" if keeps_fields else whole_pictures(probe.fields, probe.time_base),
        filters=f"{target.filters()},{_kept(probe) if keeps_hdr else to_bt709(probe.colour)}",
        pixel_format=TEN_BITS if keeps_hdr else EIGHT_BITS,
        options=("-flags:v", "+ilme+ildct") if keeps_fields else (),
        done=", ".join(done),
    )


def _kept(probe: "Probe") -> str:
    """HDR as it is, as YUV of ten bits and limited range with its tags."""
    colour = probe.colour
    changes = colour.scale_matrix != "bt2020" or colour.range != "tv"
    to_yuv = f"scale={EXACT}:in_color_matrix={colour.scale_matrix}:in_range={colour.range}"
    stated = f"color_primaries={colour.primaries}:color_trc={colour.transfer}"
    return (
        f"{to_yuv}:out_color_matrix=bt2020:out_range=tv," * changes
        + f"format={TEN_BITS},setparams=colorspace=bt2020nc:range=tv:{stated}"
    )
