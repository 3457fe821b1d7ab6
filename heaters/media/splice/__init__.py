"""Export a clip by copying packets of its master; only frames that cannot be copied are encoded.

Read in this order: `rules` (why a clip is not copied), `nal` and `parameters` (H.264 and HEVC as bytes), `kinds` (which
packet is a clean key frame), `plan` (pure: which frames are copied), `source` and `stream` (the master's packets),
`encoder` and `pieces` (the other frames), `timing`, `written` and `join` (one file of all), `looks` (its pictures),
`cut` (the child that does all this), `job`, `sound` and `asking` (its parent's side), `copying` (the whole, verified).
"""
