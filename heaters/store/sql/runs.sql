-- The queue: what is due, claims with a lease, ends, counts.

-- name: serialise_claims
-- One claim per stage at a time, so that a claim always sees what the one before it took.
select pg_advisory_xact_lock(hashtext('heaters.claim.' || %(stage)s));

-- name: claim_videos
-- Give due videos to this worker: one running row with a lease each, as long as their bytes begin within its room. Rows locked
-- by somebody else are skipped; twice as many are looked at, so that these leave enough.
with locked as (
    select v.id, least(coalesce(v.size_bytes, 0), %(most_bytes)s) as bytes from videos v
    where v.id in (select d.id from due_videos(%(stage)s, %(variant)s, %(states)s, %(scope)s,
                                               %(from_video)s, %(to_video)s, 2 * %(limit)s::bigint) d)
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
    -- As due_videos, but for the hosts.
    select d.id, d.host from unnest(%(states)s::text[]::video_state[]) as s (state)
    cross join lateral (
        select v.id, v.host from videos v
        where (v.state, v.id) >= (s.state, 0) and (v.state, v.id) < (s.state, 9223372036854775807)
          and v.duplicate_of is null
          and (%(scope)s::bigint[] is null or v.id = any (%(scope)s::bigint[]))
          and v.host <> all (array(select host from busy where is_too_soon or running >= %(host_limit)s::int))
          and is_open(%(stage)s, v.id, %(variant)s)
        order by v.state, v.id limit 4 * %(limit)s::int + 60) d
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
    where c.id in (select d.id from due_clips(%(stage)s, %(variant)s, %(states)s, %(scope)s, %(needs)s, %(needs_variant)s,
                                              %(from_video)s, %(to_video)s, 2 * %(limit)s::bigint) d)
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
select count(*)::int as n from due_videos(%(stage)s, %(variant)s, %(states)s, %(scope)s, p_most => %(most)s);

-- name: first_due_video
-- The first video that waits for a stage now, if any does.
select video_id from due_videos(%(stage)s, %(variant)s, %(states)s, %(scope)s, p_most => 1) order by video_id limit 1;

-- name: first_due_clip
-- The video of the first clip that waits for a stage now, if any does.
select video_id from due_clips(%(stage)s, %(variant)s, %(states)s, %(scope)s, %(needs)s, %(needs_variant)s, p_most => 1)
order by video_id limit 1;

-- name: newest_video
-- The last video there is; 0 where there is none.
select coalesce(max(id), 0) as id from videos;

-- name: is_any_run_open
-- Whether anything runs, or waits for its next attempt.
select exists (select from stage_runs r where r.status = 'running'
               and (%(scope)s::bigint[] is null or r.video_id = any (%(scope)s::bigint[])))
    or exists (select from stage_runs r
               where r.status in ('failed', 'lost') and not r.voided and r.next_attempt_at > now()
                 and (%(scope)s::bigint[] is null or r.video_id = any (%(scope)s::bigint[]))
                 and not exists (select from stage_runs l where l.subject_id = r.subject_id and l.stage = r.stage
                                 and l.variant = r.variant and not l.voided and l.id > r.id)) as yes;

-- name: count_due_clips
-- How many clips wait for a stage now.
select count(*)::int as n from due_clips(%(stage)s, %(variant)s, %(states)s, %(scope)s, %(needs)s, %(needs_variant)s,
                                         p_most => %(most)s);

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

-- name: archived_until_now
-- Clips whose objects were deleted, with figures, and how many gave up and were not retried.
select count(*) filter (where status = 'done')::int as clips,
       coalesce(sum((result->>'objects_deleted')::bigint) filter (where status = 'done'), 0)::bigint as objects_deleted,
       coalesce(sum((result->>'bytes_freed')::bigint) filter (where status = 'done'), 0)::bigint as bytes_freed,
       count(*) filter (where status = 'dead')::int as gave_up
from stage_runs
where stage = 'archive' and not voided and (%(scope)s::bigint[] is null or video_id = any (%(scope)s::bigint[]));

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
