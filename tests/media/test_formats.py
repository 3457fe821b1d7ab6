"""Format choice over lists in the shapes that real sites give (recorded shapes, shortened)."""

from typing import Any

import pytest

from heaters.errors import RuleError
from heaters.media.formats import Choice, best_resolution, offered, plan


def picture(format_id: str, height: int, codec: str, ext: str = "mp4", **more: Any) -> dict[str, Any]:
    return {"format_id": format_id, "height": height, "width": height * 16 // 9, "vcodec": codec, "acodec": "none",
            "ext": ext, "protocol": "https", **more}  # fmt: skip


def sound(format_id: str, codec: str, abr: float, ext: str, **more: Any) -> dict[str, Any]:
    return {
        "format_id": format_id,
        "vcodec": "none",
        "acodec": codec,
        "abr": abr,
        "ext": ext,
        "protocol": "https",
        **more,
    }


def both(format_id: str, height: int | None, codec: str | None = "avc1.42001E", **more: Any) -> dict[str, Any]:
    return {"format_id": format_id, "height": height, "vcodec": codec, "acodec": "mp4a.40.2", "ext": "mp4",
            "protocol": "https", **more}  # fmt: skip


STORYBOARD = {"format_id": "sb0", "ext": "mhtml", "vcodec": "none", "acodec": "none", "protocol": "mhtml", "height": 90}

