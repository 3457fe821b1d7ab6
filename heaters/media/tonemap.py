"""Filters that bring a picture from its own colours to those of an ordinary screen: BT.709, HDR tone-mapped. Pure.

They are ffmpeg's own (no zscale), so that PyAV has them too and both make the same pixels of a frame.
"""

from heaters.media.colour import HLG, Colour

# Swscale's default rounding is up to 4.7 of 255 levels off where a matrix changes; with these flags at most 2.3.
EXACT = "flags=bicubic+accurate_rnd+full_chroma_int"
SRGB = "iec61966-2-1"
TAGS = "setparams=colorspace=bt709:range=tv:color_primaries=bt709:color_trc=bt709"
# Light of the white of a page or a face in an HDR film, which becomes an ordinary screen's white: 203 cd/m² of PQ and
# 75 % of HLG's signal, which is 0.265 of its scene's light (ITU-R BT.2408, 2.1). What is brighter is clipped.
WHITE_NITS, WHITE_HLG = 203, 0.265

# SMPTE ST 2084 (4.2) and ITU-R BT.2100 (table 5), from the signal `x` to light; `x` is 0 to 1.
_PQ_LIGHT = (
    "10000/{white}*pow(max(pow({x},1/78.84375)-0.8359375,0)/(18.8515625-18.6875*pow({x},1/78.84375)),1/0.1593017578125)"
)
_HLG_LIGHT = "if(lte({x},0.5),{x}*{x}/3,(exp(({x}-0.55991073)/0.17883277)+0.28466892)/12)/{white}"
# IEC 61966-2-1: from light to the signal of a screen. Browsers show BT.709 by this curve as well.
_SCREEN = "maxval*clip(if(lte(ld(0),0.0031308),12.92*ld(0),1.055*pow(ld(0),1/2.4)-0.055),0,1)"


def is_changed(colour: Colour) -> bool:
    """Whether the light itself is converted, not only the way in which it is written."""
    return colour.is_hdr or colour.is_wide


def to_bt709(colour: Colour) -> str:
    """Filters from a decoded frame to `yuv420p` in BT.709 of limited range, which says so itself."""
    written = f"format=yuv420p,{TAGS}"
    return written if _is_bt709(colour) else converted(colour, "", f"out_color_matrix=bt709:out_range=tv,{written}")


def fitted_bt709(colour: Colour, fitted: str, bars: str) -> str:
    """As `to_bt709`, with square pixels: `fitted` gives even sides, `bars` are filters that go around."""
    if _is_bt709(colour):
        return f"scale={fitted},{bars},setsar=1,format=yuv420p,{TAGS}"
    out = f"out_color_matrix=bt709:out_range=tv,format=yuv420p,{bars},setsar=1,{TAGS}"
    return converted(colour, fitted, out, is_even=True)


def converted(colour: Colour, size: str, out: str, *, is_even: bool = False) -> str:
    """Filters from a decoded frame to `size` in other colours. `out`: options of the filter `scale` that say in which,
    and the filters after it. `is_even`: `size` gives even sides.
    """
    given = f"in_color_matrix={colour.scale_matrix}:in_range={colour.range}"
    sized = f"{size}:" if size else ""
    if not is_changed(colour):
        return f"scale={sized}{EXACT}:{given}:{out}"
    changed = f"format=gbrp12le{_light(colour)},{_primaries(colour)}"
    first, sized = (size, "") if is_even else (_even(size), sized)
    return f"scale={first}:{EXACT}:{given},{changed},scale={sized}{EXACT}:in_color_matrix=bt709:in_range=tv:{out}"


def _even(size: str) -> str:
    """Sides near `size` that the filter `colorspace` takes: even ones."""
    sides = size.split(":")
    if all(side.isdigit() for side in sides):
        return ":".join(str(int(side) + int(side) % 2) for side in sides)
    return "ceil(iw/2)*2:ceil(ih/2)*2"


def _is_bt709(colour: Colour) -> bool:
    return colour.matrix == "bt709" and colour.range == "tv" and not is_changed(colour)


def _light(colour: Colour) -> str:
    """HDR's light to a screen's, on 12-bit RGB. HLG as the light of the scene: without a display's own system gamma."""
    if not colour.is_hdr:
        return ""
    curve, white = (_HLG_LIGHT, WHITE_HLG) if colour.transfer == HLG else (_PQ_LIGHT, WHITE_NITS)
    light = f"'st(0,{curve.format(x='(clipval/maxval)', white=white)});{_SCREEN}'"
    return f",lutrgb=r={light}:g={light}:b={light}"


def _primaries(colour: Colour) -> str:
    """Wide primaries to BT.709, from 12-bit RGB to 12-bit YUV."""
    return (
        f"scale={EXACT}:out_color_matrix=bt2020:out_range=tv,format=yuv444p12le,"
        f"colorspace=ispace=bt2020ncl:iprimaries={colour.primaries}:itrc={SRGB}:irange=tv:"
        f"space=bt709:primaries=bt709:trc={SRGB}:range=tv:format=yuv444p12"
    )
