-- Work: what is due, claims, how claims end, what stands still. The due_… are fragments that say what a stage has to do.

-- ------------------------------------------------------------------------------------------------ what is due

-- name: due_video
-- Not a statement: a video (v) is due that is in the state which the stage takes, or lacks what the stage makes.
(select count(*)::int from videos v
 where v.id = l.video_id and {lacks} and v.duplicate_of is null
   and not exists (select from failures f where f.video_id = v.id and f.variant = %(variant)s and f.clip_id = 0
                   and (f.next_attempt_at is null or f.next_attempt_at > now())));

-- name: due_clips
-- Not a statement: how many clips of a stretch (l) are due for a stage; `clip_is_due` says when one is.
(select count(*)::int from clips c
 where c.video_id = l.video_id and c.start_frame >= l.stretch * 4096 and c.start_frame < (l.stretch + 1) * 4096
   and {clip_is_due});

-- name: clip_is_due
-- Not a statement: a clip (c) is active, decided as the stage wants, lacks what the stage makes, and no failure bars it.
c.retired_at is null and {lacks}
and not exists (select from failures f where f.video_id = c.video_id and f.variant = %(variant)s
                and f.stretch = stretch_of(c.start_frame) and f.clip_id = c.id
                and (f.next_attempt_at is null or f.next_attempt_at > now()));

-- name: lacks_proxy
-- Not a statement: a prepared video without a review proxy.
v.state >= 'prepared' and v.proxy_key is null

-- name: lacks_keyframes
-- Not a statement: a clip that is not archived, without stills of the strategy.
c.state <> 'review_archived'
and not exists (select from stills d where d.clip_id = c.id and d.variant = %(variant)s);

-- name: lacks_facts
-- Not a statement: a clip that is not archived and has stills, without facts by these settings.
c.state <> 'review_archived'
and not exists (select from facts d where d.clip_id = c.id and d.variant = %(variant)s)
and exists (select from stills n where n.clip_id = c.id and n.variant = %(needs)s);

-- name: lacks_embed
-- Not a statement: a clip that is not archived and has stills, without a vector in the newest space that the settings name.
c.state <> 'review_archived'
and not exists (select from embeddings d where d.clip_id = c.id
                and d.variant = (select max(s.variant) from spaces s where s.asked = %(variant)s))
and exists (select from stills n where n.clip_id = c.id and n.variant = %(needs)s);

-- name: lacks_export
-- Not a statement: an approved clip without a file of the profile; where that is copied from the proxy, once there is one.
c.state = 'review_approved'
and not exists (select from exports d where d.clip_id = c.id and d.variant = %(variant)s)
and ((select variant <> 'proxy' from variants where id = %(variant)s)
     or exists (select from videos p where p.id = c.video_id and p.proxy_key is not null));

-- name: lacks_archive
-- Not a statement: an archived clip whose objects are still there.
c.state = 'review_archived'
and (exists (select from stills d where d.clip_id = c.id) or exists (select from exports d where d.clip_id = c.id));

-- ------------------------------------------------------------------------------------------------ claims

-- name: hold_off_cleaner
-- While this transaction claims or makes work, the cleaner deletes nothing and no video is withdrawn; while they do, this waits.
select pg_advisory_xact_lock_shared(hashtext('heaters.cleaner'));

-- name: let_nobody_claim
-- Until this transaction ends, nobody begins new work.
select pg_advisory_xact_lock(hashtext('heaters.cleaner'));

