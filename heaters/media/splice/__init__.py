"""Export a clip by copying packets of its master; only frames that cannot be copied are encoded.

Read in this order: `rules` (why a clip is not copied), `nal` and `parameters` (H.264 and HEVC as bytes), `kinds` (which
packet is a clean key frame), `plan` (pure: which frames are copied), `source`, `extract` and `written` (the child that
reads the master and writes its packets), `asking` (its parent's side), `match` (the encoder of the other frames),
`timing` and `join` (one file of all), `copying` (the whole, verified).
"""
