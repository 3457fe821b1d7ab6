-- What stages read and write, and what clips and the database are asked.

-- ------------------------------------------------------------------------------------------------ inputs

-- name: input_download
-- What download needs.
select id, source, content_hash from videos where id = any (%(video_ids)s::bigint[]) and state = 'new' and duplicate_of is null;

-- name: input_prepare
-- What prepare needs.
select id, content_hash, source_key from videos where id = any (%(video_ids)s::bigint[]) and state = 'downloaded';

-- name: input_proxy
-- What the proxy stage needs.
select id, content_hash, source_key, pts_key, time_base_num, time_base_den, coalesce(has_audio, false) as has_audio, shapes
from videos v where v.id = any (%(video_ids)s::bigint[]) and v.state >= 'prepared' and v.proxy_key is null;

-- name: input_detect
-- What detect needs.
select id, content_hash, analysis_key, pts_key, frame_count, time_base_num, time_base_den
from videos where id = any (%(video_ids)s::bigint[]) and state = 'prepared';

-- name: input_keyframes
-- What keyframes needs of each clip that is due in some stretches.
select c.id, l.video_id, l.stretch, v.content_hash, v.source_key, v.sample_key, v.proxy_key, v.analysis_key, v.pts_key,
       coalesce(v.has_audio, false) as has_audio, v.time_base_num, v.time_base_den, v.frame_count, c.start_frame, c.end_frame,
       clip_shapes(v.shapes, c.start_frame, c.end_frame) as shapes
from unnest(%(video_ids)s::bigint[], %(stretches)s::int[]) as l (video_id, stretch)
join videos v on v.id = l.video_id
join clips c on c.video_id = l.video_id and c.start_frame >= l.stretch * 4096 and c.start_frame < (l.stretch + 1) * 4096
where {clip_is_due} order by c.video_id, c.start_frame;

-- name: input_facts
-- What facts needs of each clip that is due in some stretches: frames, stills and sound.
select c.id, l.video_id, l.stretch, v.content_hash, c.start_frame, c.end_frame, c.start_pts, c.end_pts, v.frame_count, v.analysis_key,
       v.source_key, v.time_base_num, v.time_base_den, coalesce(v.has_audio, false) as has_audio
from unnest(%(video_ids)s::bigint[], %(stretches)s::int[]) as l (video_id, stretch)
join videos v on v.id = l.video_id
join clips c on c.video_id = l.video_id and c.start_frame >= l.stretch * 4096 and c.start_frame < (l.stretch + 1) * 4096
where {clip_is_due} order by c.video_id, c.start_frame;

-- name: input_embed
-- What embed needs of each clip that is due in some stretches.
select c.id, l.video_id, l.stretch, v.content_hash, c.start_frame, c.end_frame
from unnest(%(video_ids)s::bigint[], %(stretches)s::int[]) as l (video_id, stretch)
join videos v on v.id = l.video_id
join clips c on c.video_id = l.video_id and c.start_frame >= l.stretch * 4096 and c.start_frame < (l.stretch + 1) * 4096
where {clip_is_due} order by c.video_id, c.start_frame;

-- name: input_export
-- What export needs of each clip that is due in some stretches.
select c.id, l.video_id, l.stretch, v.content_hash, v.source_key, v.proxy_key, v.analysis_key, coalesce(v.has_audio, false) as has_audio,
       v.time_base_num, v.time_base_den, v.frame_count, c.start_frame, c.end_frame, c.start_pts, c.end_pts,
       clip_shapes(v.shapes, c.start_frame, c.end_frame) as shapes
from unnest(%(video_ids)s::bigint[], %(stretches)s::int[]) as l (video_id, stretch)
join videos v on v.id = l.video_id
join clips c on c.video_id = l.video_id and c.start_frame >= l.stretch * 4096 and c.start_frame < (l.stretch + 1) * 4096
where {clip_is_due} order by c.video_id, c.start_frame;

-- name: input_archive
-- What archive needs of each clip that is due in some stretches: the strategies and files that there are.
select c.id, l.video_id, l.stretch, v.content_hash, c.start_frame, c.end_frame,
       array(select n.variant from stills s join variants n on n.id = s.variant where s.clip_id = c.id order by 1) as strategies,
       array(select n.variant || ' ' || e.params from exports e join variants n on n.id = e.variant
             where e.clip_id = c.id order by 1) as files
from unnest(%(video_ids)s::bigint[], %(stretches)s::int[]) as l (video_id, stretch)
join videos v on v.id = l.video_id
join clips c on c.video_id = l.video_id and c.start_frame >= l.stretch * 4096 and c.start_frame < (l.stretch + 1) * 4096
where {clip_is_due} order by c.video_id, c.start_frame;

-- ------------------------------------------------------------------------------------------------ records

-- name: video_with_content
-- Another video of these bytes; `is_stored`: they are in the store already.
select id, source_key is not null as is_stored from videos where content_hash = %(content_hash)s and id <> %(id)s for update;

