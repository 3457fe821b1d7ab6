-- Videos: finding, submitting, listing them, and their cut lists.

-- ---------------------------------------------------------------- videos

-- name: submit_videos
-- Add sources in their order; nothing happens for one that is already known, by itself or by its bytes. Announced as new afterwards.
insert into videos (source, title, content_hash, size_bytes)
select s.source, s.title, s.content_hash, s.size_bytes
from unnest(%(source)s::text[], %(title)s::text[], %(content_hash)s::text[], %(size_bytes)s::bigint[])
     with ordinality as s (source, title, content_hash, size_bytes, number)
order by s.number
on conflict do nothing
returning id, source;

-- name: find_videos
-- For each source the video that it, or else its bytes, belong to; nulls where there is none. `is_stored`: its bytes are in the store;
-- `is_lost`: they are not, and fetching them was given up.
select v.id, v.source, v.content_hash, v.duplicate_of, v.source_key is not null as is_stored,
       v.source_key is null and exists (select from failures f where f.video_id = v.id and f.next_attempt_at is null) as is_lost
from unnest(%(source)s::text[], %(content_hash)s::text[]) with ordinality as s (source, content_hash, number)
left join lateral (
    select v.id, v.source, v.content_hash, v.duplicate_of, v.source_key from videos v
    where v.source = s.source or v.content_hash = s.content_hash
    order by (v.source = s.source) desc, v.id limit 1
) v on true
order by s.number;

-- name: move_video
-- The file of a video lies elsewhere now, or is another one. Nothing happens where another video has its path or its bytes.
update videos v set source = %(source)s, content_hash = %(content_hash)s, size_bytes = %(size_bytes)s, updated_at = now()
where v.id = %(id)s and not exists (
    select from videos o where o.id <> v.id and (o.source = %(source)s or o.content_hash = %(content_hash)s))
returning v.id;

-- name: find_video
-- The video a source or its bytes belong to.
select id, source, content_hash, duplicate_of from videos
where source = %(source)s or content_hash = %(content_hash)s
order by (source = %(source)s) desc, id
limit 1;

-- name: videos
-- Some videos with the number of active clips and the error that holds each back, for listings.
select v.id, v.source, v.title, v.state::text, v.duplicate_of, v.frame_count, v.duration_seconds, v.width, v.height,
       v.is_vfr, v.is_partial, v.partial_reason, v.has_audio,
       (select count(*) from clips c where c.video_id = v.id and c.retired_at is null)::int as clips,
       (select f.error_type || ': ' || f.error from failures f where f.video_id = v.id
        order by (f.next_attempt_at is null) desc, f.id desc limit 1) as error
from videos v where v.id = any (%(ids)s::bigint[]) order by v.id;

-- name: latest_videos
-- The latest of some videos (or of all), the same as `videos` and their streams.
select v.id, v.source, v.title, v.state::text, v.duplicate_of, v.frame_count, v.duration_seconds, v.width, v.height,
       v.is_vfr, v.is_partial, v.partial_reason, v.has_audio, v.streams,
       (select count(*) from clips c where c.video_id = v.id and c.retired_at is null)::int as clips,
       (select f.error_type || ': ' || f.error from failures f where f.video_id = v.id
        order by (f.next_attempt_at is null) desc, f.id desc limit 1) as error
from videos v where %(ids)s::bigint[] is null or v.id = any (%(ids)s::bigint[])
order by v.id desc limit %(limit)s;

-- name: video_streams
-- The streams of a video's file, whether sound was decoded, whether the file was damaged, and what was done to its pictures.
select treatment, streams, has_audio, is_partial, partial_reason, concealed, state >= 'prepared' as is_prepared from videos where id = %(id)s;

-- name: video_source
-- What a video came from.
select source from videos where id = %(id)s;

-- name: contents
-- The videos of some contents, with the objects that rows name as they are.
select v.id, v.content_hash, array_remove(array[v.source_key, v.sample_key, v.proxy_key, v.analysis_key, v.pts_key, v.probabilities_key], null) as keys
from videos v where v.content_hash = any (%(contents)s::text[]);

-- name: made_of_contents
-- What was made from the clips of some contents, active or retired: strategies of stills, profiles and parameters of files.
select v.content_hash, c.start_frame, c.end_frame,
       array(select n.variant from stills s join variants n on n.id = s.variant where s.clip_id = c.id) as strategies,
       array(select n.variant || ' ' || e.params from exports e join variants n on n.id = e.variant where e.clip_id = c.id) as files
from videos v join clips c on c.video_id = v.id where v.content_hash = any (%(contents)s::text[]);

-- name: contents_in_work
-- The contents of videos that drivers work on; a null where the bytes are not known yet.
select distinct v.content_hash from tasks t join videos v on v.id = t.video_id where t.driver is not null;

-- name: watch_video
-- Somebody wants to see a prepared video: its proxy is due, where it has none. Said again while it is waited for, it changes nothing.
select announce('watched', array_agg(v.id), array_agg(0)) from videos v
where v.id = %(id)s and v.proxy_key is null and v.state >= 'prepared'
  and not exists (select from changes c where c.video_id = v.id and c.kind = 'watched' and c.since > now() - interval '1 minute')
having count(*) > 0;

-- name: watch_for_files
-- Proxies are due of the prepared videos that have none and whose clips are to be copied from one: those with approved clips, or
-- `all`, up to `most`. Returns how many.
with wanted as materialized (
    select v.id from videos v
    where v.proxy_key is null and v.state >= 'prepared' and v.duplicate_of is null
      and (%(scope)s::bigint[] is null or v.id = any (%(scope)s::bigint[]))
      and not exists (select from changes c where c.video_id = v.id and c.kind = 'watched')
      and (%(all)s or exists (select from clips c where c.video_id = v.id and c.state = 'review_approved'))
    order by v.id limit %(most)s
), told as materialized (
    select announce('watched', array_agg(id), array_agg(0)) from wanted having count(*) > 0
)
select (select count(*) from wanted)::int as n, (select count(*) from told) as told;

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
       v.frame_count, v.frame_rate_num, v.frame_rate_den, v.time_base_num, v.time_base_den, v.pts_key, v.source_key,
       v.timecode, v.timecode_rate, v.holes
from videos v where v.id = %(id)s;

-- name: cutlist_clips
-- The active clips of a video in play order, with the cut that each begins at.
select c.id, c.start_frame, c.end_frame, c.state::text, k.kind::text, k.confidence::float8, k.created_by
from clips c left join cuts k on k.video_id = c.video_id and k.frame = c.start_frame
where c.video_id = %(id)s and c.retired_at is null
  and (%(states)s::clip_state[] is null or c.state = any (%(states)s::clip_state[]))
order by c.start_frame;
