"""ffmpeg's arguments for the sound of a film: its tracks, their holes filled, a stretch of it. Pure.

All places that use sound take it by `take`, so that they agree on which streams it is and on when it is heard.
"""

from fractions import Fraction

from heaters.media.probe import Probe

# What is off its time stamps by more than SOFT is stretched away, by at most 2 % of the speed (960 of 48,000 samples).
# Below it lie the roundings of containers. Measured on a tone with time stamps that jump to and fro by 12 ms: with hard
# corrections alone, at 15 ms, a fifth of it clicks; with soft ones from 5 ms on nothing does.
SOFT_SECONDS, STRETCHED_SAMPLES = 0.005, 960
# What is off by more than this share of a frame is cut, or filled with silence, at once. The bounds are for cameras of
# more than 75 frames a second, and for slow shows, whose sound has no reason to lag by their frames.
HARD_FRAMES, LEAST_HARD_SECONDS, MOST_HARD_SECONDS = Fraction(3, 4), Fraction(1, 100), Fraction(3, 100)


def fill_gaps(probe: Probe) -> str:
    """The filter by which sound follows its time stamps, within a frame, and begins at 0: a player then needs no edit
    list to stay in sync.
    """
    hard = float(min(max(HARD_FRAMES / probe.frame_rate, LEAST_HARD_SECONDS), MOST_HARD_SECONDS))
    return f"aresample=async={STRETCHED_SAMPLES}:min_comp={SOFT_SECONDS}:min_hard_comp={hard:.6f}:first_pts=0"


def take(probe: Probe, *before: str, number: int = 0) -> list[str]:
    """The film's sound, out of input `number`; `before` are filters ahead of the others.

    Mono tracks of one recording are mixed. Their power is kept (1/√n each, as if they were independent) and peaks above
    full scale are held down: the same speech on all tracks would clip, a mean would leave a single one of eight 18 dB
    too quiet.
    """
    filters = ",".join((*before, fill_gaps(probe)))
    if probe.sound_end_seconds is not None:
        filters += f",atrim=end={probe.sound_end_seconds:.6f}"
    if len(probe.sound_indices) == 1:
        return ["-map", f"{number}:{probe.sound_indices[0]}", "-af", filters]
    count = len(probe.sound_indices)
    names = {index: f"[track{number}x{index}]" for index in probe.sound_indices}  # a command may have many inputs
    tracks = "".join(f"[{number}:{index}]{filters}{name};" for index, name in names.items())
    mix = f"amix=inputs={count}:normalize=0,volume={count**-0.5:.6f},alimiter=limit=1:level=0:latency=1"
    whole = f"[sound{number}]"
    return ["-filter_complex", f"{tracks}{''.join(names.values())}{mix}{whole}", "-map", whole]


def attempt(probe: Probe) -> list[str]:
    """One output that is thrown away: the first sound, so that the command fails where none can be decoded and mixed
    into two channels, as files have it.
    """
    return [*take(probe), "-ac", "2", "-frames:a", "1", "-f", "null", "-"]


def between(probe: Probe, start: Fraction, end: Fraction, *, number: int = 0) -> list[str]:
    """The sound from `start` to `end`, in seconds of the film, from 0 on."""
    trim = f"atrim=start={_microseconds(start)}us:end={_microseconds(end)}us"
    return take(probe, trim, f"asetpts='PTS-{float(start):.9f}/TB'", number=number)


def _microseconds(seconds: Fraction) -> int:
    return round(seconds * 1_000_000)
