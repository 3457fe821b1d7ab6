-- Cutting anew around what a person decided.

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
