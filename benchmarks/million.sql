-- A made-up library of the benchmark of sizes: 100 clips a video, each with all that the machine makes of it.

-- name: quick_load
-- Turn triggers off for loading: the counts and changes that triggers write are made at the end.
set session_replication_role = replica; set statement_timeout = 0; set synchronous_commit = off;

-- name: add_videos
-- Videos of 100 clips, each of 100 frames at 25 a second.
insert into videos (source, title, state, content_hash, size_bytes, container, codec, width, height, frame_count, duration_seconds,
                    frame_rate_num, frame_rate_den, time_base_num, time_base_den, is_vfr, has_audio, source_key, proxy_key,
                    analysis_key, pts_key, probabilities_key, provenance, detector, detector_model)
select 'https://host' || n %% 50 || '.example/film' || n || '.mp4', 'Film ' || n, 'cut', encode(sha256(n::text::bytea), 'hex'), 50000000,
       'mp4', 'h264', 1920, 1080, 10000, 400, 25, 1, 1, 12800, false, true, 'source' || n, 'proxy' || n, 'analysis' || n, 'pts' || n,
       'probabilities' || n, '{"extractor": "generic", "licence": "CC-BY"}', 'transnetv2', 'transnetv2@benchmark'
from generate_series(1, %(videos)s) n;

-- name: add_cuts
-- The cuts of these videos, each with a confidence.
insert into cuts (video_id, frame, pts, kind, confidence, created_by)
select v.id, n * 100, n * 51200, 'hard', 0.3 + 0.7 * random(), 'transnetv2 transnetv2@benchmark'
from videos v, generate_series(1, 99) n order by v.id, n;

-- name: add_clips
-- The clips between these cuts: of a hundred clips 90 wait for review, six are approved, three skipped, one is archived. Every 25th video is of a
-- series of its own that the benchmark filters by.
insert into clips (video_id, start_frame, end_frame, start_pts, end_pts, seconds, confidence, state, version, reviewed_by, reviewed_at)
select v.id, n * 100, n * 100 + 100, n * 51200, n * 51200 + 51200, 4, 0.3 + 0.7 * random(), s.state, 1 + (s.state <> 'pending_review')::int,
       case when s.state <> 'pending_review' then 'anna' end, case when s.state <> 'pending_review' then now() - random() * interval '9 days' end
from videos v cross join generate_series(0, 99) n
cross join lateral (select case when n %% 16 = 3 and n < 96 then 'review_approved' when n in (5, 45, 77) then 'review_skipped'
                                when n = 60 then 'review_archived' else 'pending_review' end::clip_state as state) s
order by v.id, n;

-- name: add_stills
-- Three stills of each clip.
insert into stills (clip_id, variant, sha256, size_bytes)
select id, %(variant)s, sha256(id::text::bytea) || sha256((id + 1)::text::bytea) || sha256((id + 2)::text::bytea), '{21000,22000,23000}'
from clips order by id;

-- name: add_facts
-- Facts for each clip: few clips have high motion, and a tenth of them have many black frames.
insert into facts (clip_id, variant, motion, brightness, black_share, frozen_share, letterbox, sharpness, loudness_dbfs, silence_share)
select id, %(variant)s, 0.2 * random() ^ 3, random(), greatest(0, random() - 0.9) * 10, greatest(0, random() - 0.8) * 5,
       case when random() < 0.2 then 0.24 else 0 end, 0.2 * random(), -60 * random(), random() ^ 2
from clips order by id;

-- name: add_exports
-- The files of what was approved.
insert into exports (clip_id, variant, params, sha256, size_bytes, frames)
select id, %(variant)s, '0123456789', sha256(id::text::bytea), 800000, 100 from clips where state = 'review_approved' order by id;

-- name: add_events
-- The log of every decision, made by a person one by one.
with decided as (
    select c.*, to_jsonb(c) - '{video_id,confidence,seconds,created_at,deferred_at}'::text[] as image
    from clips c where c.state <> 'pending_review'
)
insert into review_events (video_id, reviewer, action, request_key, clip_ids, before, after, created_at)
select video_id, 'anna', case state when 'review_approved' then 'approve' when 'review_skipped' then 'skip' else 'archive' end::review_action,
       'benchmark' || id, array[id],
       jsonb_build_object('cuts', '[]'::jsonb, 'clips', jsonb_build_array(
           image || '{"state": "pending_review", "version": 1, "reviewed_by": null, "reviewed_at": null}'::jsonb)),
       jsonb_build_object('cuts', '[]'::jsonb, 'clips', jsonb_build_array(image)), reviewed_at
