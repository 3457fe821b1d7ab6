"""The kept counts against what there is: they must never differ."""

from rows import rows

from heaters.store.db import Database

THERE = """
    select 'videos ' || state as name, count(*) as n from videos where duplicate_of is null group by state
    union all
    select 'proxies', count(*) from videos where proxy_key is not null having count(*) > 0
    union all
    select 'clips ' || state, count(*) from clips where retired_at is null group by state
    union all
    select kept_as(c.state) || m.variant, count(*) from (
        select clip_id, variant from stills union all select clip_id, variant from facts
        union all select clip_id, variant from exports union all select clip_id, variant from embeddings) m
    join clips c on c.id = m.clip_id where kept_as(c.state) is not null group by 1
    union all
    select concat_ws(' ', 'failing', variant, case when next_attempt_at is null then 'dead' else 'retrying' end,
                     error_type), count(*) from failures group by 1
    union all
    select 'confidence ' || least(floor(confidence * 20), 19), count(*) from cuts
    where confidence is not null group by 1
"""
KEPT = "select name, sum(n)::bigint as n from tallies where name not like 'day %%' group by name having sum(n) <> 0"


def check_tallies(db: Database) -> None:
    """Every kept count is the count of the rows."""
    there, kept = ({row["name"]: row["n"] for row in rows(db, statement)} for statement in (THERE, KEPT))
    assert kept == there
