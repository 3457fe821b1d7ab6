"""Clips out as a training set: WebDataset shards, Parquet with files, or Lance; to a folder or to S3.

    export.py     the run: what is new → shards, each written whole and then entered in the index
    recipe.py     what a dataset is made of: form, splits, sizes, which clips
    chosen.py     the clips of a run, in tables of a session
    contents.py   what is in the output, in numbers
    records.py    one clip as rows, files and a vector
    sink.py       where it goes
    webdataset.py, parquet.py, lance.py    the forms
    card.py       README.md with counts and plots

A shard counts once its entry is in `index/`; anything else that a killed run left is written again or swept.
"""