-- name: claim
-- Give this driver what is due: first tasks that wait behind the watermark, then what changed beyond it, in the order of the
-- changes, until enough items or bytes are taken. The watermark moves to the last change of which everything was claimed. A
-- stretch that another driver holds is noted there, so that it comes back. `after`: a driver's own watermark instead of the
-- shared one (runs on some videos only). Returns a row for each claim, and the place in the log (`place`, `at_end`) in every row.
with mark as materialized (
    select w.at from watermarks w
    where w.variant = %(variant)s and w.lane = %(lane)s and %(after)s::bigint is null for update
), waiting as (
    select t.video_id, t.stretch, t.is_alone, t.items, t.bytes, row_number() over (partition by t.is_alone order by t.due_at) as place,
           sum(t.items) over w - t.items as items_before, sum(t.bytes) over w - t.bytes as bytes_before from (
        select t.*, least(coalesce(v.size_bytes, 0), %(most_bytes)s) as bytes from tasks t join videos v on v.id = t.video_id
        where t.variant = %(variant)s and t.lane = %(lane)s and t.driver is null and t.due_at <= now()
          and (%(scope)s::int8multirange is null or %(scope)s::int8multirange @> t.video_id)
        and (%(until)s::bigint is null or t.at <= %(until)s::bigint)
        order by t.due_at limit %(most)s) t
    window w as (order by t.due_at, t.video_id, t.stretch)
), again as materialized (
    select t.video_id, t.stretch, w.items, w.bytes from tasks t
    join waiting w on w.video_id = t.video_id and w.stretch = t.stretch
    where t.variant = %(variant)s and t.driver is null and w.items_before < %(items)s and w.bytes_before < %(room_bytes)s
      and (not w.is_alone or w.place + (select count(*) from tasks h where h.driver is not null and h.is_alone) <= %(nodes)s)
    for update of t skip locked
), room as materialized (
    select greatest(0, %(most)s - count(*)) as most, %(items)s - coalesce(sum(items), 0) as items,
           %(room_bytes)s - coalesce(sum(bytes), 0) as bytes from again
), retaken as (
    update tasks t set driver = %(driver)s, attempt = t.attempt + 1, started_at = now(), again_at = null
    from again a where t.video_id = a.video_id and t.variant = %(variant)s and t.stretch = a.stretch
    returning t.video_id, t.stretch, t.attempt, t.losses, t.is_alone
), looked as materialized (
    select c.video_id, c.stretch, c.at from {changes} c
    where c.kind = %(takes)s and c.lane = %(lane)s and c.at > coalesce(%(after)s::bigint, (select at from mark))
      and (%(scope)s::int8multirange is null or %(scope)s::int8multirange @> c.video_id)
      and (%(until)s::bigint is null or c.at <= %(until)s::bigint)
    order by c.at limit %(look)s
), due as materialized (  -- reads `looked` in its order and stops at the limit
    select l.video_id, l.stretch, l.at, d.items, least(coalesce(v.size_bytes, 0), %(most_bytes)s) as bytes
    from looked l cross join lateral (select {due} as items) d join videos v on v.id = l.video_id
    where d.items > 0 limit (select most from room)
), summed as (
    select d.*, sum(items) over (order by at) - items as items_before, sum(bytes) over (order by at) - bytes as bytes_before,
           exists (select from again a where a.video_id = d.video_id and a.stretch = d.stretch) as is_retaken
    from due d
), chosen as materialized (
    select * from summed where items_before < (select items from room) and bytes_before < (select bytes from room)
), place as materialized (
    select coalesce(
        (select min(s.at) - 1 from summed s where s.at > coalesce((select max(at) from chosen), 0)),
        case when (select count(*) from due) >= (select most from room) then (select max(at) from chosen) else (select max(at) from looked) end,
        %(after)s::bigint, (select at from mark)) as at,
        (select count(*) from looked) < %(look)s and (select count(*) from due) < (select most from room)
        and (select count(*) from due) = (select count(*) from chosen) as at_end
), begun as (
    insert into tasks (video_id, variant, stretch, lane, at, driver, attempt, items, started_at)
    select video_id, %(variant)s, stretch, %(lane)s, at, %(driver)s, 1, items, now() from chosen where not is_retaken order by at
    on conflict (video_id, variant, stretch) do update
    set again_at = case when tasks.driver is not null then excluded.at end, due_at = least(tasks.due_at, now())
    returning video_id, stretch, attempt, losses, is_alone, (xmax = 0) as is_new
), moved as (
    update watermarks w set at = p.at from place p
    where w.variant = %(variant)s and w.lane = %(lane)s and %(after)s::bigint is null and p.at > w.at
)
select p.at as place, p.at_end, c.*, coalesce(v.size_bytes, 0) as size_bytes
from place p left join (
    select * from retaken union all select video_id, stretch, attempt, losses, is_alone from begun where is_new
) c on true left join videos v on v.id = c.video_id
order by c.video_id, c.stretch;

