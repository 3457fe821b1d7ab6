-- Every query of the product. Each has a name and a sentence; columns are the fields of the dataclass they fill.

-- ------------------------------------------------------------------------------------------------ videos

-- name: submit_videos
-- Add sources in their order; nothing happens for one that is already known, by itself or by its bytes.
insert into videos (source, title, content_hash, size_bytes)
select s.source, s.title, s.content_hash, s.size_bytes
from unnest(%(source)s::text[], %(title)s::text[], %(content_hash)s::text[], %(size_bytes)s::bigint[])
     with ordinality as s (source, title, content_hash, size_bytes, number)
order by s.number
on conflict do nothing
returning id, source;

-- name: find_videos
-- For each source the video that it, or else its bytes, belong to; nulls where there is none.
select v.id, v.source, v.content_hash, v.duplicate_of
from unnest(%(source)s::text[], %(content_hash)s::text[]) with ordinality as s (source, content_hash, number)
left join lateral (
    select v.id, v.source, v.content_hash, v.duplicate_of from videos v
    where v.source = s.source or v.content_hash = s.content_hash
    order by (v.source = s.source) desc, v.id limit 1
) v on true
order by s.number;

-- name: find_video
-- The video a source or its bytes belong to.
select id, source, content_hash, duplicate_of from videos
where source = %(source)s or content_hash = %(content_hash)s
order by (source = %(source)s) desc, id
limit 1;

-- name: videos
-- Videos with the number of active clips and the error that holds each back, for listings.
select v.id, v.source, v.title, v.state::text, v.duplicate_of, v.frame_count, v.duration_seconds, v.width, v.height,
       v.is_vfr, v.is_partial, v.has_audio,
       (select count(*) from clips c where c.video_id = v.id and c.retired_at is null)::int as clips,
       (select r.error_type || ': ' || r.error from stage_runs r
         where r.video_id = v.id and r.status in ('failed', 'dead') and not r.voided
           and not exists (select from stage_runs d where d.stage = r.stage and d.subject_id = r.subject_id
                           and d.variant = r.variant and d.status = 'done' and not d.voided)
         order by (r.status = 'dead') desc, r.id desc limit 1) as error
from videos v
where %(ids)s::bigint[] is null or v.id = any (%(ids)s::bigint[])
order by v.id;

-- name: video_sources
-- What each video came from.
select id, source from videos where %(ids)s::bigint[] is null or id = any (%(ids)s::bigint[]);

-- name: milestones
-- How many videos and clips there are at each milestone, duplicates and retired clips left out.
select 'video' as subject, state::text, count(*)::int as n from videos
where duplicate_of is null and (%(scope)s::bigint[] is null or id = any (%(scope)s::bigint[])) group by state
union all
select 'clip', state::text, count(*)::int from clips
where retired_at is null and (%(scope)s::bigint[] is null or video_id = any (%(scope)s::bigint[])) group by state;

-- name: keys_of_contents
-- Every object that rows of these contents name; one row with a null at least for each content that there is.
select v.content_hash, k.key
from videos v
cross join lateral (values (v.source_key), (v.proxy_key), (v.analysis_key), (v.pts_key), (v.probabilities_key)) as k (key)
where v.content_hash = any (%(contents)s::text[])
union all
select v.content_hash, c.export_key from videos v join clips c on c.video_id = v.id
where v.content_hash = any (%(contents)s::text[]) and c.export_key is not null
union all
select v.content_hash, a.key from videos v join clips c on c.video_id = v.id join artifacts a on a.clip_id = c.id
where v.content_hash = any (%(contents)s::text[]);

-- name: contents_in_work
-- The contents of videos that something works on; a null where the bytes are not known yet.
select distinct v.content_hash from stage_runs r join videos v on v.id = r.video_id where r.status = 'running';

-- name: lock_video
-- Hold the video row while its clips change, so that two edits of one video never interleave.
select id, state::text, frame_count, content_hash, pts_key, time_base_num, time_base_den
from videos where id = %(id)s for update;

-- name: video_of_clip
-- The video a clip belongs to.
select video_id from clips where id = %(id)s;

-- ------------------------------------------------------------------------------------------------ the queue

-- name: serialise_claims
-- One claim per stage at a time, so that a claim always sees what the one before it took.
select pg_advisory_xact_lock(hashtext('heaters.claim.' || %(stage)s));

-- name: claim_videos
-- Give due videos to this worker: one running row with a lease each, as long as their bytes begin within its room. Rows locked
-- by somebody else are skipped.
with locked as (
    select v.id, least(coalesce(v.size_bytes, 0), %(most_bytes)s) as bytes from videos v
    where v.id in (select d.id from due_videos(%(stage)s, %(variant)s, %(states)s, %(scope)s) d)
      and v.state::text = any (%(states)s)
    order by v.id limit %(limit)s
    for update of v skip locked
), due as (
    select id, id as video_id from (select id, bytes, sum(bytes) over (order by id) as up_to from locked) l
    where up_to - bytes < %(room_bytes)s
)
select * from begin_runs(%(stage)s, 'video', %(variant)s, %(worker)s, %(lease_seconds)s,
                         (select array_agg(id) from due), (select array_agg(video_id) from due));

