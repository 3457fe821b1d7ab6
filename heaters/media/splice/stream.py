"""The master's packets as bytes: what each of them is, and how it is written into another file. It decodes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from heaters.media.splice import nal
from heaters.media.splice.kinds import is_av1_key, is_vp9_key, kind_of_units
from heaters.media.splice.parameters import Sequence as Parameters
from heaters.media.splice.parameters import h264_sequence, hevc_sequence, picture_id
from heaters.media.splice.plan import Kind
from heaters.media.splice.rules import NotCopied, Rule

# Copied from a first key frame on; never joined with encoded frames.
WHOLE_CODECS = {"vp9": is_vp9_key, "av1": is_av1_key}

Sets = tuple[bytes, ...]  # parameter sets


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """How packets of the master are read."""

    codec: str
    header: Sets
    length_bytes: int
    syntax: nal.Syntax | None  # None: no NAL units

    @classmethod
    def of(cls, stream: Any) -> "Stream":
        """By the stream's header. Raises NotCopied."""
        context = stream.codec_context
        codec = context.codec.canonical_name
        if context.codec_tag in ("encv", "drmi"):
            raise NotCopied(Rule.ENCRYPTED)
        if codec in WHOLE_CODECS:
            return cls(codec=codec, header=(), length_bytes=0, syntax=None)
        if codec not in nal.SYNTAX:
            raise NotCopied(Rule.CODEC, codec)
        syntax = nal.SYNTAX[codec]
        try:
            units, length_bytes = nal.header_units(context.extradata or b"", codec)
        except (ValueError, IndexError) as error:
            raise NotCopied(Rule.READ, f"the stream's header is broken ({error})") from error
        return cls(codec=codec, header=syntax.sets_of(units), length_bytes=length_bytes, syntax=syntax)

    def units(self, packet: Any) -> list[bytes]:
        """The NAL units of a packet. Raises NotCopied."""
        try:
            return nal.split(bytes(packet), self.length_bytes)
        except ValueError as error:
            raise NotCopied(Rule.READ, str(error)) from error

    def kind(self, packet: Any) -> tuple[Kind, Sets]:
        """A packet's kind, and the parameter sets in it. Raises NotCopied."""
        if self.syntax is None:
            is_key = packet.is_keyframe and WHOLE_CODECS[self.codec](bytes(packet))
            return Kind.KEY if is_key else Kind.OTHER, ()
        units = self.units(packet)
        return kind_of_units(units, self.syntax, is_flagged=packet.is_keyframe), self.syntax.sets_of(units)

    def is_disposable(self, packet: Any) -> bool:
        """Whether no other frame is made from this one: H.264 says so in each slice (`nal_ref_idc`, 7.4.1)."""
        return self.codec == "h264" and not any(unit[0] & 0x60 for unit in self.units(packet))

    def active(self, sets: dict[int, Sets], copied: Sequence[int]) -> Sets:
        """The parameter sets of the packets at the places `copied`: the first one's own, else the header's. `sets`: by
        place, those in packets. Raises NotCopied where one is missing or they change.
        """
        if self.syntax is None:
            return ()
        own = sets.get(copied[0], ())
        needed = set(self.syntax.parameter_sets)
        active = own if {self.syntax.type_of(unit) for unit in own} == needed else (*self.header, *own)
        active = tuple(dict.fromkeys(active))
        if {self.syntax.type_of(unit) for unit in active} != needed:
            raise NotCopied(Rule.PARAMETERS, "a parameter set is missing")
        for place in copied:
            if not set(sets.get(place, ())) <= set(active):
                raise NotCopied(Rule.PARAMETERS, "they change within the clip")
        return active

    def free_id(self, sets: Sets, *, is_joined: bool) -> int:
        """A number for the encoder's parameter sets that none of `sets` has. Raises NotCopied where the stream is
        interlaced, and where its frames are not fit to be joined (`is_joined`) with others.
        """
        if self.syntax is None:
            return 0
        read = h264_sequence if self.codec == "h264" else hevc_sequence
        type_of = self.syntax.type_of
        try:
            sequences: list[Parameters] = [read(unit) for unit in sets if type_of(unit) == self.syntax.sequence]
            pictures = [picture_id(unit) for unit in sets if type_of(unit) == nal.H264_PPS and self.codec == "h264"]
        except ValueError as error:
            raise NotCopied(Rule.READ, str(error)) from error
        if any(one.is_interlaced for one in sequences):
            raise NotCopied(Rule.INTERLACED)
        if is_joined and any(one.reorders is None for one in sequences):
            raise NotCopied(Rule.REORDERING)
        taken = {one.id for one in sequences} | set(pictures)
        free = [number for number in range(32) if number not in taken]
        if not free:
            raise NotCopied(Rule.PARAMETERS, "no number is free")
        return free[0]

    def payload(self, packet: Any, *, is_first: bool) -> bytes:
        """The packet as it is written: without parameter sets, which go before it in one place, and begun anew."""
        if self.syntax is None:
            return bytes(packet)
        units = self.syntax.without_sets(self.units(packet))
        if self.codec == "h264":
            units = [nal.without_recovery_point(unit) if unit[0] & 31 == nal.H264_SEI else unit for unit in units]
        elif is_first:
            units = [nal.as_broken_link(unit) if self.syntax.type_of(unit) == nal.HEVC_CRA else unit for unit in units]
        return nal.with_start_codes(filter(None, units))


def refuse(packet: Any, place: int) -> None:
    """Raises NotCopied for a packet that is encrypted, or before which the stream's header changes."""
    if packet.has_sidedata("encryption_info"):
        raise NotCopied(Rule.ENCRYPTED)
    if packet.has_sidedata("new_extradata") and place:
        raise NotCopied(Rule.DESCRIPTIONS, "the stream's header changes near the clip")