-- name: changes_of_videos
-- Not a statement: the changes of a few videos, found by these instead of by their place in the log.
(select o.* from unnest(%(videos)s::bigint[]) as u (id) join changes o on o.video_id = u.id and o.kind = %(takes)s)

-- name: host_has_new
-- Not a statement: a host (h) has changes for this driver beyond its watermark (w). `newest` spares the look where there are none at
-- all; it alone would take a host for free whose changes are all out of scope, and such a host would stand before the others for ever.
h.newest > coalesce((%(after)s::jsonb->>h.host)::bigint, %(first)s::bigint, w.at, 0)
and exists (select from changes c where c.kind = %(takes)s and c.lane = h.host
            and c.at > coalesce((%(after)s::jsonb->>h.host)::bigint, %(first)s::bigint, w.at, 0)
            and (%(scope)s::int8multirange is null or %(scope)s::int8multirange @> c.video_id)
            and (%(until)s::bigint is null or c.at <= %(until)s::bigint));

-- name: free_hosts
-- The hosts where downloads may begin now, and how many: no more than so many run at a time, and they begin so far apart, for all
-- drivers together. `videos`: only their hosts. Files have the host '', and no bounds. Each has its watermark from here on, and is
-- held until the end of the transaction.
with free as materialized (
    select h.host, h.next_start_at, case when h.host = '' then %(most)s
                        when %(host_spacing_seconds)s::float8 > 0 then 1
                        else %(host_limit)s - b.n end::int as room
    from hosts h
    left join watermarks w on w.variant = %(variant)s and w.lane = h.host
    cross join lateral (
        select count(*)::int as n from tasks t where t.variant = %(variant)s and t.lane = h.host and t.driver is not null) b
    where (h.host = '' or (h.next_start_at <= now() and b.n < %(host_limit)s))
      and (%(videos)s::bigint[] is null or h.host in (select o.host from videos o where o.id = any (%(videos)s::bigint[])))
      and ({has_new} or exists (
           select from tasks t where t.variant = %(variant)s and t.lane = h.host and t.driver is null and t.due_at <= now()
           and (%(scope)s::int8multirange is null or %(scope)s::int8multirange @> t.video_id)
           and (%(until)s::bigint is null or t.at <= %(until)s::bigint)))
    order by h.next_start_at limit %(most)s for update of h skip locked
), lanes as (
    insert into watermarks (variant, lane, at) select %(variant)s, host, 0 from free on conflict do nothing
)
select host, room from free order by next_start_at;

-- name: put_off_hosts
-- Downloads began at some hosts: the next may begin there after a while.
update hosts set next_start_at = now() + %(host_spacing_seconds)s * interval '1 second' where host = any (%(hosts)s) and host <> '';

-- name: forget_hosts
-- Hosts of which everything was fetched a while ago have no queue. The bounds stand in the delete as well: it looks at them again
-- where it had to wait for somebody who added to the queue.
with idle as materialized (
    select h.host, w.at from hosts h join watermarks w on w.variant = %(variant)s and w.lane = h.host
    where h.newest <= w.at and h.next_start_at < now() - interval '1 minute' order by h.next_start_at limit %(most)s
), busy as materialized (
    select distinct lane from tasks where variant = %(variant)s
)
delete from hosts h using idle i
where h.host = i.host and h.newest <= i.at and h.next_start_at < now() - interval '1 minute' and h.host not in (select lane from busy);