from decided order by reviewed_at;

-- name: add_changes
-- The log of changes of a kind: one for each stretch.
insert into changes (video_id, kind, stretch, at)
select v.id, %(kind)s, s.stretch, nextval('changes_at') from videos v, generate_series(0, 2) as s (stretch) order by v.id, s.stretch;

-- name: add_video_changes
-- The log of changes of videos as a whole.
insert into changes (video_id, kind, stretch, lane, at)
select v.id, %(kind)s, 0, case when %(kind)s = 'new' then v.host else '' end, nextval('changes_at') from videos v order by v.id;

-- name: add_hosts
-- The queues of hosts, read to their ends.
insert into hosts (host, newest) select lane, max(at) from changes where kind = 'new' group by lane;

-- name: add_history
-- The kept history of a stage: an attempt for each stretch, within this week.
insert into stage_runs (variant, video_id, stretch, attempt, status, items, driver, result, started_at, finished_at)
select %(variant)s, v.id, s.stretch, 1, 'done', 33, 'benchmark:1:abcdef', '{"items": 33, "seconds": 12.5}',
       t.at - interval '13 seconds', t.at
from videos v cross join generate_series(0, %(stretches)s - 1) as s (stretch)
cross join lateral (select date_trunc('week', now()) + random() * (now() - date_trunc('week', now())) as at) t;

-- name: read_changes
-- Everything is done: no stage has anything to claim.
insert into watermarks (variant, lane, at)
select v.id, l.lane, (select last_value from changes_at) from variants v
join lateral (select '' as lane union all select host from hosts where v.stage = 'download') l on true
on conflict (variant, lane) do update set at = excluded.at;

-- name: count_up
-- The kept counts of what was loaded.
insert into tallies
select 'videos ' || state, count(*) from videos where duplicate_of is null group by state
union all
select 'clips ' || state, count(*) from clips where retired_at is null group by state
union all
select kept_as(c.state) || m.variant, count(*) from (
    select clip_id, variant from stills union all select clip_id, variant from facts
    union all select clip_id, variant from exports union all select clip_id, variant from embeddings) m
join clips c on c.id = m.clip_id where kept_as(c.state) is not null group by 1
union all
select 'confidence ' || least(floor(confidence * 20), 19), count(*) from cuts where confidence is not null group by 1;

-- name: normal_load
-- Turn triggers on again.
set session_replication_role = origin;

-- name: settle
-- Collect statistics and free space, as autovacuum does in a running library.
vacuum analyze;

-- name: add_dead_downloads
-- Addresses that gave up: new videos, one failure each, in one queue.
with dead as (
    insert into videos (source) select 'https://gone.example/' || n || '.mp4' from generate_series(1, %(videos)s) n returning id
), failed as (
    insert into failures (video_id, variant, failures, next_attempt_at, driver, error_type, error)
    select id, %(variant)s, 5, null, 'benchmark:1:abcdef', 'SourceGone', 'HTTP 404' from dead
)
select announce('new', array_agg(id), array_fill(0, array[count(*)::int])) from dead;

-- name: undescribe
-- Clips of the last videos lose their facts, so that they are due again.
delete from facts f using clips c where f.clip_id = c.id and c.video_id = any (%(videos)s::bigint[]);

-- name: last_videos
-- The last videos that were loaded.
select id from videos where state = 'cut' and frame_count = 10000 order by id desc limit %(videos)s;

-- name: bytes_by_table
-- Bytes on disk with indexes by table, the largest first; partitions with their table, vectors and their indexes apart.
select name, sum(bytes)::bigint as bytes from (
    select case when c.relname ~ '^stage_runs' then 'stage_runs' else c.relname end as name, pg_total_relation_size(c.oid) as bytes
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname = any (current_schemas(false))) t
group by name having sum(bytes) > 0 order by 2 desc;

-- name: add_film
-- A long video, cut; its clips come with its cuts.
insert into videos (source, title, state, content_hash, frame_count, proxy_key, pts_key, time_base_num, time_base_den)
values ('/benchmark/film', 'A long film', 'cut', repeat('f', 64), %(frames)s, 'film/proxy', 'film/pts', 1, 25) returning id;

-- name: announce_last
-- Say that clips of some videos have new stills.
select announce('stills', array_agg(v.id), array_agg(s.stretch))
from unnest(%(videos)s::bigint[]) as v (id), generate_series(0, 2) as s (stretch);