-- name: claim_videos_by_host
-- The same for videos that are fetched from somebody's host: at most so many of one host run at a time, and they begin so far
-- apart. As claims of a stage come one after the other, this holds for all nodes together. Files have no host, and no bounds.
-- Only the first that are due are ranked: a host that they fill is taken or full, and left out the next time.
with busy as materialized (
    select v.host, count(*) filter (where r.status = 'running') as running,
           max(r.started_at) > now() - %(host_spacing_seconds)s::float8 * interval '1 second' as is_too_soon
    from stage_runs r join videos v on v.id = r.video_id
    where r.stage = %(stage)s and v.host <> ''
      and (r.status = 'running' or r.finished_at > now() - %(host_spacing_seconds)s::float8 * interval '1 second')
    group by v.host
), first_due as materialized (
    -- As due_videos, but one by one in their order and not all at once: a hundred thousand may wait.
    select v.id, v.host from videos v
    cross join lateral (select is_open(%(stage)s, v.id, %(variant)s) as yes offset 0) open
    where open.yes and v.state = any (%(states)s::text[]::video_state[]) and v.duplicate_of is null
      and (%(scope)s::bigint[] is null or v.id = any (%(scope)s::bigint[]))
      and v.host <> all (array(select host from busy where is_too_soon or running >= %(host_limit)s::int))
    order by v.id limit 4 * %(limit)s::int + 60
), ranked as (
    select f.id, f.host, coalesce(b.running, 0) + row_number() over (partition by f.host order by f.id) as place,
           row_number() over (partition by f.host order by f.id) as started
    from first_due f left join busy b on b.host = f.host
), locked as (
    select v.id, least(coalesce(v.size_bytes, 0), %(most_bytes)s) as bytes from videos v
    where v.state::text = any (%(states)s) and v.id in (
        select id from ranked
        where host = '' or (place <= %(host_limit)s::int and (started = 1 or %(host_spacing_seconds)s::float8 = 0)))
    order by v.id limit %(limit)s
    for update of v skip locked
), due as (
    select id, id as video_id from (select id, bytes, sum(bytes) over (order by id) as up_to from locked) l
    where up_to - bytes < %(room_bytes)s
)
select * from begin_runs(%(stage)s, 'video', %(variant)s, %(worker)s, %(lease_seconds)s,
                         (select array_agg(id) from due), (select array_agg(video_id) from due));

-- name: claim_clips
-- Give due clips to this worker: one running row with a lease each. Rows locked by a reviewer's edit are skipped.
with due as (
    select c.id, c.video_id from clips c
    where c.id in (select d.id from due_clips(%(stage)s, %(variant)s, %(states)s, %(scope)s, %(needs)s, %(needs_variant)s) d)
      and c.state::text = any (%(states)s) and c.retired_at is null
    order by c.video_id, c.start_frame limit %(limit)s
    for update of c skip locked
)
select * from begin_runs(%(stage)s, 'clip', %(variant)s, %(worker)s, %(lease_seconds)s,
                         (select array_agg(id) from due), (select array_agg(video_id) from due));

-- name: heartbeat
-- Renew the lease of everything this worker holds.
update stage_runs set lease_expires_at = now() + %(lease_seconds)s * interval '1 second'
where worker = %(worker)s and status = 'running' and id = any (%(run_ids)s)
returning id;

-- name: expire_leases
-- Take back what silent workers held; after too many losses the item is dead, because it may be what kills them.
with expired as (
    select id from stage_runs where status = 'running' and lease_expires_at < now() for update skip locked
)
update stage_runs r
set status = case when (select count(*) from stage_runs l where l.stage = r.stage and l.subject_id = r.subject_id
                          and l.variant = r.variant and l.status = 'lost' and not l.voided) >= %(max_lost)s
                  then 'dead' else 'lost' end::run_status,
    finished_at = now(), error_type = 'WorkerLost',
    error = 'worker ' || r.worker || ' was silent for longer than its lease'
from expired e where r.id = e.id
returning r.id, r.stage, r.subject_id, r.status::text;

-- name: finish_runs
-- Mark runs done, those that this worker still holds (fencing): a late result of a lost worker changes nothing.
update stage_runs r set status = 'done', finished_at = now(), result = d.result, lease_expires_at = null
from unnest(%(run_ids)s::bigint[], %(attempts)s::int[], %(results)s::jsonb[]) as d (run_id, attempt, result)
where r.id = d.run_id and r.worker = %(worker)s and r.attempt = d.attempt and r.status = 'running'
returning r.id;

-- name: fail_run
-- Mark a run failed, or lost (dead after too many of these), both tried again after the delay; or dead. If this worker holds it.
with held as (
    select h.id, case when %(status)s = 'lost' and (
        select count(*) from stage_runs l where l.stage = h.stage and l.subject_id = h.subject_id and l.variant = h.variant
        and l.status = 'lost' and not l.voided) >= %(max_lost)s then 'dead' else %(status)s end::run_status as status
    from stage_runs h
    where h.id = %(run_id)s and h.worker = %(worker)s and h.attempt = %(attempt)s and h.status = 'running'
)
update stage_runs r
set status = held.status, finished_at = now(), lease_expires_at = null, error_type = %(error_type)s, error = %(error)s,
    next_attempt_at = case when held.status <> 'dead' then now() + %(delay_seconds)s * interval '1 second' end
from held where r.id = held.id and r.status = 'running'
returning r.id;

-- name: release_runs
-- Give unfinished work back on a graceful stop; it does not count as an attempt.
update stage_runs set status = 'released', finished_at = now(), lease_expires_at = null
where id = any (%(run_ids)s) and worker = %(worker)s and status = 'running'
returning id;

