-- What the search benchmark needs beside the product's own queries.

-- name: no_limit
-- Loading takes as long as it takes.
set statement_timeout = 0;

-- name: quick_load
-- The made-up rows tile their videos; checking that after each row would take hours.
set session_replication_role = replica;

-- name: normal_load
-- Check everything again.
set session_replication_role = origin;

-- name: add_videos
-- Videos of 100 clips of 4 seconds at 25 frames a second.
insert into videos (source, title, state, frame_count, duration_seconds, proxy_key, pts_key, time_base_num, time_base_den)
select '/benchmark/' || n, 'video ' || n, 'cut', 10000, 400, 'p', 't', 1, 25 from generate_series(1, %(videos)s) n;

-- name: add_clips
-- The clips of those videos, in play order; every 50th is approved, every 20th was made longer ago.
insert into clips (video_id, start_frame, end_frame, start_pts, end_pts, seconds, state, created_at)
select v.id, n * 100, n * 100 + 100, n * 100, n * 100 + 100, 4,
       case when n %% 50 = 7 then 'review_approved' else 'pending_review' end::clip_state, now() - (n %% 20) * interval '1 day'
from videos v, generate_series(0, %(clips)s - 1) n order by v.id, n;

-- name: copy_vectors
-- Load vectors straight into their table.
copy embeddings (clip_id, variant, images, vector) from stdin (format binary);

-- name: settle
-- As autovacuum would leave the tables after a while.
vacuum analyze;

-- name: sizes
-- Of the table of vectors and of all its indexes, in bytes.
select pg_table_size('embeddings') as vectors_bytes, pg_indexes_size('embeddings') as indexes_bytes;
