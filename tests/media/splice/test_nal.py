"""Units, parameter sets and kinds of packets, read from what real encoders write."""

from pathlib import Path

import av
import barcode
import pytest

from heaters.media.splice import nal
from heaters.media.splice.kinds import is_av1_key, is_vp9_key, kind_of_units
from heaters.media.splice.parameters import h264_sequence, hevc_sequence, picture_id
from heaters.media.splice.plan import Kind
from heaters.media.splice.rules import NotCopied


def written(path: Path, codec: str, options: dict[str, str], **how: object) -> tuple[bytes, list[tuple[bytes, bool]]]:
    """The stream's header, and bytes and key flag of each packet."""
    barcode.write(path, 30, codec=codec, options=options, **how)  # type: ignore[arg-type]
    with av.open(str(path)) as container:
        packets = [(bytes(packet), packet.is_keyframe) for packet in container.demux(video=0) if packet.size]
        return container.streams.video[0].codec_context.extradata or b"", packets


def kinds(header: bytes, packets: list[tuple[bytes, bool]], name: str) -> str:
    _, length_bytes = nal.header_units(header, name)
    letters = {Kind.KEY: "K", Kind.OPEN: "o", Kind.LEADING: "l", Kind.OTHER: "."}
    found = [
        kind_of_units(nal.split(data, length_bytes), nal.SYNTAX[name], is_flagged=is_key) for data, is_key in packets
    ]
    return "".join(letters[kind] for kind in found)


@pytest.mark.parametrize("name", ["film.mp4", "film.ts"])
def test_h264_of_x264(name: str, tmp_path: Path) -> None:
    options = {"preset": "veryfast", "bf": "2", "g": "10", "x264-params": "slices=3:scenecut=0"}
    header, packets = written(tmp_path / name, "libx264", options)
    found = kinds(header, packets, "h264")
    assert (found.count("K"), found.count("."), found[0]) == (3, 27, "K")
    units, _ = nal.header_units(header, "h264")
    (sps,) = [unit for unit in units if nal.SYNTAX["h264"].type_of(unit) == nal.H264_SPS]
    (pps,) = [unit for unit in units if nal.SYNTAX["h264"].type_of(unit) == nal.H264_PPS]
    read = h264_sequence(sps)
    assert (read.id, read.is_interlaced, picture_id(pps)) == (0, False, 0)
    assert read.reorders in (1, 2)


@pytest.mark.parametrize(
    ("params", "pix_fmt", "number", "is_interlaced"),
    [
        ("sps-id=7", "yuv420p", 7, False),
        ("interlaced=1", "yuv420p", 0, True),
        ("cqm=jvt:sps-id=3", "yuv444p", 3, False),
        ("overscan=show:nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500:chromaloc=2", "yuv422p10le", 0, False),
    ],
)
def test_sequence_parameter_sets(params: str, pix_fmt: str, number: int, is_interlaced: bool, tmp_path: Path) -> None:
    options = {"preset": "veryfast", "bf": "2", "x264-params": params}
    header, _ = written(tmp_path / "film.mp4", "libx264", options, pix_fmt=pix_fmt)
    read = h264_sequence(nal.header_units(header, "h264")[0][0])
    assert (read.id, read.is_interlaced) == (number, is_interlaced)
    assert read.reorders in (1, 2)


def test_open_groups_of_pictures_are_not_clean(tmp_path: Path) -> None:
    options = {"preset": "veryfast", "bf": "2", "g": "10", "x264-params": "open-gop=1:scenecut=0"}
    found = kinds(*written(tmp_path / "film.mp4", "libx264", options), "h264")
    assert (found.count("K"), found.count("o")) == (1, 2)


def test_hevc_of_x265(tmp_path: Path) -> None:
    options = {"preset": "ultrafast", "x265-params": "log-level=none:keyint=10:min-keyint=10:open-gop=1:bframes=3"}
    header, packets = written(tmp_path / "film.mkv", "libx265", options)
    found = kinds(header, packets, "hevc")
    assert found.count("K") == 3
    assert "Kl" in found
    units, length_bytes = nal.header_units(header, "hevc")
    sequences = [unit for unit in units if nal.SYNTAX["hevc"].type_of(unit) == nal.HEVC_SPS]
    assert not hevc_sequence(sequences[0]).is_interlaced
    second = nal.split(packets[[at for at, kind in enumerate(found) if kind == "K"][1]][0], length_bytes)
    slices = [unit for unit in second if nal.SYNTAX["hevc"].type_of(unit) == nal.HEVC_CRA]
    assert nal.SYNTAX["hevc"].type_of(nal.as_broken_link(slices[0])) == nal.HEVC_BLA_N_LP


def test_keys_of_vp9(tmp_path: Path) -> None:
    options = {"deadline": "realtime", "cpu-used": "8", "g": "10", "keyint_min": "10"}
    _, packets = written(tmp_path / "film.webm", "libvpx-vp9", options)
    assert [is_vp9_key(data) for data, _ in packets] == [flag for _, flag in packets]


def test_keys_of_av1(tmp_path: Path) -> None:
    plain = barcode.write(tmp_path / "plain.mkv", 30, codec="ffv1")
    out = tmp_path / "film.mp4"
    barcode.ffmpeg("-i", plain, "-c:v", "libsvtav1", "-preset", "10", "-g", "10", out)
    with av.open(str(out)) as container:
        packets = [(bytes(packet), packet.is_keyframe) for packet in container.demux(video=0) if packet.size]
    assert [is_av1_key(data) for data, _ in packets] == [flag for _, flag in packets]


def test_units_survive_both_forms() -> None:
    units = [b"\x65abc", b"\x41\x00\x00\x03\x01", b"\x06"]
    assert nal.split(nal.with_start_codes(units), 0) == units
    assert nal.split(b"".join(len(unit).to_bytes(4, "big") + unit for unit in units), 4) == units


@pytest.mark.parametrize("packet", [b"\x00\x00\x00\x09abc", b"\x00\x00\x00"])
def test_broken_lengths(packet: bytes) -> None:
    with pytest.raises(ValueError, match="reaches to byte"):
        nal.split(packet + b"\xff\xff", 4)


@pytest.mark.parametrize("header", [b"\x01abc", b"\x01" + b"\xff" * 8])
@pytest.mark.parametrize("name", ["h264", "hevc"])
def test_broken_headers(header: bytes, name: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        nal.header_units(header, name)


def test_a_cut_parameter_set() -> None:
    with pytest.raises(ValueError, match="ends too early"):
        h264_sequence(b"\x67\x64")


def test_a_packet_without_a_picture() -> None:
    with pytest.raises(NotCopied, match="no picture"):
        kind_of_units([b"\x06abc"], nal.SYNTAX["h264"], is_flagged=True)


def test_recovery_points_are_left_out_and_the_rest_stays() -> None:
    recovery = b"\x06\x01\xc4"
    alone = b"\x06" + recovery + b"\x80"
    assert nal.without_recovery_point(alone) == b""
    escaped = b"\x06\x05\x14" + b"\x00\x00\x03" * 7 + b"\x00\x00text\x80"
    assert nal.without_recovery_point(escaped) == escaped
    assert nal.without_recovery_point(b"\x06" + recovery + escaped[1:]) == escaped
