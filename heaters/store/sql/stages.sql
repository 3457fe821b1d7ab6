-- What stages read and write, and what clips and the database are asked.

-- ---------------------------------------------------------------- stages: inputs

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

-- ---------------------------------------------------------------- stages: records

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
set key = excluded.key, sha256 = excluded.sha256, size_bytes = excluded.size_bytes, metadata = excluded.metadata,
    created_at = now();

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

-- ---------------------------------------------------------------- cuts and clips

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
select c.id, f as facts from clips c cross join facts_of(c.id) f
where c.video_id = %(id)s and c.retired_at is null and f is not null order by c.start_frame;

-- ---------------------------------------------------------------- the database

-- name: database_facts
-- What `heaters doctor` and `heaters status` say of the database.
select current_setting('server_version') as server_version,
       (select extversion from pg_extension where extname = 'vector') as pgvector_version,
       pg_database_size(current_database())::bigint as size_bytes;
