-- What a reviewer does.

-- name: approve
-- Approve the undecided among some clips, with an event for each video. Clips in a reviewer's hands stay. Returns the stretches
-- with what was approved there; and in every row how many clips were looked at, and the place of the last.
with looked as materialized ({looked}
), chosen as materialized (
    select c.id from clips c
    where c.id in (select id from looked) and c.state = 'pending_review' and {rule}
      and not exists (select from review_leases l where l.clip_id = c.id and l.expires_at > now())
    order by c.id for update of c skip locked
), approved as (
    update clips c set state = 'review_approved', version = c.version + 1, reviewed_by = %(reviewer)s, reviewed_at = now()
    from chosen h where c.id = h.id
    returning c.id, c.video_id, c.start_frame
), logged as (
    insert into review_events (video_id, reviewer, action, request_key, clip_ids, before, after)
    select video_id, %(reviewer)s, 'approve', %(reviewer)s || ' ' || %(request_key)s || ' ' || video_id, array_agg(id order by id),
           jsonb_build_object('decided', jsonb_build_object('state', 'pending_review', 'reviewed_by', null, 'reviewed_at', null)),
           jsonb_build_object('decided', jsonb_build_object('state', 'review_approved', 'reviewed_by', %(reviewer)s,
                                                            'reviewed_at', now()), 'rule', %(rule_text)s::text)
    from approved group by video_id
), ends as (
    select count(*)::int as looked, (array_agg(video_id order by video_id desc, start_frame desc))[1] as last_video,
           (array_agg(start_frame order by video_id desc, start_frame desc))[1] as last_frame from looked
)
select e.*, a.* from ends e left join (
    select video_id, stretch_of(start_frame) as stretch, count(*)::int as clips from approved group by 1, 2) a on true;

-- name: looked_in_order
-- Not a statement: undecided clips in play order, after a place.
select c.id, c.video_id, c.start_frame from clips c
where c.state = 'pending_review' and (c.video_id, c.start_frame) > (%(after_video)s, %(after_frame)s)
  and (%(scope)s::int8multirange is null or %(scope)s::int8multirange @> c.video_id)
order by c.video_id, c.start_frame limit %(limit)s;

-- name: looked_in_stretches
-- Not a statement: undecided clips of some stretches.
select c.id, c.video_id, c.start_frame from unnest(%(video_ids)s::bigint[], %(stretches)s::int[]) as l (video_id, stretch)
join clips c on c.video_id = l.video_id and c.start_frame >= l.stretch * 4096 and c.start_frame < (l.stretch + 1) * 4096
where c.state = 'pending_review';

-- name: next_changes
-- The next changes of a kind after a place in the log.
select c.video_id, c.stretch, c.at from changes c
where c.kind = %(kind)s and c.lane = '' and c.at > %(after)s
  and (%(scope)s::int8multirange is null or %(scope)s::int8multirange @> c.video_id)
order by c.at limit %(limit)s;

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
-- Which of these pending clips are in another reviewer's hands. The leases first: with thousands of ids the planner would else look
-- through all of them for each clip.
with theirs as materialized (
    select l.clip_id, l.reviewer from unnest(%(ids)s::bigint[]) as a (id) join review_leases l on l.clip_id = a.id
    where l.expires_at > now() and l.reviewer <> %(reviewer)s
)
select t.clip_id as id, t.reviewer from theirs t join clips c on c.id = t.clip_id where c.state = 'pending_review' order by c.start_frame;

-- name: held_clips
-- Of some clips those whose export has begun: they have a file, or a running export claimed them after they were approved.
select c.id, 'export' as stage from clips c
where c.id = any (%(ids)s::bigint[]) and c.state = 'review_approved' and (
    exists (select from exports e where e.clip_id = c.id)
    or exists (select from tasks t join variants v on v.id = t.variant and v.stage = 'export'
               where t.video_id = c.video_id and t.stretch = stretch_of(c.start_frame) and t.driver is not null
                 and t.started_at >= c.reviewed_at));

-- name: new_clip_ids
-- The ids of some clips about to be made.
select nextval(pg_get_serial_sequence('clips', 'id')) as id from generate_series(1, %(count)s);

-- name: write_clips
-- Clips as an act leaves them: new, or with the columns changed that review may change. Cuts are written before. Each cut is looked
-- up by itself: of a video cut a moment ago the planner does not know how many there are, and joins would take their product.
insert into clips (id, video_id, start_frame, end_frame, start_pts, end_pts, seconds, confidence, state, version, parents, group_id,
                   reviewed_by, reviewed_at, retired_at)
overriding system value
select t.id, v.id, t.start_frame, t.end_frame, t.start_pts, t.end_pts,
       (t.end_pts - t.start_pts) * v.time_base_num::float8 / v.time_base_den,
       least((select confidence from cuts where video_id = v.id and frame = t.start_frame),
             (select confidence from cuts where video_id = v.id and frame = t.end_frame)), t.state, t.version,
       t.parents, t.group_id, t.reviewed_by, t.reviewed_at, t.retired_at
