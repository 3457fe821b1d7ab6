"""Heaters: source videos in, reviewed and searchable clips out, as batch work on Ray."""

__version__ = "0.1.0"
