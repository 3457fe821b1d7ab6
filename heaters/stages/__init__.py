"""One file per pipeline row, all of the same shape: `Input`, `Result`, `Worker`, `INPUT` and `record()`.

Workers are plain Python and never write to PostgreSQL; `record()` runs in the runner's finishing transaction.
"""
