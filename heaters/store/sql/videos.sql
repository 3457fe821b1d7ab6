-- Videos: finding, submitting, listing them, and their cut lists.

-- ---------------------------------------------------------------- videos

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

-- ---------------------------------------------------------------- cut lists

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