-- name: is_any_host_waiting
-- Whether some host has more for this driver than may begin now: it bears no more at a time, or has to be spaced.
select exists (
    select from hosts h left join watermarks w on w.variant = %(variant)s and w.lane = h.host
    where {has_new}) as yes;

-- name: variant
-- The number of a stage's variant, made where it is new.
select variant_of(%(stage)s, %(variant)s) as id;

-- name: first_change
-- The place in the log before the first change of a kind that concerns some videos; that of the last change where there is none.
select coalesce((select min(at) - 1 from changes where kind = %(kind)s and video_id = any (%(videos)s::bigint[])),
                (select last_value from changes_at)) as at;

-- name: last_change
-- The place in the log of the last change.
select last_value as at from changes_at;

-- ------------------------------------------------------------------------------------------------ changes

-- name: announce
-- Write down that something happened to some stretches.
select announce(%(kind)s, %(video_ids)s::bigint[], %(stretches)s::int[]);

-- name: announce_videos
-- Write down that something happened to some videos as a whole.
select announce(%(kind)s, %(ids)s::bigint[], array_fill(0, array[cardinality(%(ids)s::bigint[])]));

-- name: check_constraints
-- Look now at what is otherwise looked at when the transaction ends.
set constraints all immediate; set constraints all deferred;

-- ------------------------------------------------------------------------------------------------ the end of claims

-- name: settle
-- The end of claims: see the function.
select * from settle(%(driver)s, %(variant)s::smallint, %(attempts)s::int, %(gives)s, %(milestone)s::video_state, %(by_stretches)s,
                     %(claims)s::jsonb, %(done_videos)s::bigint[], %(done_clips)s::bigint[], %(failed)s::jsonb);

-- name: lose
-- The worker or node of some claims was lost, which is not their failure: they wait, and of those that were lost less than
-- `most` times nothing else happens. The others are returned: what was lost so often is probably what kills its workers.
with lost as (
    update tasks t set driver = null, started_at = null, losses = t.losses + 1, is_alone = t.is_alone or %(is_alone)s,
                       due_at = now() + %(delay_seconds)s * (t.losses + 1) * (0.5 + random()) * interval '1 second'
    from unnest(%(video_ids)s::bigint[], %(stretches)s::int[], %(attempts)s::int[]) as c (video_id, stretch, attempt)
    where t.video_id = c.video_id and t.variant = %(variant)s and t.stretch = c.stretch and t.attempt = c.attempt
      and t.driver = %(driver)s and t.losses + 1 < %(most)s
    returning t.video_id, t.stretch, t.attempt, t.items
), kept as (
    insert into stage_runs (variant, video_id, stretch, attempt, status, items, driver, error_type, error, started_at)
    select %(variant)s, video_id, stretch, attempt, 'lost', items, %(driver)s, %(error_type)s, %(error)s,
           now() - %(seconds)s * interval '1 second' from lost
)
select video_id, stretch from lost;

-- name: release
-- Give back what a driver holds, or some of it, on a graceful stop: no attempt, and due again at once.
update tasks t set driver = null, started_at = null, attempt = t.attempt - 1, due_at = now()
where t.driver = %(driver)s and (%(variants)s::smallint[] is null or (t.video_id, t.variant, t.stretch) in (
    select * from unnest(%(video_ids)s::bigint[], %(variants)s::smallint[], %(stretches)s::int[])))
returning t.video_id;

-- name: release_others
-- Give back what a driver holds but for what it knows of.
update tasks t set driver = null, started_at = null, attempt = t.attempt - 1, due_at = now()
where t.driver = %(driver)s and (t.video_id, t.variant, t.stretch) not in (
    select * from unnest(%(video_ids)s::bigint[], %(variants)s::smallint[], %(stretches)s::int[]));

