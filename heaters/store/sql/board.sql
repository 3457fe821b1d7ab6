-- The queries of the UI's listings. Those with {key} are templates: it is one of the key_… below, by which they are ordered.

-- ------------------------------------------------------------------------------------------------ browsing clips

-- name: key_newest
-- Not a statement: the latest first.
-c.id::float8;

-- name: key_oldest
-- Not a statement: the first first.
c.id::float8;

-- name: key_longest
-- Not a statement: by length, downwards.
-((c.end_pts - c.start_pts) * v.time_base_num)::float8 / v.time_base_den;

-- name: key_shortest
-- Not a statement: by length, upwards.
((c.end_pts - c.start_pts) * v.time_base_num)::float8 / v.time_base_den;

-- name: key_uncertain
-- Not a statement: by the confidence of the cut that the clip starts with, the least first.
coalesce((select k.confidence from cuts k where k.video_id = c.video_id and k.frame = c.start_frame), 2)::float8;

-- name: key_shuffled
-- Not a statement: by chance, the same for the same seed.
hashint8extended(c.id, %(seed)s)::float8;

-- name: browse
-- A page of clips in the order of a key, ties by id: after a clip, or from an offset.
select c.id, c.video_id, v.title, v.source, v.proxy_key, c.state::text, c.start_frame, c.end_frame,
       (c.start_pts * v.time_base_num)::float8 / v.time_base_den as start_seconds,
       (c.end_pts * v.time_base_num)::float8 / v.time_base_den as end_seconds,
       {key} as key
from clips c join videos v on v.id = c.video_id
where c.retired_at is null and c.state <> 'archived'
  and (%(videos)s::bigint[] is null or c.video_id = any (%(videos)s::bigint[]))
  and (%(states)s::text[] is null or c.state = any (%(states)s::text[]::clip_state[]))
  and (%(min_seconds)s::float8 is null
       or ((c.end_pts - c.start_pts) * v.time_base_num)::float8 / v.time_base_den >= %(min_seconds)s::float8)
  and (%(max_seconds)s::float8 is null
       or ((c.end_pts - c.start_pts) * v.time_base_num)::float8 / v.time_base_den < %(max_seconds)s::float8)
  and (%(facts)s::jsonb is null or facts_match(c.id, %(facts)s::jsonb))
  and (%(after_key)s::float8 is null or ({key}, c.id) > (%(after_key)s::float8, %(after_id)s::bigint))
order by {key}, c.id limit %(limit)s offset %(offset)s;

-- name: count_clips
-- How many clips pass the filters, counted no further than `most`.
select count(*)::int as n from (
    select from clips c join videos v on v.id = c.video_id
    where c.retired_at is null and c.state <> 'archived'
      and (%(videos)s::bigint[] is null or c.video_id = any (%(videos)s::bigint[]))
      and (%(states)s::text[] is null or c.state = any (%(states)s::text[]::clip_state[]))
      and (%(min_seconds)s::float8 is null
           or ((c.end_pts - c.start_pts) * v.time_base_num)::float8 / v.time_base_den >= %(min_seconds)s::float8)
      and (%(max_seconds)s::float8 is null
           or ((c.end_pts - c.start_pts) * v.time_base_num)::float8 / v.time_base_den < %(max_seconds)s::float8)
      and (%(facts)s::jsonb is null or facts_match(c.id, %(facts)s::jsonb))
    limit %(most)s
) counted;

-- name: names_of_videos
-- Titles, sources and proxies of some videos.
select id, title, source, proxy_key from videos where id = any (%(ids)s);

-- name: videos_by_words
-- Videos whose title or source holds some words, the latest first: for filters.
select id, title, source, (select count(*) from clips c where c.video_id = v.id and c.retired_at is null)::int as clips
from videos v
where v.duplicate_of is null and (%(words)s = '' or strpos(lower(v.title || ' ' || v.source), lower(%(words)s)) > 0)
order by v.id desc limit %(limit)s;

-- ------------------------------------------------------------------------------------------------ status

-- name: waiting_clips
-- How many clips wait for a reviewer.
select count(*)::int as n from clips where state = 'pending_review' and retired_at is null;

-- name: oldest_open
-- Per stage, how long the oldest item has waited in the states that the stage takes: a bound from its last change.
select s.stage, extract(epoch from now() - min(s.since))::float8 as seconds
from (
    select case v.state when 'new' then 'download' when 'downloaded' then 'prepare' when 'prepared' then 'detect' end as stage,
           v.updated_at as since
    from videos v where v.state <> 'cut' and v.duplicate_of is null
    union all
    select case c.state when 'pending_review' then 'review' when 'review_approved' then 'export'
                        when 'exported' then 'keyframes' when 'keyframed' then 'embed' end, c.updated_at
    from clips c where c.retired_at is null and c.state in ('pending_review', 'review_approved', 'exported', 'keyframed')
) s where s.stage is not null group by s.stage;

