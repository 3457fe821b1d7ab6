-- What a reviewer does.

-- name: approve_pending
-- Approve every pending clip at once, with an event each as if a person had pressed the key. Clips in a reviewer's hands stay.
with pending as (
    select id, video_id, start_frame, end_frame, start_pts, end_pts, state, version, parents, group_id,
           reviewed_by, reviewed_at, retired_at
    from clips
    where state = 'pending_review' and retired_at is null
      and (review_lease_expires_at is null or review_lease_expires_at < now())
      and (%(scope)s::bigint[] is null or video_id = any (%(scope)s::bigint[]))
    for update skip locked
), approved as (
    update clips c set state = 'review_approved', version = c.version + 1, reviewed_by = %(reviewer)s,
                       reviewed_at = now(), updated_at = now()
    from pending p where c.id = p.id
    returning c.id, c.video_id, c.start_frame, c.end_frame, c.start_pts, c.end_pts, c.state, c.version, c.parents,
              c.group_id, c.reviewed_by, c.reviewed_at, c.retired_at
)
insert into review_events (video_id, reviewer, action, request_key, before, after)
select p.video_id, %(reviewer)s, 'approve', %(reviewer)s || ' ' || p.id || ' ' || p.version,
       jsonb_build_object('clips', jsonb_build_array(to_jsonb(p) - 'video_id'), 'cuts', '[]'::jsonb),
       jsonb_build_object('clips', jsonb_build_array(to_jsonb(a) - 'video_id'), 'cuts', '[]'::jsonb)
from pending p join approved a on a.id = p.id
order by p.video_id, p.start_frame
returning id;

-- name: serialise_reviewer
-- One act of a reviewer at a time, so that an act always sees the ones before it, also the same act sent twice at once.
select pg_advisory_xact_lock(hashtext('heaters.review.' || %(reviewer)s));

-- name: review_rows
-- The clips that an act may touch: those named, the one before each and the members of their groups; held until the end.
select id, start_frame, end_frame, start_pts, end_pts, state::text, version, parents, group_id, reviewed_by, reviewed_at,
       retired_at
from clips where video_id = %(video_id)s and (
    id = any (%(ids)s::bigint[])
    or (retired_at is null and (
        end_frame in (select start_frame from clips where id = any (%(ids)s::bigint[]))
        or group_id in (select group_id from clips where id = any (%(ids)s::bigint[]) and group_id is not null))))
order by id for update;

-- name: review_cuts
-- The cuts of a video at some frames.
select frame, pts, kind::text, confidence::float8, created_by, metadata from cuts
where video_id = %(video_id)s and frame = any (%(frames)s::integer[]) order by frame;

-- name: other_hands
-- Which of these pending clips are in another reviewer's hands.
select id, review_lease_by as reviewer from clips
where id = any (%(ids)s::bigint[]) and state = 'pending_review' and retired_at is null
  and review_lease_expires_at > now() and review_lease_by <> %(reviewer)s
order by start_frame;

-- name: held_clips
-- The clips of a video that a running stage holds.
select subject_id as id, stage from stage_runs where video_id = %(video_id)s and subject = 'clip' and status = 'running';

-- name: new_clip_id
-- The id of a clip about to be made.
select nextval(pg_get_serial_sequence('clips', 'id')) as id;

-- name: write_clip
-- A clip as an act leaves it: new, or with the columns changed that review may change.
insert into clips (id, video_id, start_frame, end_frame, start_pts, end_pts, state, version, parents, group_id,
                   reviewed_by, reviewed_at, retired_at, review_lease_by, review_lease_expires_at)
overriding system value
values (%(id)s, %(video_id)s, %(start_frame)s, %(end_frame)s, %(start_pts)s, %(end_pts)s, %(state)s::clip_state, %(version)s,
        %(parents)s::bigint[], %(group_id)s, %(reviewed_by)s, %(reviewed_at)s, %(retired_at)s,
        %(lease_by)s, now() + %(lease_seconds)s * interval '1 second')
on conflict (id) do update
set state = excluded.state, version = excluded.version, group_id = excluded.group_id, reviewed_by = excluded.reviewed_by,
    reviewed_at = excluded.reviewed_at, retired_at = excluded.retired_at, review_lease_by = excluded.review_lease_by,
    review_lease_expires_at = excluded.review_lease_expires_at, updated_at = now();

-- name: delete_cut
-- Take a cut away.
delete from cuts where video_id = %(video_id)s and frame = %(frame)s;

-- name: write_cut
-- Put a cut there.
insert into cuts (video_id, frame, pts, kind, confidence, created_by, metadata)
values (%(video_id)s, %(frame)s, %(pts)s, %(kind)s::cut_kind, %(confidence)s, %(created_by)s, %(metadata)s);

-- name: write_event
-- Append to the log of review.
insert into review_events (video_id, reviewer, action, request_key, undoes, before, after)
values (%(video_id)s, %(reviewer)s, %(action)s::review_action, %(request_key)s, %(undoes)s, %(before)s, %(after)s)
returning id;

-- name: event_of_request
-- What a request already led to: the same key gives the same answer.
select id, video_id, reviewer, action::text, undoes, before, after from review_events where request_key = %(request_key)s;

-- name: reviewer_log
-- A page of a reviewer's log without its images, newest first.
select id, reviewer, action::text, undoes from review_events
where reviewer = %(reviewer)s and id < %(before)s order by id desc limit %(limit)s;

-- name: event
-- One event with its images.
select id, video_id, reviewer, action::text, undoes, before, after from review_events where id = %(id)s;

-- name: later_events
-- What happened to some clips of a video after an event.
select id, video_id, reviewer, action::text, undoes, before, after from review_events
where video_id = %(video_id)s and id > %(id)s and exists (
    select from jsonb_array_elements(after->'clips') c where (c->>'id')::bigint = any (%(clip_ids)s::bigint[]))
order by id;

-- name: clip_event
-- The last event that touched a clip: who changed it under another's eyes.
select reviewer, action::text from review_events
where video_id = (select video_id from clips where id = %(id)s)
  and exists (select from jsonb_array_elements(after->'clips') c where (c->>'id')::bigint = %(id)s)
order by id desc limit 1;

-- name: own_events
-- A reviewer's last events that still stand, newest first, with the clips they left.
select e.id, e.action::text, v.id as video_id, v.title, extract(epoch from now() - e.created_at)::float8 as age_seconds,
       (select array_agg((c->>'id')::bigint) from jsonb_array_elements(e.after->'clips') c) as clip_ids
from review_events e join videos v on v.id = e.video_id
where e.reviewer = %(reviewer)s and e.action not in ('undo', 'redo')
  and (with recursive turns (id, n) as (
           select e.id, 0 union all select u.id, n + 1 from turns t join review_events u on u.undoes = t.id)
       select max(n) %% 2 = 0 from turns)  -- undone, redone, undone again, …
order by e.id desc limit %(limit)s;

-- name: own_ages
-- How long ago each of a reviewer's acts of the last minutes was: their pace.
select extract(epoch from now() - created_at)::float8 as age_seconds from review_events
where reviewer = %(reviewer)s and action not in ('undo', 'redo') and created_at > now() - %(seconds)s * interval '1 second'
order by id desc limit 1000;