-- name: record_hand_over
-- A video that was to bring bytes which this one has brought now points here, as do its own duplicates; nothing of it failed any more.
with others as (
    update videos set duplicate_of = %(id)s, content_hash = null, updated_at = now()
    where id = %(other)s or duplicate_of = %(other)s returning id
)
delete from failures where video_id in (select id from others);

-- name: record_duplicate
-- The same bytes came from another source: this row points there and is done.
update videos set duplicate_of = %(duplicate_of)s, content_hash = null, updated_at = now() where id = %(id)s;

-- name: record_download
-- The master is in the store: its hash, size, key, probe facts and provenance.
update videos set content_hash = %(content_hash)s, size_bytes = %(size_bytes)s, source_key = %(source_key)s,
    title = case when %(title)s <> '' then %(title)s else title end,
    container = %(container)s, codec = %(codec)s, width = %(width)s, height = %(height)s, rotation = %(rotation)s,
    duration_seconds = %(duration_seconds)s, frame_rate_num = %(frame_rate_num)s, frame_rate_den = %(frame_rate_den)s,
    has_audio = %(has_audio)s, streams = %(streams)s, provenance = %(provenance)s,
    timecode = %(timecode)s, timecode_rate = %(timecode_rate)s, holes = %(holes)s, updated_at = now()
where id = %(id)s;

-- name: record_prepare
-- Sample track, analysis frames, PTS and maybe the proxy are in the store; the counted frames and true times replace the probe's
-- guesses, and sound that was not decoded counts as none, so that export does not ask for it again.
update videos set sample_key = %(sample_key)s, proxy_key = coalesce(%(proxy_key)s, proxy_key), analysis_key = %(analysis_key)s,
    pts_key = %(pts_key)s, is_playable = %(is_playable)s,
    frame_count = %(frame_count)s, duration_seconds = %(duration_seconds)s, time_base_num = %(time_base_num)s,
    time_base_den = %(time_base_den)s, is_vfr = %(is_vfr)s, is_partial = %(is_partial)s, partial_reason = %(partial_reason)s,
    concealed = %(concealed)s, has_audio = %(has_audio)s, shapes = %(shapes)s,
    updated_at = now()
where id = %(id)s;

-- name: record_proxy
-- The review proxies of videos are in the store.
update videos v set proxy_key = d.proxy_key, updated_at = now()
from unnest(%(ids)s::bigint[], %(proxy_keys)s::text[]) as d (id, proxy_key) where v.id = d.id;

-- name: record_probabilities
-- Where the detector's probabilities lie, and which detector it was.
update videos set probabilities_key = %(probabilities_key)s, detector = %(detector)s, detector_model = %(detector_model)s,
    updated_at = now()
where id = %(id)s;

-- name: record_cuts
-- The detected cuts of a video.
insert into cuts (video_id, frame, pts, kind, confidence, created_by, metadata)
select %(id)s, frame, pts, kind::cut_kind, confidence, %(created_by)s, metadata
from jsonb_to_recordset(%(cuts)s) as t (frame integer, pts bigint, kind text, confidence real, metadata jsonb);

-- name: record_clips
-- The clips between a video's cuts, which are there already; undecided.
insert into clips (video_id, start_frame, end_frame, start_pts, end_pts, seconds, confidence)
select v.id, t.start_frame, t.end_frame, t.start_pts, t.end_pts,
       (t.end_pts - t.start_pts) * v.time_base_num::float8 / v.time_base_den, least(a.confidence, b.confidence)
from jsonb_to_recordset(%(clips)s) as t (start_frame integer, end_frame integer, start_pts bigint, end_pts bigint)
join videos v on v.id = %(id)s
left join cuts a on a.video_id = v.id and a.frame = t.start_frame
left join cuts b on b.video_id = v.id and b.frame = t.end_frame
order by t.start_frame;

-- name: record_stills
-- The stills of clips, of those that are still there.
insert into stills (clip_id, variant, sha256, size_bytes, origin, frames)
select c.id, %(variant)s, t.sha256, array(select jsonb_array_elements_text(t.sizes)::int), t.origin::still_origin,
       array(select jsonb_array_elements_text(t.frames)::int)
from unnest(%(clip_ids)s::bigint[], %(sha256)s::bytea[], %(sizes)s::jsonb[], %(origins)s::text[], %(frames)s::jsonb[])
     as t (clip_id, sha256, sizes, origin, frames)
join clips c on c.id = t.clip_id order by c.id
on conflict (clip_id, variant) do update
set sha256 = excluded.sha256, size_bytes = excluded.size_bytes, origin = excluded.origin, frames = excluded.frames;

-- name: record_facts
-- What was measured of clips, of those that are still there.
insert into facts (clip_id, variant, motion, brightness, black_share, frozen_share, letterbox, sharpness, text_share, loudness_dbfs,
                   silence_share)