YOUTUBE = [
    STORYBOARD,
    sound("139-drc", "mp4a.40.5", 48, "m4a", preference=-10),
    sound("140", "mp4a.40.2", 129, "m4a"),
    sound("251", "opus", 160, "webm"),
    both("18", 360, tbr=500),
    picture("160", 144, "avc1.4d400c", tbr=80),
    picture("278", 144, "vp9", "webm", tbr=70),
    picture("136", 720, "avc1.4d401f", tbr=1500, fps=25),
    picture("137", 1080, "avc1.640028", tbr=3000, fps=25),
    picture("248", 1080, "vp9", "webm", tbr=2000, fps=25),
    picture("399", 1080, "av01.0.08M.08", tbr=1500, fps=25),
]
# Above 1080 there is no avc1: resolution wins over the codec.
YOUTUBE_4K = [*YOUTUBE, picture("313", 2160, "vp9", "webm", tbr=15000), picture("401", 2160, "av01.0.12M.08", tbr=9000)]
DUBBED = [
    picture("137", 1080, "avc1.640028"),
    sound("140-0", "mp4a.40.2", 129, "m4a", language="de", language_preference=-1),
    sound("140-1", "mp4a.40.2", 128, "m4a", language="en", language_preference=10),
]
# Variants with sound of their own, and one rendition group.
HLS = [
    {"format_id": "audio-en", "vcodec": "none", "acodec": None, "ext": "mp4", "protocol": "m3u8_native"},
    {"format_id": "1200", "height": 480, "width": 854, "vcodec": "avc1.4d401f", "acodec": "mp4a.40.2", "tbr": 1200,
     "ext": "mp4", "protocol": "m3u8_native"},
    {"format_id": "4000", "height": 1080, "width": 1920, "vcodec": "avc1.640028", "acodec": "none", "tbr": 4000,
     "ext": "mp4", "protocol": "m3u8_native"},
]  # fmt: skip
DIRECT = [{"format_id": "mp4", "ext": "mp4", "protocol": "http", "vcodec": None}]
# The watermarked download is as large as the clean one, and has the higher rate.
TIKTOK = [
    both("download", 1024, "h264", tbr=900, format_note="watermarked", preference=-2),
    both("h264_540p", 1024, "h264", tbr=600),
    both("bytevc1_720p", 1280, "h265", tbr=700),
    both("h264_720p", 1280, "h264", tbr=650),
]
PROTECTED = [picture("dash-1", 2160, "avc1.640033", has_drm=True), both("preview", 360)]
STREAMED = [
    {"format_id": "rtmp", "protocol": "rtmp", "height": 720, "ext": "flv", "vcodec": "h264"},
    both("http-low", 240),
]
HIGH_RATE = [
    picture("299", 1080, "avc1.64002a", fps=60, tbr=5000),
    picture("137", 1080, "avc1.640028", fps=30, tbr=3000),
    picture("337", 1080, "vp9.2", "webm", fps=60, tbr=9000, dynamic_range="HDR10"),
]
SILENT = [picture("only", 720, "vp9", "webm")]
WEBM = [picture("248", 1080, "vp9", "webm"), sound("251", "opus", 160, "webm")]
MIXED = [picture("248", 1080, "vp9", "webm"), sound("140", "mp4a.40.2", 128, "m4a")]
MUXED_HIGHER = [both("source", 1080), picture("v720", 720, "avc1"), sound("a", "mp4a", 128, "m4a")]
ARCHIVE = [  # heights known for some only
    {"format_id": "0", "ext": "ogv", "protocol": "https", "height": None, "vcodec": None},
    {"format_id": "1", "ext": "mp4", "protocol": "https", "height": 480, "vcodec": None},
    {"format_id": "2", "ext": "mp3", "protocol": "https", "vcodec": "none"},
]
# The same heights as HLS, as DASH with its sound apart, and as files that hold both.
VIMEO = [
    both("http-360p", 360, None, protocol="https"),
    both("http-1080p", 1080, None, protocol="https"),
    picture("dash-video-1080", 1080, "avc1.640028", protocol="http_dash_segments", tbr=4200),
    sound("dash-audio", "mp4a.40.2", 192, "m4a", protocol="http_dash_segments"),
    both("hls-1080", 1080, "avc1.640028", protocol="m3u8_native", tbr=4300),
]
# Three files by bit rate, and the same again as HLS with the sound in a group of its own.
TWITTER = [
    sound("hls-audio-128000", "none", 128, "mp4", protocol="m3u8_native", acodec=None),
    both("http-632", 360, None, tbr=632, width=640),
    both("http-2176", 720, None, tbr=2176, width=1280),
    picture("hls-1100", 720, "avc1.640020", protocol="m3u8_native", tbr=1100),
]
# The file that plays in the page is silent; its sound is another file.
REDDIT = [
    picture("fallback", 720, "h264", acodec="none"),
    picture("dash-5", 1080, "avc1.64002a", protocol="http_dash_segments", tbr=4600),
    sound("dash-6", "mp4a.40.2", 129, "m4a", protocol="http_dash_segments"),
    picture("hls-1743", 720, "avc1.4d401f", protocol="m3u8_native", tbr=1743),
]
# Three codecs at each height, none with sound; the highest is for members and is not in the list.
BILIBILI = [
    picture("30080", 1080, "avc1.640032", tbr=2200),
    picture("30077", 1080, "hev1.1.6.L120.90", tbr=900),
    picture("100026", 1080, "av01.0.08M.08", tbr=700),
    picture("30016", 360, "avc1.640032", tbr=300),
    sound("30280", "mp4a.40.2", 192, "m4a"),
    sound("30216", "mp4a.40.2", 64, "m4a"),
]
# A broadcast's recording: variants with sound, one of sound alone, the source first by name.
TWITCH = [
    {"format_id": "Audio_Only", "vcodec": "none", "acodec": "mp4a.40.2", "ext": "mp4", "protocol": "m3u8_native"},
    both("480p", 480, "avc1.4D401F", protocol="m3u8_native", fps=30),
    both("720p60", 720, "avc1.4D401F", protocol="m3u8_native", fps=60),
    both("1080p60__source_", 1080, "avc1.64002A", protocol="m3u8_native", fps=60),
]
# Files of every height and the same by torrent, which nothing here speaks.
PEERTUBE = [
    both("1080p", 1080, None, filesize=900),
    both("480p", 480, None, filesize=200),
    {"format_id": "1080p-torrent", "height": 2160, "protocol": "bittorrent", "ext": "torrent", "vcodec": None},
]
# Upright: the height is the long side. One codec is said by its older name.
UPRIGHT = [both("0", 640, "avc1", width=360), both("1", 1920, "h264", width=1080), both("2", 1280, "h264", width=720)]