-- name: advance_videos
-- Move videos to their next milestone; a later stage's backfill never moves one back.
update videos set state = %(gives)s::video_state, updated_at = now()
where id = any (%(ids)s::bigint[]) and state = %(takes)s::video_state;

-- name: advance_clips
-- Move clips to their next milestone; a later stage's backfill never moves one back. Locked in the order that review locks them.
with held as materialized (select id from clips where id = any (%(ids)s::bigint[]) order by id for update)
update clips c set state = %(gives)s::clip_state, version = version + 1, updated_at = now()
from held h where c.id = h.id and c.state = %(takes)s::clip_state and c.retired_at is null;

-- name: retry
-- Void what failed, so that it is due again at once.
update stage_runs r set voided = true
where r.status in ('failed', 'dead', 'lost') and not r.voided
  and (%(stage)s::text is null or r.stage = %(stage)s)
  and (%(videos)s::bigint[] is null or r.video_id = any (%(videos)s::bigint[]))
  and not exists (select from stage_runs d where d.stage = r.stage and d.subject_id = r.subject_id and d.variant = r.variant
                  and d.status in ('done', 'running') and not d.voided)
returning r.stage, r.subject::text, r.subject_id, r.video_id, r.status::text;

-- name: count_due_videos
-- How many videos wait for a stage now.
select count(*)::int as n from due_videos(%(stage)s, %(variant)s, %(states)s, %(scope)s);

-- name: count_due_clips
-- How many clips wait for a stage now.
select count(*)::int as n from due_clips(%(stage)s, %(variant)s, %(states)s, %(scope)s, %(needs)s, %(needs_variant)s);

-- name: void_other_revisions
-- Void the embed runs of a variant whose vectors are of another model than this one, so that they are due again.
update stage_runs set voided = true
where stage = 'embed' and variant = %(variant)s and status = 'done' and not voided and result->>'model' <> %(model)s
  and (%(scope)s::bigint[] is null or video_id = any (%(scope)s::bigint[]))
returning id;

-- name: run_counts
-- Per stage: running, waiting for a retry (and when the first is due), dead, done in all and in the last hour.
select stage,
       count(*) filter (where status = 'running')::int as running,
       count(*) filter (where status in ('failed', 'lost') and next_attempt_at > now() and not superseded)::int as retrying,
       extract(epoch from min(next_attempt_at) filter (where status in ('failed', 'lost') and next_attempt_at > now() and not superseded)
               - now())::float8 as retry_in_seconds,
       count(*) filter (where status = 'dead')::int as dead,
       count(*) filter (where status = 'done')::int as done,
       count(*) filter (where status = 'done' and finished_at > now() - interval '1 hour')::int as done_last_hour
from (
    select r.*, exists (select from stage_runs l where l.subject_id = r.subject_id and l.stage = r.stage
                        and l.variant = r.variant and not l.voided and l.id > r.id) as superseded
    from stage_runs r
    where not r.voided and (%(scope)s::bigint[] is null or r.video_id = any (%(scope)s::bigint[]))
) runs
group by stage;

-- name: open_runs
-- Runs that are running, waiting for a retry or dead, newest first, with what they work on: for status.
select r.id as run_id, r.stage, r.subject::text, r.subject_id, r.video_id, r.status::text, r.attempt, r.worker,
       r.error_type, r.error, v.source,
       extract(epoch from now() - r.started_at)::float8 as age_seconds,
       extract(epoch from r.next_attempt_at - now())::float8 as retry_in_seconds,
       extract(epoch from now() - r.lease_expires_at)::float8 as silent_seconds  -- above 0: the worker is gone
from stage_runs r join videos v on v.id = r.video_id
where not r.voided
  and (r.status in ('running', 'dead') or (r.status in ('failed', 'lost') and not exists (
        select from stage_runs l where l.subject_id = r.subject_id and l.stage = r.stage and l.variant = r.variant
        and not l.voided and l.id > r.id)))
  and (%(scope)s::bigint[] is null or r.video_id = any (%(scope)s::bigint[]))
order by (r.status = 'dead') desc, r.id desc limit %(limit)s;

-- name: stage_seconds
-- Where the time went: seconds of work and items done, by stage.
select stage, sum((result->>'seconds')::float8) as seconds, count(*)::int as items from stage_runs
where status = 'done' and (%(scope)s::bigint[] is null or video_id = any (%(scope)s::bigint[]))
group by stage order by seconds desc;

-- name: oldest_waiting
-- How long the oldest pending clip has waited for a reviewer, and how many wait.
select count(*)::int as waiting, extract(epoch from now() - min(c.created_at))::float8 as oldest_seconds
from clips c where c.state = 'pending_review' and c.retired_at is null
  and (%(scope)s::bigint[] is null or c.video_id = any (%(scope)s::bigint[]));

-- ------------------------------------------------------------------------------------------------ stages: inputs

-- name: input_download
-- What download needs.
select id, source, content_hash from videos where id = any (%(ids)s);

-- name: input_prepare
-- What prepare needs.
select id, content_hash, source_key from videos where id = any (%(ids)s);

-- name: input_detect
-- What detect needs.
select id, content_hash, analysis_key, pts_key, frame_count, time_base_num, time_base_den
from videos where id = any (%(ids)s);