-- name: begin_driver
-- A driver is at work, and for how long it is believed to be without another word; also why its stages wait.
insert into drivers (name, expires_at, limits) values (%(driver)s, now() + %(lease_seconds)s * interval '1 second', %(limits)s)
on conflict (name) do update set expires_at = excluded.expires_at, limits = excluded.limits;

-- name: end_driver
-- A driver is done.
delete from drivers where name = %(driver)s;

-- name: expire
-- Take back what drivers held that fell silent: due again, as a loss. After the server itself was away, drivers get the time of a
-- lease to say that they are still there.
with gone as (
    delete from drivers where expires_at < now() and pg_postmaster_start_time() < now() - %(lease_seconds)s * interval '1 second'
    returning name
), lost as (
    update tasks t set driver = null, started_at = null, losses = t.losses + 1, due_at = now()
    from gone g, tasks h where t.driver = g.name and h.video_id = t.video_id and h.variant = t.variant and h.stretch = t.stretch
    returning t.video_id, t.variant, t.stretch, t.attempt, t.items, g.name, h.started_at
), kept as (
    insert into stage_runs (variant, video_id, stretch, attempt, status, items, driver, error_type, error, started_at)
    select variant, video_id, stretch, attempt, 'lost', items, name, 'WorkerLost',
           'driver ' || name || ' was silent for longer than its lease', coalesce(started_at, now()) from lost
)
select count(*)::int as n from lost;

-- name: keep_history
-- Make this week's partition of the history and the next one, and let go of those that are older than is kept.
select keep_history(%(days)s::int);

-- name: fold_tallies
-- Sum up the kept counts, unless somebody is at it.
with turn as materialized (select pg_try_advisory_xact_lock(hashtext('heaters.tallies')) as mine
), old as (
    delete from tallies where (select mine from turn) returning name, n
)
insert into tallies select name, sum(n) from old group by name having sum(n) <> 0;

-- ------------------------------------------------------------------------------------------------ how it stands

-- name: open_tasks
-- For each of some variants: how many tasks are held (by anybody) and wait, and the earliest time that one is due, of those
-- that were claimed for a change up to a place in the log.
select t.variant, count(*) filter (where t.driver is not null)::int as held, count(*) filter (where t.driver is null)::int as waiting
from tasks t
where t.variant = any (%(variants)s::smallint[])
  and (%(scope)s::int8multirange is null or %(scope)s::int8multirange @> t.video_id)
  and (%(until)s::bigint is null or t.at <= %(until)s::bigint)
group by t.variant;

-- name: count_next
-- How many changes of a kind lie beyond the watermark of a variant, counted up to `most`.
select count(*)::int as n from (
    select from changes c
    where c.kind = %(takes)s and c.lane = '' and c.at > coalesce(%(after)s::bigint,
              (select w.at from watermarks w where w.variant = %(variant)s and w.lane = ''))
      and (%(scope)s::int8multirange is null or %(scope)s::int8multirange @> c.video_id)
    limit %(most)s) counted;

-- name: tallies
-- The kept counts whose names begin so, by name.
select name, sum(n)::bigint as n from tallies where starts_with(name, %(prefix)s) group by name having sum(n) <> 0;

-- name: count_made
-- The kept counts of derived rows, by name, counted over the active clips of some videos.
select kept_as(c.state) || m.variant as name, count(*)::int as n from clips c
cross join lateral (
    select variant from stills where clip_id = c.id union all select variant from facts where clip_id = c.id
    union all select variant from exports where clip_id = c.id union all select variant from embeddings where clip_id = c.id) m
where c.video_id = any (%(scope)s::bigint[]) and c.retired_at is null group by 1;

-- name: count_states
-- How many of some videos, and of their active clips, are in each state.
select 'videos ' || state as name, count(*) as n from videos
where id = any (%(scope)s::bigint[]) and duplicate_of is null group by state
union all
select 'proxies', count(*) from videos where id = any (%(scope)s::bigint[]) and proxy_key is not null
union all
select 'clips ' || state, count(*) from clips where video_id = any (%(scope)s::bigint[]) and retired_at is null group by state;

