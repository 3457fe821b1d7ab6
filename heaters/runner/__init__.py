"""The one loop: claim → Ray → finish. It knows no stage by name."""
