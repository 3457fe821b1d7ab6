"""Adapter for media files: ffmpeg and PyAV. It knows no database, no store and no stage."""
