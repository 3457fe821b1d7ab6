"""A video's clips as a list that an editor opens: EDL (CMX 3600), FCPXML, OpenTimelineIO."""
