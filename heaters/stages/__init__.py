"""One file per pipeline row, all of the same shape: `Input`, a result, `Worker`, `record()`, and `STAGE` which names
them.

Workers are plain Python and never write to PostgreSQL; `record()` runs in the transaction that ends the claims.
"""