-- name: count_failing
-- Per stage: how many items of some videos wait for another try, and how many gave up.
select v.stage, count(*) filter (where f.next_attempt_at is not null)::int as retrying,
       count(*) filter (where f.next_attempt_at is null)::int as dead
from failures f join variants v on v.id = f.variant where f.video_id = any (%(scope)s::bigint[]) group by v.stage;

-- name: count_held
-- Per stage: how many items of some videos drivers hold now.
select v.stage, sum(t.items)::int as running from tasks t join variants v on v.id = t.variant
where t.driver is not null and t.video_id = any (%(scope)s::bigint[]) group by v.stage;

-- name: all_tallies
-- All kept counts, by name.
select name, sum(n)::bigint as n from tallies group by name having sum(n) <> 0;

-- name: variants
-- Every variant, by number.
select id, stage, variant from variants order by id;

-- name: variant_numbers
-- The number of each of some variants, and what its rows carry: of `embed` the newest space that the settings name. Null: new.
select a.stage, v.id, coalesce((select max(s.variant) from spaces s where s.asked = v.id), v.id) as made
from unnest(%(stages)s::text[], %(variants)s::text[]) as a (stage, variant)
left join variants v on v.stage = a.stage and v.variant = a.variant;

-- name: held_items
-- Per stage: how many items drivers hold now.
select v.stage, sum(t.items)::int as running from tasks t join variants v on v.id = t.variant where t.driver is not null group by v.stage;

-- name: done_last_hour
-- Per stage: how many items were done in the last hour.
select v.stage, sum(r.items - r.failed_items)::int as n from stage_runs r join variants v on v.id = r.variant
where r.finished_at > now() - interval '1 hour' and r.status = 'done' group by v.stage;

-- name: done_last_hour_of
-- Per stage: how many items of some videos were done in the last hour.
select v.stage, sum(r.items - r.failed_items)::int as n from stage_runs r join variants v on v.id = r.variant
where r.video_id = any (%(scope)s::bigint[]) and r.finished_at > now() - interval '1 hour' and r.status = 'done' group by v.stage;

-- name: drivers
-- Who works: what each driver holds now, and why its stages wait.
select d.name, d.limits, extract(epoch from now() - d.started_at)::float8 as age_seconds,
       greatest(extract(epoch from now() - d.expires_at), 0)::float8 as silent_seconds,
       (select count(*)::int from tasks t where t.driver = d.name) as calls,
       (select coalesce(sum(t.items), 0)::int from tasks t where t.driver = d.name) as items
from drivers d order by d.expires_at desc limit 50;

-- name: open_tasks_listed
-- What drivers hold, the oldest first: for status.
select v.stage, t.video_id, t.stretch, t.items, t.attempt, t.driver, v2.source,
       extract(epoch from now() - t.started_at)::float8 as age_seconds,
       extract(epoch from now() - d.expires_at)::float8 as silent_seconds  -- above 0: the driver is gone
from tasks t join variants v on v.id = t.variant join videos v2 on v2.id = t.video_id left join drivers d on d.name = t.driver
where t.driver is not null and (%(scope)s::bigint[] is null or t.video_id = any (%(scope)s::bigint[]))
order by t.started_at limit %(limit)s;

-- name: open_failures
-- What failed and is not done, the latest first: for status.
select f.id, v.stage, f.video_id, f.clip_id, f.failures, f.error_type, f.error, f.driver, f.next_attempt_at is null as dead, d.source,
       d.title, f.failed_at, greatest(extract(epoch from f.next_attempt_at - now()), 0)::float8 as retry_in_seconds
