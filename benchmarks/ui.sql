-- The queries of the UI's benchmark.

-- name: forget_acts
-- Nobody has done anything.
delete from review_events;

-- name: forget_decisions
-- All clips wait again.
update clips set state = 'pending_review', reviewed_by = null, reviewed_at = null, review_lease_by = null,
    review_lease_expires_at = null where retired_at is null;

-- name: acts
-- How many events, clips and reviewers the log holds.
select count(*)::int as events, count(distinct after->'clips'->0->>'id')::int as clips,
       count(distinct reviewer)::int as reviewers from review_events;

-- name: clips
-- Every clip.
select id from clips order by id;
