-- What the benchmark of claims needs beside the product's own queries.

-- name: quick_load
-- The made-up rows tile their videos; checking that after each row would take hours.
set session_replication_role = replica;

-- name: add_videos
-- Videos that have all of the way behind them.
insert into videos (source, state, frame_count, proxy_key, pts_key, time_base_num, time_base_den)
select '/benchmark/' || n, 'cut', 1000, 'p', 't', 1, 25 from generate_series(1, %(videos)s) n;

-- name: add_clips
-- Their clips, all embedded.
insert into clips (video_id, start_frame, end_frame, start_pts, end_pts, state)
select v.id, n * 100, n * 100 + 100, n * 100, n * 100 + 100, 'embedded'
from videos v, generate_series(0, %(clips)s - 1) n order by v.id, n;

-- name: add_video_runs
-- A stage of videos is done.
insert into stage_runs (stage, subject, subject_id, video_id, variant, attempt, worker, status, finished_at, result)
select %(stage)s, 'video', id, id, %(variant)s, 1, 'benchmark', 'done', now(), '{}' from videos;

-- name: add_clip_runs
-- A stage of clips is done.
insert into stage_runs (stage, subject, subject_id, video_id, variant, attempt, worker, status, finished_at, result)
select %(stage)s, 'clip', id, video_id, %(variant)s, 1, 'benchmark', 'done', now(), '{}' from clips;

-- name: analyze
-- Statistics of all that was loaded.
analyze;

-- name: forget_runs
-- A stage is not done for the clips of the last videos.
delete from stage_runs where stage = %(stage)s and video_id > (select max(id) - %(videos)s from videos);

-- name: move_back
-- The clips of the last videos wait in a state.
update clips set state = %(state)s::clip_state where video_id > (select max(id) - %(videos)s from videos);