from (select * from failures f
      where (%(scope)s::bigint[] is null or f.video_id = any (%(scope)s::bigint[]))
        and (%(stage)s::text is null or f.variant = any (array(select id from variants where stage = %(stage)s::text)))
        and (%(error_type)s::text is null or f.error_type = %(error_type)s::text)
        and (%(dead)s::boolean is null or (f.next_attempt_at is null) = %(dead)s::boolean)
        and (%(before)s::bigint is null or f.id < %(before)s::bigint)
      order by f.id desc limit %(limit)s) f
join variants v on v.id = f.variant join videos d on d.id = f.video_id order by f.id desc;

-- name: failure_example
-- The latest failure of one kind.
select f.error, f.failed_at from failures f
where f.variant = %(variant)s and f.error_type = %(error_type)s and (f.next_attempt_at is null) = %(dead)s
order by f.id desc limit 1;

-- name: retry
-- Forget what failed, so that it is due again at once with all its attempts.
with chosen as (
    delete from failures f using variants v
    where v.id = f.variant
      and (%(ids)s::bigint[] is null or f.id = any (%(ids)s::bigint[]))
      and (%(stage)s::text is null or v.stage = %(stage)s::text)
      and (%(error_type)s::text is null or f.error_type = %(error_type)s::text)
      and (%(videos)s::bigint[] is null or f.video_id = any (%(videos)s::bigint[]))
    returning v.stage, f.video_id, f.variant, f.stretch, f.clip_id
), lanes as (
    select c.*, case when c.stage = 'download' then v.host else '' end as lane from chosen c join videos v on v.id = c.video_id
), hosts_again as (
    insert into hosts as h (host, newest) select distinct lane, 0 from lanes where stage = 'download'
    on conflict (host) do update set next_start_at = greatest(h.next_start_at, now())
), due as (
    insert into tasks as t (video_id, variant, stretch, lane) select distinct video_id, variant, stretch, lane from lanes
    on conflict (video_id, variant, stretch) do update
    set due_at = least(t.due_at, now()), losses = 0, again_at = case when t.driver is not null then t.at end
)
select stage, case when clip_id = 0 then 'video' else 'clip' end as subject, case when clip_id = 0 then video_id else clip_id end as subject_id,
       video_id from chosen;

-- name: dead_failures
-- What was given up of a video.
select id from failures where video_id = %(video_id)s and next_attempt_at is null;

-- name: is_failing
-- Whether something of some videos failed for good, and how many items.
select count(*)::int as n from failures f
where f.next_attempt_at is null and (%(scope)s::bigint[] is null or f.video_id = any (%(scope)s::bigint[]));

-- name: runs_of_video
-- The kept attempts at a video, or at its clips, the latest first.
select r.id, v.stage, v.variant, r.stretch, r.attempt, r.status::text, r.items, r.failed_items, r.driver, r.error_type, r.error, r.result,
       r.started_at, r.finished_at, extract(epoch from r.finished_at - r.started_at)::float8 as seconds
from stage_runs r join variants v on v.id = r.variant
where r.video_id = %(id)s and v.stage = any (%(stages)s::text[])
  and (%(before)s::bigint is null or r.id < %(before)s::bigint)
order by r.id desc limit %(limit)s;

-- name: archived_until_now
-- Clips whose objects were deleted, with figures, by the kept history; and how many gave up.
select coalesce(sum(r.items - r.failed_items), 0)::int as clips,
       coalesce(sum((r.result->>'objects_deleted')::bigint), 0)::bigint as objects_deleted,
       coalesce(sum((r.result->>'bytes_freed')::bigint), 0)::bigint as bytes_freed,
       (select count(*) from failures f join variants v on v.id = f.variant
        where v.stage = 'archive' and f.next_attempt_at is null
          and (%(scope)s::bigint[] is null or f.video_id = any (%(scope)s::bigint[])))::int as gave_up
from stage_runs r join variants v on v.id = r.variant
where v.stage = 'archive' and r.status = 'done' and (%(scope)s::bigint[] is null or r.video_id = any (%(scope)s::bigint[]));