-- name: failures
-- What failed or gave up and is still open, by stage, kind of error and whether it will be tried again.
select r.stage, r.error_type, (r.status = 'dead') as dead, count(*)::int as n, max(r.finished_at) as last_at,
       (array_agg(r.error order by r.id desc))[1] as example
from stage_runs r
where not r.voided and r.status in ('failed', 'lost', 'dead')
  and not exists (select from stage_runs l where l.subject_id = r.subject_id and l.stage = r.stage
                  and l.variant = r.variant and not l.voided and l.id > r.id)
group by r.stage, r.error_type, (r.status = 'dead')
order by (r.status = 'dead') desc, count(*) desc, r.stage, r.error_type;

-- name: failed_runs
-- The open failures of one kind, the latest first.
select r.id as run_id, r.stage, r.subject::text, r.subject_id, r.video_id, r.status::text, r.attempt, r.worker,
       r.error_type, r.error, v.title, v.source, r.finished_at,
       extract(epoch from r.next_attempt_at - now())::float8 as retry_in_seconds
from stage_runs r join videos v on v.id = r.video_id
where not r.voided and r.status in ('failed', 'lost', 'dead')
  and r.stage = %(stage)s and r.error_type is not distinct from %(error_type)s and (r.status = 'dead') = %(dead)s
  and not exists (select from stage_runs l where l.subject_id = r.subject_id and l.stage = r.stage
                  and l.variant = r.variant and not l.voided and l.id > r.id)
  and (%(before)s::bigint is null or r.id < %(before)s::bigint)
order by r.id desc limit %(limit)s;

-- name: retry_some
-- Void what failed for the items of some runs, or of a kind of failure, so that they are due again at once.
with chosen as (
    select distinct r.stage, r.subject_id, r.variant from stage_runs r
    where not r.voided and r.status in ('failed', 'lost', 'dead')
      and (%(run_ids)s::bigint[] is null or r.id = any (%(run_ids)s::bigint[]))
      and (%(stage)s::text is null or r.stage = %(stage)s::text)
      and (%(error_type)s::text is null or r.error_type = %(error_type)s::text)
      and (%(video)s::bigint is null or r.video_id = %(video)s::bigint)
      and not exists (select from stage_runs l where l.subject_id = r.subject_id and l.stage = r.stage
                      and l.variant = r.variant and not l.voided and l.id > r.id)
)
update stage_runs r set voided = true from chosen c
where r.stage = c.stage and r.subject_id = c.subject_id and r.variant = c.variant
  and r.status in ('failed', 'lost', 'dead') and not r.voided
returning r.stage, r.subject::text, r.subject_id;

-- name: workers
-- Who works: what each worker holds now and did in the last hour, and on which devices.
select worker, count(*) filter (where status = 'running')::int as running,
       count(*) filter (where status = 'done')::int as done,
       extract(epoch from now() - max(coalesce(finished_at, now())))::float8 as silent_seconds,
       coalesce(array_agg(distinct result->>'device') filter (where result->>'device' is not null), '{}') as devices
from stage_runs
where status = 'running' or finished_at > now() - interval '1 hour'
group by worker order by running desc, silent_seconds limit 20;

-- name: cache_hits
-- How many files stages found on their own disk, of those that they looked for in the last day, and the bytes that it saved.
select coalesce(sum(hits + misses), 0)::bigint as asked, coalesce(sum(hits), 0)::bigint as hits,
       coalesce(sum(bytes_saved), 0)::bigint as bytes_saved
from (select (result->'cache'->>'hits')::int as hits, (result->'cache'->>'misses')::int as misses,
             (result->'cache'->>'bytes_saved')::bigint as bytes_saved
      from stage_runs where status = 'done' and finished_at > now() - interval '1 day') r;

-- name: clips_by_day
-- How many clips of each state were last decided or made on each of the last days.
select coalesce(reviewed_at, created_at)::date as day, state::text, count(*)::int as n
from clips where retired_at is null and coalesce(reviewed_at, created_at) > current_date - %(days)s::int
group by 1, 2 order by 1, 2;