from jsonb_to_recordset(%(clips)s) as t (id bigint, start_frame integer, end_frame integer, start_pts bigint, end_pts bigint,
     state clip_state, version integer, parents bigint[], group_id bigint, reviewed_by text, reviewed_at timestamptz, retired_at timestamptz)
join videos v on v.id = %(video_id)s
order by t.retired_at is null, t.id
on conflict (id) do update
set state = excluded.state, version = excluded.version, group_id = excluded.group_id, reviewed_by = excluded.reviewed_by,
    reviewed_at = excluded.reviewed_at, retired_at = excluded.retired_at;

-- name: keep_leases
-- After an act: what waits of its clips stays in the reviewer's hands, for so long.
insert into review_leases as l (clip_id, video_id, reviewer, expires_at)
select id, video_id, %(reviewer)s, now() + %(lease_seconds)s * interval '1 second' from clips
where id = any (%(ids)s::bigint[]) and state = 'pending_review' order by id
on conflict (clip_id) do update set reviewer = excluded.reviewer, expires_at = excluded.expires_at;

-- name: end_leases
-- After an act: what does not wait any more is in nobody's hands.
with over as materialized (
    select l.clip_id from unnest(%(ids)s::bigint[]) as a (id)
    join review_leases l on l.clip_id = a.id join clips c on c.id = a.id and c.state <> 'pending_review'
    order by l.clip_id for update of l
)
delete from review_leases l using over o where l.clip_id = o.clip_id;

-- name: delete_cuts
-- Take cuts away.
delete from cuts where video_id = %(video_id)s and frame = any (%(frames)s::integer[]);

-- name: write_cuts
-- Put cuts there.
insert into cuts (video_id, frame, pts, kind, confidence, created_by, metadata)
select %(video_id)s, frame, pts, kind, confidence, created_by, metadata
from jsonb_to_recordset(%(cuts)s) as t (frame integer, pts bigint, kind cut_kind, confidence real, created_by text, metadata jsonb);

-- name: refresh_confidence
-- How certain the clips beside some cuts are, after these changed. New clips know it already.
update clips c set confidence = n.confidence
from (select b.id, least((select confidence from cuts where video_id = b.video_id and frame = b.start_frame),
                         (select confidence from cuts where video_id = b.video_id and frame = b.end_frame)) as confidence
      from clips b
      where b.video_id = %(video_id)s and b.retired_at is null
        and (b.start_frame = any (%(frames)s::integer[]) or b.end_frame = any (%(frames)s::integer[]))) n
where c.id = n.id and c.confidence is distinct from n.confidence;

-- name: write_event
-- Append to the log of review.
insert into review_events (video_id, reviewer, action, request_key, undoes, clip_ids, before, after)
values (%(video_id)s, %(reviewer)s, %(action)s::review_action, %(request_key)s, %(undoes)s, %(clip_ids)s::bigint[], %(before)s, %(after)s)
returning id;

-- name: event_of_request
-- What a request already led to: the same key gives the same answer.
select id, video_id, reviewer, action::text, undoes, clip_ids, before, after from review_events where request_key = %(request_key)s;

-- name: reviewer_log
-- A page of a reviewer's log without its images, newest first.
select id, reviewer, action::text, undoes from review_events
where reviewer = %(reviewer)s and id < %(before)s order by id desc limit %(limit)s;

-- name: event
-- One event with its images.
select id, video_id, reviewer, action::text, undoes, clip_ids, before, after from review_events where id = %(id)s;

-- name: later_events
-- What happened to some clips of a video after an event. Not by arrays that overlap: of thousands of clips each would be compared with
-- each of the log.
select id, video_id, reviewer, action::text, undoes, clip_ids, before, after from review_events e
where video_id = %(video_id)s and id > %(id)s
  and exists (select from unnest(e.clip_ids) as x (clip_id) where x.clip_id = any (%(clip_ids)s::bigint[]))
order by id;

-- name: clips_by_id
-- Clips as review sees them.
select id, start_frame, end_frame, start_pts, end_pts, state::text, version, parents, group_id, reviewed_by, reviewed_at, retired_at
from clips where id = any (%(ids)s::bigint[]);

-- name: clip_event
-- The last event that touched a clip: who changed it under another's eyes.
select reviewer, action::text from review_events where clip_ids @> array[%(id)s::bigint] order by id desc limit 1;

-- name: own_events
-- A reviewer's last events that still stand, newest first, with the clips they left.
select e.id, e.action::text, v.id as video_id, v.title, extract(epoch from now() - e.created_at)::float8 as age_seconds,
       coalesce((select array_agg((c->>'id')::bigint) from jsonb_array_elements(e.after->'clips') c), e.clip_ids) as clip_ids
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
