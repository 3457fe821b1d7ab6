"""Ray job entry points: the verbs of `heaters` as jobs. Each file opens with the line that submits it.

    ingest    sources and manifests into the database
    process   the pipeline, until nothing is due or for ever
    reembed   the vectors that another model lacks
    recut     cuts laid anew from stored evidence
    clean     archived clips' objects deleted, and what killed uploads left
    migrate   the schema of this version

A driver reserves no CPU and no GPU: it only talks to PostgreSQL and Ray. All may be stopped and submitted again; they
go on where they were, because progress is in PostgreSQL, where any client can follow it. They end with a summary and
exit with 0 (done), 1 (something failed; it is listed) or 2 (wrong usage or settings).
"""
