"""Adapters for model weights: the cut detector and the embedders. They do not know files or the database."""
