"""Adapter for media files: ffmpeg, PyAV and decord. It knows no database, no store and no stage."""
