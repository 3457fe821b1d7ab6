-- The queries of the UI's benchmark.

-- name: forget_acts
-- Nobody has done anything.
delete from review_events;

-- name: forget_decisions
-- All clips wait again.
update clips set state = 'pending_review', reviewed_by = null, reviewed_at = null where retired_at is null;

-- name: forget_leases
-- Nobody has a clip in hand.
delete from review_leases;

-- name: cut
-- The video's cuts are found.
update videos set state = 'cut' where id = %(id)s;

-- name: acts
-- How many events, clips and reviewers the log holds.
select count(*)::int as events, count(distinct clip_ids[1])::int as clips,
       count(distinct reviewer)::int as reviewers from review_events;

-- name: clips
-- Every clip.
select id from clips order by id;
