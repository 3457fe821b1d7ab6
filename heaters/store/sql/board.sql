-- The queries of the UI's Status and Submit tabs. None counts all clips or reads all history: counts are kept (`tallies`), and of history
-- and lists the latest rows are read.

-- ------------------------------------------------------------------------------------------------ the board

-- name: oldest_undecided
-- For how long the first clip that nobody decided has been there.
select extract(epoch from now() - c.created_at)::float8 as seconds from clips c
where c.state = 'pending_review' and c.retired_at is null order by c.id limit 1;

-- name: oldest_waiting
-- For how long the first change beyond a variant's watermark has waited, over all of its queues: each host has one, the others have one.
with queues as (
    select h.host as lane from hosts h where %(takes)s = 'new' and h.newest > coalesce((
        select w.at from watermarks w where w.variant = %(variant)s and w.lane = h.host), 0)
    union all select '' where %(takes)s <> 'new'
)
select extract(epoch from now() - c.since)::float8 as seconds from queues q
cross join lateral (
    select c.since from changes c where c.kind = %(takes)s and c.lane = q.lane and c.at > coalesce((
        select w.at from watermarks w where w.variant = %(variant)s and w.lane = q.lane), 0)
    order by c.at limit 1) c
order by c.since limit 1;

-- name: failures_of_kind
-- The failures of some variants of a stage, of one kind of error, the latest first.
select f.id, n.stage, n.variant, f.video_id, f.clip_id, f.failures, f.error_type, f.error, f.driver, f.next_attempt_at is null as dead,
       d.title, d.source, f.failed_at, greatest(extract(epoch from f.next_attempt_at - now()), 0)::float8 as retry_in_seconds
from unnest(%(variants)s::smallint[]) as k (variant)
join variants n on n.id = k.variant
cross join lateral (
    select * from failures f
    where f.variant = k.variant and f.error_type = %(error_type)s and (f.next_attempt_at is null) = %(dead)s
      and (%(before)s::bigint is null or f.id < %(before)s::bigint)
    order by f.id desc limit %(limit)s) f
join videos d on d.id = f.video_id
order by f.id desc limit %(limit)s;

-- name: recent_work
-- The latest claims that were done, by stage: how many, the quantiles of the seconds of one item, the devices, and what the nodes' caches
-- were asked for and had.
with latest as materialized (
    select r.variant, r.items - r.failed_items as done, r.result from stage_runs r
    where r.status = 'done' and r.result is not null order by r.finished_at desc limit %(look)s
)
select v.stage, count(*)::int as n,
       percentile_cont(array[0.05, 0.25, 0.5, 0.75, 0.95]) within group (
           order by (l.result->>'seconds')::float8 / greatest(l.done, 1)) as quantiles,
       coalesce(array_agg(distinct l.result->>'device') filter (where l.result->>'device' is not null), '{}') as devices,
       coalesce(sum((l.result->'cache'->>'hits')::bigint), 0)::bigint as hits,
       coalesce(sum((l.result->'cache'->>'misses')::bigint), 0)::bigint as misses,
       coalesce(sum((l.result->'cache'->>'bytes_saved')::bigint), 0)::bigint as bytes_saved
from latest l join variants v on v.id = l.variant where l.result ? 'seconds' group by v.stage;

-- name: pace
-- Acts of people in each minute of the last hour or so that had any, by reviewer, among the latest `look`: decisions by a rule are none.
with latest as materialized (
    select reviewer, action, created_at from review_events order by id desc limit %(look)s
)
select reviewer, floor(extract(epoch from now() - created_at) / 60)::int as minutes_ago, count(*)::int as n
from latest
where created_at > now() - %(minutes)s * interval '1 minute' and action not in ('undo', 'redo') and reviewer <> 'auto-approve'
group by 1, 2 order by 1, 2;

-- ------------------------------------------------------------------------------------------------ videos

-- name: videos_page
-- Videos, the latest first, among the latest `look` below `before`: how far each is, and what holds it back. Clips are counted up to `most`.
with looked as materialized (
    select * from videos v
    where (%(ids)s::bigint[] is null or v.id = any (%(ids)s::bigint[])) and (%(before)s::bigint is null or v.id < %(before)s::bigint)
    order by v.id desc limit %(look)s
), page as materialized (
    select * from looked v where %(words)s = '' or strpos(lower(v.title || ' ' || v.source), lower(%(words)s)) > 0
    order by v.id desc limit %(limit)s
)
select v.id, v.source, v.title, v.state::text, v.duplicate_of, v.frame_count, v.duration_seconds, v.width, v.height,
       v.size_bytes, v.created_at, v.is_partial, v.partial_reason, c.clips, c.waiting, c.searchable,
       (select n.stage from tasks t join variants n on n.id = t.variant where t.video_id = v.id and t.driver is not null
        order by t.started_at limit 1) as running,
       f.error, f.dead
from page v
cross join lateral (
    select count(*)::int as clips, count(*) filter (where k.state = 'pending_review')::int as waiting,
           count(*) filter (where exists (select from embeddings e where e.clip_id = k.id))::int as searchable
    from (select id, state from clips where video_id = v.id and retired_at is null order by start_frame limit %(most)s) k) c
left join lateral (
    select f.error_type || ': ' || f.error as error, f.next_attempt_at is null as dead
    from (select * from failures where video_id = v.id limit 200) f
    order by f.next_attempt_at is null desc, f.id desc limit 1) f on true
order by v.id desc;

-- name: videos_looked_at
-- The last of the latest `look` videos below a number, if there are so many: where a search for words goes on.
select v.id from videos v where %(before)s::bigint is null or v.id < %(before)s::bigint order by v.id desc limit 1 offset %(look)s - 1;

-- name: video_facts
-- Everything that is known of one video.
select v.id, v.source, v.title, v.state::text, v.duplicate_of, v.content_hash, v.size_bytes, v.container, v.codec, v.width,
       v.height, v.shapes, v.rotation, v.frame_count, v.duration_seconds, v.frame_rate_num, v.frame_rate_den, v.is_vfr, v.has_audio, v.streams,
       v.is_partial, v.partial_reason, v.concealed, v.timecode, v.provenance, coalesce(v.sample_key, v.proxy_key) is not null as has_pictures, v.created_at, v.updated_at,
       (select count(*) from cuts k where k.video_id = v.id)::int as cuts
from videos v where v.id = %(id)s;

-- name: videos_of_sources
-- The videos that these sources are already.
select id, source, state::text from videos where source = any (%(sources)s);

-- name: finished_uploads
-- Uploaded files whose bytes are in the store by now, or were refused for good: trying those again cannot help.
select v.id, v.source from videos v
where starts_with(v.source, %(folder)s) and (v.source_key is not null or v.duplicate_of is not null or exists (
    select from failures f where f.video_id = v.id and f.next_attempt_at is null and f.error_type = any (%(refused)s)));
