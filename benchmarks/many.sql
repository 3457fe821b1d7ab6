-- name: work_span
-- When the first item began and the last one ended, as seconds since 1970.
select extract(epoch from min(started_at))::float8 as begun, extract(epoch from max(finished_at))::float8 as ended
from stage_runs where status = 'done';
