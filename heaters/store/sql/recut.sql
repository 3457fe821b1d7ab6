-- Cutting anew around what a person decided.

-- name: recut_videos
-- What a recut needs of each video: its frames, where PTS and probabilities lie, and the detector that detection ran.
select v.id, v.title, v.source, v.state::text, v.frame_count, v.content_hash, v.analysis_key, v.pts_key, v.probabilities_key,
       v.time_base_num, v.time_base_den, v.detector as method, v.detector_model as model
from videos v
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
select clip_id as id, reviewer from review_leases where video_id = %(video_id)s and expires_at > now();