-- name: input_export
-- What export needs.
select c.id, v.content_hash, v.source_key, v.proxy_key, v.analysis_key, v.has_audio, v.time_base_num, v.time_base_den, v.frame_count,
       c.start_frame, c.end_frame, c.start_pts, c.end_pts
from clips c join videos v on v.id = c.video_id where c.id = any (%(ids)s);

-- name: input_keyframes
-- What keyframes needs.
select c.id, v.content_hash, v.proxy_key, c.start_frame, c.end_frame
from clips c join videos v on v.id = c.video_id where c.id = any (%(ids)s);

-- name: input_facts
-- What facts needs: the frames, the file and the stills of the strategy in use.
select c.id, v.content_hash, c.start_frame, c.end_frame, v.frame_count, v.analysis_key, c.export_key,
       coalesce(v.has_audio, false) as has_audio,
       array(select a.key from artifacts a where a.clip_id = c.id and a.kind = 'keyframe' and a.strategy = %(strategy)s
             order by a.tag) as stills
from clips c join videos v on v.id = c.video_id where c.id = any (%(ids)s) and c.export_key is not null;

-- name: input_embed
-- What embed needs: the keys of the stills of the strategy in use, by tag.
select c.id, array_agg(a.tag order by a.tag) as tags, array_agg(a.key order by a.tag) as keys
from clips c join artifacts a on a.clip_id = c.id and a.kind = 'keyframe' and a.strategy = %(strategy)s
where c.id = any (%(ids)s) group by c.id;

-- name: input_archive
-- What archive needs: every object of the clip.
select c.id, coalesce(array_agg(a.key) filter (where a.key is not null), '{}') as keys
from clips c left join artifacts a on a.clip_id = c.id where c.id = any (%(ids)s) group by c.id;

-- ------------------------------------------------------------------------------------------------ stages: records

-- name: video_with_content
-- Another video that holds these bytes already.
select id from videos where content_hash = %(content_hash)s and id <> %(id)s;

-- name: record_duplicate
-- The same bytes came from another source: this row points there and is done.
update videos set duplicate_of = %(duplicate_of)s, content_hash = null, updated_at = now() where id = %(id)s;

-- name: record_download
-- The master is in the store: its hash, size, key, probe facts and provenance.
update videos set content_hash = %(content_hash)s, size_bytes = %(size_bytes)s, source_key = %(source_key)s,
    title = case when %(title)s <> '' then %(title)s else title end,
    container = %(container)s, codec = %(codec)s, width = %(width)s, height = %(height)s, rotation = %(rotation)s,
    duration_seconds = %(duration_seconds)s, frame_rate_num = %(frame_rate_num)s, frame_rate_den = %(frame_rate_den)s,
    has_audio = %(has_audio)s, provenance = %(provenance)s, updated_at = now()
where id = %(id)s;

-- name: record_prepare
-- Proxy, analysis frames and PTS are in the store; the counted frames and true times replace the probe's guesses, and
-- sound that cannot be decoded counts as none, so that export does not ask for it again.
update videos set proxy_key = %(proxy_key)s, analysis_key = %(analysis_key)s, pts_key = %(pts_key)s,
    frame_count = %(frame_count)s, duration_seconds = %(duration_seconds)s, time_base_num = %(time_base_num)s,
    time_base_den = %(time_base_den)s, is_vfr = %(is_vfr)s, is_partial = %(is_partial)s, has_audio = has_audio and %(audio_dropped)s = '',
    updated_at = now()
where id = %(id)s;

-- name: record_probabilities
-- Where the detector's probabilities lie.
update videos set probabilities_key = %(probabilities_key)s, updated_at = now() where id = %(id)s;

-- name: record_cuts
-- The detected cuts of a video.
insert into cuts (video_id, frame, pts, kind, confidence, created_by, metadata)
select %(id)s, frame, pts, kind::cut_kind, confidence, %(created_by)s, metadata
from jsonb_to_recordset(%(cuts)s) as t (frame integer, pts bigint, kind text, confidence real, metadata jsonb);

-- name: record_clips
-- The clips between a video's cuts, waiting for review.
insert into clips (video_id, start_frame, end_frame, start_pts, end_pts)
select %(id)s, start_frame, end_frame, start_pts, end_pts
from jsonb_to_recordset(%(clips)s) as t (start_frame integer, end_frame integer, start_pts bigint, end_pts bigint)
order by start_frame;

-- name: record_export
-- Where the clip's file lies.
update clips set export_key = %(key)s, export_profile = %(profile)s, updated_at = now() where id = %(id)s;

-- name: record_artifact
-- A file made from a clip; doing it again replaces the row.
insert into artifacts (clip_id, kind, strategy, tag, key, sha256, size_bytes, metadata)
values (%(clip_id)s, %(kind)s, %(strategy)s, %(tag)s, %(key)s, %(sha256)s, %(size_bytes)s, %(metadata)s)
on conflict (clip_id, kind, strategy, tag) do update
set key = excluded.key, sha256 = excluded.sha256, size_bytes = excluded.size_bytes, metadata = excluded.metadata;

-- name: record_model
-- Register a model, by its identity and by the name that loads it.
insert into models (model, dimension, name) values (%(model)s, %(dimension)s, %(name)s)
on conflict (model) do update set name = excluded.name where models.name <> excluded.name;

-- name: record_archive
-- Forget the files of an archived clip once they are gone from the store.
delete from artifacts where clip_id = %(id)s;