-- name: seconds_by_stage
-- How long a stage takes an item: quantiles over the latest runs.
select stage, count(*)::int as n,
       percentile_cont(array[0.05, 0.25, 0.5, 0.75, 0.95]) within group (order by seconds) as quantiles
from (
    select stage, (result->>'seconds')::float8 as seconds,
           row_number() over (partition by stage order by id desc) as place
    from stage_runs where status = 'done' and result ? 'seconds'
) latest where place <= 1000 group by stage;

-- name: confidence_histogram
-- How sure the detector was of its cuts: twenty bins of 0.05.
select least(floor(confidence * 20)::int, 19) as bin, count(*)::int as n
from cuts where confidence is not null group by 1 order by 1;

-- name: pace
-- Acts of review in each minute of the last hour or so that had any, by reviewer.
select reviewer, floor(extract(epoch from now() - created_at) / 60)::int as minutes_ago, count(*)::int as n
from review_events
where created_at > now() - %(minutes)s * interval '1 minute' and action not in ('undo', 'redo') and reviewer <> 'auto-approve'
group by 1, 2 order by 1, 2;

-- ------------------------------------------------------------------------------------------------ one video

-- name: videos_page
-- Videos, the latest first, with how far each is and what holds it back.
select v.id, v.source, v.title, v.state::text, v.duplicate_of, v.frame_count, v.duration_seconds, v.width, v.height,
       v.size_bytes, v.created_at,
       (select count(*) from clips c where c.video_id = v.id and c.retired_at is null)::int as clips,
       (select count(*) from clips c where c.video_id = v.id and c.retired_at is null and c.state = 'pending_review')::int as waiting,
       (select count(*) from clips c where c.video_id = v.id and c.retired_at is null and c.state = 'embedded')::int as searchable,
       (select r.stage || ' ' || r.status::text from stage_runs r
         where r.video_id = v.id and r.subject = 'video' and not r.voided order by r.id desc limit 1) as last_run,
       (select r.error_type || ': ' || r.error from stage_runs r
         where r.video_id = v.id and r.status in ('failed', 'lost', 'dead') and not r.voided
           and not exists (select from stage_runs l where l.stage = r.stage and l.subject_id = r.subject_id
                           and l.variant = r.variant and not l.voided and l.id > r.id)
         order by (r.status = 'dead') desc, r.id desc limit 1) as error
from videos v
where (%(ids)s::bigint[] is null or v.id = any (%(ids)s::bigint[]))
  and (%(before)s::bigint is null or v.id < %(before)s::bigint)
  and (%(words)s = '' or strpos(lower(v.title || ' ' || v.source), lower(%(words)s)) > 0)
order by v.id desc limit %(limit)s;

-- name: video_facts
-- Everything that is known of one video.
select v.id, v.source, v.title, v.state::text, v.duplicate_of, v.content_hash, v.size_bytes, v.container, v.codec, v.width,
       v.height, v.rotation, v.frame_count, v.duration_seconds, v.frame_rate_num, v.frame_rate_den, v.is_vfr, v.has_audio,
       v.is_partial, v.provenance, v.proxy_key, v.created_at, v.updated_at,
       (select count(*) from cuts k where k.video_id = v.id)::int as cuts,
       (select count(*) from embeddings e join clips c on c.id = e.clip_id where c.video_id = v.id and c.retired_at is null)::int as vectors
from videos v where v.id = %(id)s;

-- name: video_clip_states
-- How many clips of a video are in each state.
select state::text, count(*)::int as n from clips where video_id = %(id)s and retired_at is null group by state order by state;

-- name: video_runs
-- Every attempt at every stage of a video and its clips, the latest first; those of the video itself are few.
select r.id as run_id, r.stage, r.subject::text, r.subject_id, r.variant, r.attempt, r.status::text, r.voided, r.worker,
       r.error_type, r.error, r.result, r.started_at, r.finished_at,
       extract(epoch from coalesce(r.finished_at, now()) - r.started_at)::float8 as seconds,
       extract(epoch from r.next_attempt_at - now())::float8 as retry_in_seconds
from stage_runs r
where r.video_id = %(id)s and (%(subject)s::text is null or r.subject::text = %(subject)s::text)
  and (%(before)s::bigint is null or r.id < %(before)s::bigint)
order by r.id desc limit %(limit)s;

-- name: videos_of_sources
-- The videos that these sources are already.
select id, source, state::text from videos where source = any (%(sources)s);

-- name: finished_uploads
-- Uploaded files whose bytes are in the store by now.
select id, source from videos where starts_with(source, %(folder)s) and (source_key is not null or duplicate_of is not null);
