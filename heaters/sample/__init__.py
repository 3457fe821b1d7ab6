"""The sample reel: a short film of photos and footage that ship inside installed packages, with exactly known cuts.

    python -m heaters.sample OUT.mp4

`build_sample` is the door; `script` is the film as a table, `pictures` its material, `render` and `sound` what is seen
and heard, `reel` the truth about it.
"""

from heaters.sample.build import build_sample
from heaters.sample.reel import Reel, Shot, Transition, TrueCut

__all__ = ["Reel", "Shot", "Transition", "TrueCut", "build_sample"]