-- name: forget_export
-- The exported file is gone.
update clips set export_key = null, export_profile = null, updated_at = now() where id = %(id)s;

-- ------------------------------------------------------------------------------------------------ cuts and clips

-- name: cuts_of_video
-- The inner cuts of a video in order.
select k.frame, (k.pts * v.time_base_num)::float8 / v.time_base_den as pts_seconds, k.kind::text, k.confidence::float8,
       k.created_by, k.metadata
from cuts k join videos v on v.id = k.video_id where k.video_id = %(id)s order by k.frame;

-- name: clips_of_video
-- The active clips of a video in play order.
select c.id, c.start_frame, c.end_frame, (c.start_pts * v.time_base_num)::float8 / v.time_base_den as start_seconds,
       (c.end_pts * v.time_base_num)::float8 / v.time_base_den as end_seconds, c.state::text, c.export_key
from clips c join videos v on v.id = c.video_id
where c.video_id = %(id)s and c.retired_at is null order by c.start_frame;

-- name: facts_of_video
-- What was measured of the active clips of a video, in play order.
select c.id, f as facts from clips c cross join newest_facts(c.id) f
where c.video_id = %(id)s and c.retired_at is null and f is not null order by c.start_frame;

-- ------------------------------------------------------------------------------------------------ the database (search: search.sql)

-- name: database_facts
-- What `heaters doctor` and `heaters status` say of the database.
select current_setting('server_version') as server_version,
       (select extversion from pg_extension where extname = 'vector') as pgvector_version,
       pg_database_size(current_database())::bigint as size_bytes;

-- ------------------------------------------------------------------------------------------------ review

-- name: approve_pending
-- Approve every pending clip at once, with an event each as if a person had pressed the key. Clips in a reviewer's hands stay.
with pending as (
    select id, video_id, start_frame, end_frame, start_pts, end_pts, state, version, parents, group_id,
           reviewed_by, reviewed_at, retired_at
    from clips
    where state = 'pending_review' and retired_at is null
      and (review_lease_expires_at is null or review_lease_expires_at < now())
      and (%(scope)s::bigint[] is null or video_id = any (%(scope)s::bigint[]))
    for update skip locked
), approved as (
    update clips c set state = 'review_approved', version = c.version + 1, reviewed_by = %(reviewer)s,
                       reviewed_at = now(), updated_at = now()
    from pending p where c.id = p.id
    returning c.id, c.video_id, c.start_frame, c.end_frame, c.start_pts, c.end_pts, c.state, c.version, c.parents,
              c.group_id, c.reviewed_by, c.reviewed_at, c.retired_at
)
insert into review_events (video_id, reviewer, action, request_key, before, after)
select p.video_id, %(reviewer)s, 'approve', %(reviewer)s || ' ' || p.id || ' ' || p.version,
       jsonb_build_object('clips', jsonb_build_array(to_jsonb(p) - 'video_id'), 'cuts', '[]'::jsonb),
       jsonb_build_object('clips', jsonb_build_array(to_jsonb(a) - 'video_id'), 'cuts', '[]'::jsonb)
from pending p join approved a on a.id = p.id
order by p.video_id, p.start_frame
returning id;

-- name: serialise_reviewer
-- One act of a reviewer at a time, so that an act always sees the ones before it, also the same act sent twice at once.
select pg_advisory_xact_lock(hashtext('heaters.review.' || %(reviewer)s));

-- name: review_rows
-- The clips that an act may touch: those named, the one before each and the members of their groups; held until the end.
select id, start_frame, end_frame, start_pts, end_pts, state::text, version, parents, group_id, reviewed_by, reviewed_at,
       retired_at
from clips where video_id = %(video_id)s and (
    id = any (%(ids)s::bigint[])
    or (retired_at is null and (
        end_frame in (select start_frame from clips where id = any (%(ids)s::bigint[]))
        or group_id in (select group_id from clips where id = any (%(ids)s::bigint[]) and group_id is not null))))
order by id for update;

-- name: review_cuts
-- The cuts of a video at some frames.
select frame, pts, kind::text, confidence::float8, created_by, metadata from cuts
where video_id = %(video_id)s and frame = any (%(frames)s::integer[]) order by frame;

-- name: other_hands
-- Which of these pending clips are in another reviewer's hands.
select id, review_lease_by as reviewer from clips
where id = any (%(ids)s::bigint[]) and state = 'pending_review' and retired_at is null
  and review_lease_expires_at > now() and review_lease_by <> %(reviewer)s
order by start_frame;

-- name: held_clips
-- The clips of a video that a running stage holds.
select subject_id as id, stage from stage_runs where video_id = %(video_id)s and subject = 'clip' and status = 'running';

-- name: new_clip_id
-- The id of a clip about to be made.
select nextval(pg_get_serial_sequence('clips', 'id')) as id;

-- name: write_clip
-- A clip as an act leaves it: new, or with the columns changed that review may change.
insert into clips (id, video_id, start_frame, end_frame, start_pts, end_pts, state, version, parents, group_id,
                   reviewed_by, reviewed_at, retired_at, review_lease_by, review_lease_expires_at)
overriding system value
values (%(id)s, %(video_id)s, %(start_frame)s, %(end_frame)s, %(start_pts)s, %(end_pts)s, %(state)s::clip_state, %(version)s,
        %(parents)s::bigint[], %(group_id)s, %(reviewed_by)s, %(reviewed_at)s, %(retired_at)s,
        %(lease_by)s, now() + %(lease_seconds)s * interval '1 second')