select c.id, %(variant)s, t.motion, t.brightness, t.black_share, t.frozen_share, t.letterbox, t.sharpness, t.text_share, t.loudness_dbfs,
       t.silence_share
from jsonb_to_recordset(%(facts)s) as t (id bigint, motion real, brightness real, black_share real, frozen_share real, letterbox real,
                                         sharpness real, text_share real, loudness_dbfs real, silence_share real)
join clips c on c.id = t.id order by c.id
on conflict (clip_id, variant) do update
set motion = excluded.motion, brightness = excluded.brightness, black_share = excluded.black_share,
    frozen_share = excluded.frozen_share, letterbox = excluded.letterbox, sharpness = excluded.sharpness,
    text_share = excluded.text_share, loudness_dbfs = excluded.loudness_dbfs, silence_share = excluded.silence_share;

-- name: record_exports
-- The files of clips, of those that are still approved: a decision that was taken back meanwhile stands.
insert into exports (clip_id, variant, params, sha256, size_bytes, frames, width, height, copied, rule)
select c.id, %(variant)s, t.params, t.sha256, t.size_bytes, t.frames, t.width, t.height, t.copied, t.rule
from unnest(%(clip_ids)s::bigint[], %(params)s::text[], %(sha256)s::bytea[], %(size_bytes)s::bigint[], %(frames)s::int[],
            %(widths)s::int[], %(heights)s::int[], %(copied)s::int[], %(rules)s::text[])
     as t (clip_id, params, sha256, size_bytes, frames, width, height, copied, rule)
join (select id from clips where id = any (%(clip_ids)s::bigint[]) and state = 'review_approved' order by id for key share) c
  on c.id = t.clip_id order by c.id
on conflict (clip_id, variant) do update
set params = excluded.params, sha256 = excluded.sha256, size_bytes = excluded.size_bytes, frames = excluded.frames,
    width = excluded.width, height = excluded.height, copied = excluded.copied, rule = excluded.rule, created_at = now();

-- name: record_archive
-- Forget the files of archived clips once they are gone from the store; also those of retired clips with the same frames, whose
-- objects are the same. Whose archiving was undone in between is told to the stages.
with gone as materialized (
    select o.id from clips c join clips o
    on o.video_id = c.video_id and o.start_frame = c.start_frame and o.end_frame = c.end_frame
    where c.id = any (%(clip_ids)s::bigint[])
), files as (delete from exports where clip_id in (select id from gone)
), pictures as (delete from stills where clip_id in (select id from gone)
), back as (  -- an undo meanwhile: they need them again
    select distinct c.video_id, stretch_of(c.start_frame) as stretch from gone g join clips c on c.id = g.id
    where c.retired_at is null and c.state <> 'review_archived'
)
select announce(kind, array_agg(b.video_id), array_agg(b.stretch)) from back b cross join (values ('clips'), ('decision')) k (kind)
group by kind;

-- ------------------------------------------------------------------------------------------------ cuts and clips

-- name: cuts_of_video
-- The inner cuts of a video in order.
select k.frame, (k.pts * v.time_base_num)::float8 / v.time_base_den as pts_seconds, k.kind::text, k.confidence::float8,
       k.created_by, k.metadata
from cuts k join videos v on v.id = k.video_id where k.video_id = %(id)s order by k.frame;

-- name: clips_of_video
-- The active clips of a video in play order, with the latest of their files.
select c.id, c.start_frame, c.end_frame, (c.start_pts * v.time_base_num)::float8 / v.time_base_den as start_seconds,
       (c.end_pts * v.time_base_num)::float8 / v.time_base_den as end_seconds, c.state::text, v.content_hash,
       e.profile as export_profile, e.params as export_params, e.frames as export_frames, e.copied as export_copied,
       e.rule as export_rule, e.width as export_width, e.height as export_height
from clips c join videos v on v.id = c.video_id
left join lateral (
    select n.variant as profile, e.params, e.frames, e.copied, e.rule, coalesce(e.width, v.width) as width,
           coalesce(e.height, v.height) as height from exports e join variants n on n.id = e.variant
    where e.clip_id = c.id order by e.created_at desc limit 1) e on true
where c.video_id = %(id)s and c.retired_at is null order by c.start_frame;

-- name: facts_of_video
-- What was measured of the active clips of a video by the settings of this session, in play order.
select c.id, to_jsonb(f) - 'clip_id' - 'variant' as facts
from clips c join facts f on f.clip_id = c.id and f.variant = (select facts_variant())
where c.video_id = %(id)s and c.retired_at is null order by c.start_frame;

-- ------------------------------------------------------------------------------------------------ the database

-- name: database_facts
-- What `heaters doctor` and `heaters status` say of the database.
select current_setting('server_version') as server_version,
       (select extversion from pg_extension where extname = 'vector') as pgvector_version,
       pg_database_size(current_database())::bigint as size_bytes;
