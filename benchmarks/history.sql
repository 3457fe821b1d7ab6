-- name: work_span
-- When the first item began and the last one ended, as seconds since 1970.
select extract(epoch from min(started_at))::float8 as begun, extract(epoch from max(finished_at))::float8 as ended
from stage_runs where status = 'done';

-- name: stage_seconds
-- Where the time went: seconds of work and items done, by stage.
select v.stage, sum((r.result->>'seconds')::float8) as seconds, sum(r.items - r.failed_items)::int as items
from stage_runs r join variants v on v.id = r.variant where r.status = 'done' group by v.stage order by seconds desc;