on conflict (id) do update
set state = excluded.state, version = excluded.version, group_id = excluded.group_id, reviewed_by = excluded.reviewed_by,
    reviewed_at = excluded.reviewed_at, retired_at = excluded.retired_at, review_lease_by = excluded.review_lease_by,
    review_lease_expires_at = excluded.review_lease_expires_at, updated_at = now();

-- name: delete_cut
-- Take a cut away.
delete from cuts where video_id = %(video_id)s and frame = %(frame)s;

-- name: write_cut
-- Put a cut there.
insert into cuts (video_id, frame, pts, kind, confidence, created_by, metadata)
values (%(video_id)s, %(frame)s, %(pts)s, %(kind)s::cut_kind, %(confidence)s, %(created_by)s, %(metadata)s);

-- name: write_event
-- Append to the log of review.
insert into review_events (video_id, reviewer, action, request_key, undoes, before, after)
values (%(video_id)s, %(reviewer)s, %(action)s::review_action, %(request_key)s, %(undoes)s, %(before)s, %(after)s)
returning id;

-- name: event_of_request
-- What a request already led to: the same key gives the same answer.
select id, video_id, reviewer, action::text, undoes, before, after from review_events where request_key = %(request_key)s;

-- name: reviewer_log
-- A page of a reviewer's log without its images, newest first.
select id, reviewer, action::text, undoes from review_events
where reviewer = %(reviewer)s and id < %(before)s order by id desc limit %(limit)s;

-- name: event
-- One event with its images.
select id, video_id, reviewer, action::text, undoes, before, after from review_events where id = %(id)s;

-- name: later_events
-- What happened to some clips of a video after an event.
select id, video_id, reviewer, action::text, undoes, before, after from review_events
where video_id = %(video_id)s and id > %(id)s and exists (
    select from jsonb_array_elements(after->'clips') c where (c->>'id')::bigint = any (%(clip_ids)s::bigint[]))
order by id;

-- name: clip_event
-- The last event that touched a clip: who changed it under another's eyes.
select reviewer, action::text from review_events
where video_id = (select video_id from clips where id = %(id)s)
  and exists (select from jsonb_array_elements(after->'clips') c where (c->>'id')::bigint = %(id)s)
order by id desc limit 1;

-- name: own_events
-- A reviewer's last events that still stand, newest first, with the clips they left.
select e.id, e.action::text, v.id as video_id, v.title, extract(epoch from now() - e.created_at)::float8 as age_seconds,
       (select array_agg((c->>'id')::bigint) from jsonb_array_elements(e.after->'clips') c) as clip_ids
from review_events e join videos v on v.id = e.video_id
where e.reviewer = %(reviewer)s and e.action not in ('undo', 'redo')
  and (with recursive turns (id, n) as (
           select e.id, 0 union all select u.id, n + 1 from turns t join review_events u on u.undoes = t.id)
       select max(n) %% 2 = 0 from turns)  -- undone, redone, undone again, …
order by e.id desc limit %(limit)s;

-- name: own_ages
-- How long ago each of a reviewer's acts of the last minutes was: their pace.
select extract(epoch from now() - created_at)::float8 as age_seconds from review_events
where reviewer = %(reviewer)s and action not in ('undo', 'redo') and created_at > now() - %(seconds)s * interval '1 second'
order by id desc limit 1000;

-- ------------------------------------------------------------------------------------------------ review: leases