@pytest.mark.parametrize(
    ("formats", "expected"),
    [
        (VIMEO, [("best", "hls-1080", "mp4"), ("smallest", "http-360p", "mp4")]),
        (
            TWITTER,
            [
                ("best", "hls-1100+hls-audio-128000", "mp4"),
                ("premerged", "http-2176", "mp4"),
                ("smallest", "http-632", "mp4"),
            ],
        ),
        (REDDIT, [("best", "dash-5+dash-6", "mp4"), ("smallest", "hls-1743+dash-6", "mp4")]),
        (BILIBILI, [("best", "30080+30280", "mp4"), ("smallest", "30016+30280", "mp4")]),
        (TWITCH, [("best", "1080p60__source_", "mp4"), ("smallest", "480p", "mp4")]),
        (PEERTUBE, [("best", "1080p", "mp4"), ("smallest", "480p", "mp4")]),
        (UPRIGHT, [("best", "1", "mp4"), ("smallest", "0", "mp4")]),
        (YOUTUBE, [("best", "137+140", "mp4"), ("premerged", "18", "mp4"), ("smallest", "278+140", "mkv")]),
        (YOUTUBE_4K, [("best", "313+140", "mkv"), ("premerged", "18", "mp4"), ("smallest", "278+140", "mkv")]),
        (DUBBED, [("best", "137+140-1", "mp4")]),
        (HLS, [("best", "4000+audio-en", "mp4"), ("premerged", "1200", "mp4")]),
        (DIRECT, [("best", "mp4", "mp4")]),
        (TIKTOK, [("best", "h264_720p", "mp4"), ("smallest", "h264_540p", "mp4")]),
        (PROTECTED, [("best", "preview", "mp4")]),
        (STREAMED, [("best", "http-low", "mp4")]),
        (HIGH_RATE, [("best", "299", "mp4"), ("smallest", "137", "mp4")]),
        (SILENT, [("best", "only", "webm")]),
        (WEBM, [("best", "248+251", "webm")]),
        (MIXED, [("best", "248+140", "mkv")]),
        (MUXED_HIGHER, [("best", "source", "mp4"), ("smallest", "v720+a", "mp4")]),
        (ARCHIVE, [("best", "1", "mp4")]),
        ([STORYBOARD, sound("140", "mp4a", 128, "m4a")], []),
        ([], []),
    ],
)
def test_plan(formats: list[dict[str, Any]], expected: list[tuple[str, str, str]]) -> None:
    assert [(c.strategy, c.format_id, c.extension) for c in plan(formats)] == expected


def test_the_order_of_the_list_does_not_matter() -> None:
    assert [c.format_id for c in plan(YOUTUBE_4K[::-1])] == [c.format_id for c in plan(YOUTUBE_4K)]


def test_the_best_resolution_counts_what_cannot_be_fetched_too() -> None:
    assert best_resolution(PROTECTED) == (3840, 2160)
    assert best_resolution(YOUTUBE) == (1920, 1080)
    assert best_resolution(STREAMED) == (0, 720)
    assert best_resolution(DIRECT) is None


def test_what_is_recorded_holds_no_urls() -> None:
    recorded = offered(
        [picture("137", 1080, "avc1", url="https://x.example/?sig=secret", cookies="a=b", http_headers={})]
    )
    assert recorded == ({"format_id": "137", "ext": "mp4", "vcodec": "avc1", "acodec": "none", "width": 1920,
                         "height": 1080, "protocol": "https"},)  # fmt: skip


def test_a_choice_of_three_formats_fails() -> None:
    with pytest.raises(RuleError, match="picture \\+ sound"):
        Choice(strategy="best", formats=tuple(YOUTUBE[:3]), extension="mp4")