-- name: lease_clips
-- Give a reviewer the next clips of the queue, and count it. What another holds is skipped, so two never meet; a video
-- somebody else is in comes after the others; clips put off come last. Pending neighbours are leased too, so that an
-- edit of the shared cut is the same reviewer's.
with foreigners as (
    select distinct video_id from clips f
    where f.state = 'pending_review' and f.review_lease_expires_at > now() and f.review_lease_by <> %(reviewer)s
      and not exists (select from clips m where m.video_id = f.video_id and m.state = 'pending_review'
                      and m.review_lease_by = %(reviewer)s and m.review_lease_expires_at > now())
), picked as materialized (
    select * from (
        (select c.id, c.video_id, c.start_frame, c.end_frame, 1 as tier, row_number() over () as place from (
            select * from clips c
            where c.state = 'pending_review' and c.retired_at is null and c.review_deferred_at is null
              and (c.review_lease_expires_at is null or c.review_lease_expires_at <= now() or c.review_lease_by = %(reviewer)s)
              and not c.id = any (%(have)s::bigint[])
              and (%(videos)s::bigint[] is null or c.video_id = any (%(videos)s::bigint[]))
              and not exists (select from foreigners f where f.video_id = c.video_id)
            order by case when %(uncertain)s then least(
                         (select k.confidence from cuts k where k.video_id = c.video_id and k.frame = c.start_frame),
                         (select k.confidence from cuts k where k.video_id = c.video_id and k.frame = c.end_frame)) end,
                     c.video_id, c.start_frame
            limit %(n)s for update of c skip locked) c)
        union all
        (select c.id, c.video_id, c.start_frame, c.end_frame, 2, row_number() over () from (
            select * from clips c
            where c.state = 'pending_review' and c.retired_at is null and c.review_deferred_at is null
              and (c.review_lease_expires_at is null or c.review_lease_expires_at <= now() or c.review_lease_by = %(reviewer)s)
              and not c.id = any (%(have)s::bigint[])
              and (%(videos)s::bigint[] is null or c.video_id = any (%(videos)s::bigint[]))
              and exists (select from foreigners f where f.video_id = c.video_id)
            order by c.video_id, c.start_frame
            limit %(n)s for update of c skip locked) c)
        union all
        (select c.id, c.video_id, c.start_frame, c.end_frame, 3, row_number() over () from (
            select * from clips c
            where c.state = 'pending_review' and c.retired_at is null and c.review_deferred_at is not null
              and (c.review_lease_expires_at is null or c.review_lease_expires_at <= now() or c.review_lease_by = %(reviewer)s)
              and not c.id = any (%(have)s::bigint[])
              and (%(videos)s::bigint[] is null or c.video_id = any (%(videos)s::bigint[]))
            order by c.review_deferred_at, c.id
            limit %(n)s for update of c skip locked) c)
    ) queue order by tier, place limit %(n)s
), near as materialized (
    select c.id from clips c
    where c.state = 'pending_review' and c.retired_at is null
      and (c.review_lease_expires_at is null or c.review_lease_expires_at <= now() or c.review_lease_by = %(reviewer)s)
      and exists (select from picked p where p.video_id = c.video_id and (p.start_frame = c.end_frame or p.end_frame = c.start_frame))
    for update of c skip locked
), leased as (
    update clips set review_lease_by = %(reviewer)s, review_lease_expires_at = now() + %(lease_seconds)s * interval '1 second'
    where id in (select id from picked union select id from near)
), counted as (
    select count(*) filter (where c.state = 'pending_review')::int as pending,
           count(*) filter (where c.state <> 'pending_review')::int as decided,
           count(*) filter (where c.state = 'pending_review' and c.review_lease_expires_at > now()
                            and c.review_lease_by <> %(reviewer)s)::int as held_by_others
    from clips c
    where c.retired_at is null and (%(videos)s::bigint[] is null or c.video_id = any (%(videos)s::bigint[]))
)
select n.pending, n.decided, n.held_by_others, p.id from counted n left join picked p on true order by p.tier, p.place;

-- name: lease_clip
-- Give a reviewer one clip that was asked for, if it waits and nobody else holds it.
update clips set review_lease_by = %(reviewer)s, review_lease_expires_at = now() + %(lease_seconds)s * interval '1 second'
where id = %(id)s and state = 'pending_review' and retired_at is null
  and (review_lease_expires_at is null or review_lease_expires_at <= now() or review_lease_by = %(reviewer)s)
returning id;

-- name: renew_leases
-- Renew what a reviewer has in hand and its neighbours, also after it ran out if nobody has taken it. Returns what is theirs.
update clips c set review_lease_by = %(reviewer)s, review_lease_expires_at = now() + %(lease_seconds)s * interval '1 second'
where c.state = 'pending_review' and c.retired_at is null
  and (c.review_lease_expires_at is null or c.review_lease_expires_at <= now() or c.review_lease_by = %(reviewer)s)
  and (c.id = any (%(ids)s::bigint[]) or exists (
        select from clips h where h.id = any (%(ids)s::bigint[]) and h.video_id = c.video_id and h.retired_at is null
        and (h.start_frame = c.end_frame or h.end_frame = c.start_frame)))
returning c.id;

-- name: release_leases
-- Put clips back into the queue; `later` puts them behind all others.
update clips set review_lease_by = null, review_lease_expires_at = null,
    review_deferred_at = case when %(later)s then now() else review_deferred_at end
where state = 'pending_review' and retired_at is null and review_lease_by = %(reviewer)s
  and (%(ids)s::bigint[] is null or id = any (%(ids)s::bigint[]))
returning id;

-- name: review_cards
-- What a reviewer sees of clips, with their neighbours and the cuts at both ends, in the order asked for.
select c.id, c.version, c.state::text, c.video_id, c.start_frame, c.end_frame, c.group_id, c.reviewed_by, c.retired_at is not null as is_retired,
       case when c.state = 'pending_review' and c.review_lease_expires_at > now() and c.review_lease_by <> %(reviewer)s
            then c.review_lease_by end as held_by,
       v.title, v.source, v.frame_count, v.duration_seconds, v.time_base_num, v.time_base_den, v.pts_key, v.probabilities_key,
       v.width, v.height, v.is_vfr, coalesce(v.has_audio, false) as has_audio, v.proxy_key,
       p.id as previous_id, p.version as previous_version, p.start_frame as previous_start_frame, p.state::text as previous_state,
       n.id as next_id, n.version as next_version, n.end_frame as next_end_frame, n.state::text as next_state,
       ks.kind::text as start_kind, ks.confidence::float8 as start_confidence,
       ke.kind::text as end_kind, ke.confidence::float8 as end_confidence,
       (select count(*) from clips b where b.video_id = c.video_id and b.retired_at is null and b.start_frame < c.start_frame)::int + 1 as number,
       (select count(*) from clips b where b.video_id = c.video_id and b.retired_at is null)::int as clips
from unnest(%(ids)s::bigint[]) with ordinality as asked (id, place)
join clips c on c.id = asked.id
join videos v on v.id = c.video_id
left join clips p on p.video_id = c.video_id and p.retired_at is null and p.end_frame = c.start_frame
left join clips n on n.video_id = c.video_id and n.retired_at is null and n.start_frame = c.end_frame
left join cuts ks on ks.video_id = c.video_id and ks.frame = c.start_frame
left join cuts ke on ke.video_id = c.video_id and ke.frame = c.end_frame
order by asked.place;

-- name: clip_start
-- The first frame of a clip.
select start_frame from clips where id = %(id)s;

-- name: review_videos
-- Videos with their state and how many of their clips wait: those named, or all in which some do.
select v.id, coalesce(nullif(v.title, ''), v.source) as title, v.state::text, coalesce(w.waiting, 0)::int as waiting
from videos v left join (select video_id, count(*) as waiting from clips where state = 'pending_review' and retired_at is null
                         group by video_id) w on w.video_id = v.id
where (%(ids)s::bigint[] is null and w.waiting > 0) or v.id = any (%(ids)s::bigint[])
order by v.id limit 500;

-- name: clips_over
-- The active clips that now cover the frames of a clip, first to last: what became of one that is gone.
select c.id from clips g join clips c on c.video_id = g.video_id and c.retired_at is null
    and c.start_frame < g.end_frame and c.end_frame > g.start_frame
where g.id = %(id)s order by c.start_frame;

-- ------------------------------------------------------------------------------------------------ recut

-- name: recut_videos
-- What a recut needs of each video: its frames, where PTS and probabilities lie, and the detector that detection ran.
select v.id, v.title, v.source, v.state::text, v.frame_count, v.content_hash, v.analysis_key, v.pts_key, v.probabilities_key,
       v.time_base_num, v.time_base_den, coalesce(r.result->>'method', '') as method, coalesce(r.result->>'model', '') as model
from videos v
left join stage_runs r on r.stage = 'detect' and r.subject_id = v.id and r.variant = '' and r.status = 'done' and not r.voided
where v.duplicate_of is null and (%(ids)s::bigint[] is null or v.id = any (%(ids)s::bigint[]))
order by v.id;

-- name: recut_rows
-- All active clips of a video, held until the end of the transaction.
select id, start_frame, end_frame, start_pts, end_pts, state::text, version, parents, group_id, reviewed_by, reviewed_at,
       retired_at
from clips where video_id = %(video_id)s and retired_at is null order by id for update;

-- name: recut_cuts
-- All cuts of a video as review sees them.
select frame, pts, kind::text, confidence::float8, created_by, metadata from cuts where video_id = %(video_id)s order by frame;

-- name: clips_in_hand
-- The clips of a video that a reviewer holds now.
select id, review_lease_by as reviewer from clips
where video_id = %(video_id)s and retired_at is null and review_lease_expires_at > now();

-- name: new_clip_ids
-- The ids of some clips about to be made.
select nextval(pg_get_serial_sequence('clips', 'id')) as id from generate_series(1, %(count)s);

-- name: retire_clips
-- Take clips out of the tiling; their rows stay for lineage and undo.
update clips c set state = 'archived', retired_at = t.retired_at, version = t.version, updated_at = now()
from jsonb_to_recordset(%(clips)s) as t (id bigint, version integer, retired_at timestamptz)
where c.id = t.id;

-- name: add_clips
-- Clips that were laid anew, with the ids they were given.
insert into clips (id, video_id, start_frame, end_frame, start_pts, end_pts)
overriding system value
select id, %(video_id)s, start_frame, end_frame, start_pts, end_pts
from jsonb_to_recordset(%(clips)s) as t (id bigint, start_frame integer, end_frame integer, start_pts bigint, end_pts bigint);

-- name: delete_cuts
-- Take cuts away.
delete from cuts where video_id = %(video_id)s and frame = any (%(frames)s::integer[]);

-- ------------------------------------------------------------------------------------------------ the UI

-- name: begin_session
-- Somebody signed in.
insert into sessions (token_hash, name, mark, expires_at)
values (%(token_hash)s, %(name)s, %(mark)s, now() + %(seconds)s * interval '1 second');

-- name: session
-- Who signed in with a token, while it lasts.
select name, mark from sessions where token_hash = %(token_hash)s and expires_at > now();

-- name: end_session
-- Somebody signed out.
delete from sessions where token_hash = %(token_hash)s;

-- name: sweep_sessions
-- Sessions that ran out.
delete from sessions where expires_at < now();

-- name: video_proxy
-- What playing a video needs.
select id, content_hash, proxy_key, frame_count from videos where id = %(id)s;

-- name: clip_proxy
-- What stills of a clip need.
select c.id, c.video_id, v.content_hash, v.proxy_key, c.start_frame, c.end_frame, c.export_key
from clips c join videos v on v.id = c.video_id where c.id = %(id)s;

-- ------------------------------------------------------------------------------------------------ cut lists

-- name: cutlist_video
-- What a cut list says of a video's file.
select v.id, v.source, v.title, v.state::text, v.width, v.height, coalesce(v.has_audio, false) as has_audio, v.is_vfr,
       v.frame_count, v.frame_rate_num, v.frame_rate_den, v.time_base_num, v.time_base_den, v.pts_key, v.source_key
from videos v where v.id = %(id)s;

-- name: cutlist_clips
-- The active clips of a video in play order, with the cut that each begins at.
select c.id, c.start_frame, c.end_frame, c.state::text, k.kind::text, k.confidence::float8, k.created_by
from clips c left join cuts k on k.video_id = c.video_id and k.frame = c.start_frame
where c.video_id = %(id)s and c.retired_at is null
  and (%(states)s::clip_state[] is null or c.state = any (%(states)s::clip_state[]))
order by c.start_frame;
