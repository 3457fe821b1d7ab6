-- Which clip a reviewer has before them. Leases are rows of a table of their own; one of the past is none.

-- name: lock_leases
-- One reviewer is given clips at a time, until the transaction ends. A statement of its own: the next one sees what the reviewer
-- before was given.
select pg_advisory_xact_lock(hashtext('heaters.leases'));

-- name: lease_clips
-- Give a reviewer the next clips of the queue. What another holds is skipped, so two never meet; a video somebody else is in
-- comes after the others; clips put off come last. Pending neighbours are leased too, so that an edit of the shared cut is the
-- same reviewer's.
with theirs as materialized (
    select l.clip_id, l.video_id from review_leases l where l.expires_at > now() and l.reviewer <> %(reviewer)s
), foreign_videos as materialized (
    select distinct t.video_id from theirs t
    where not exists (select from review_leases m where m.video_id = t.video_id and m.reviewer = %(reviewer)s and m.expires_at > now())
), picked as materialized (
    select * from (
        (select c.id, c.video_id, c.start_frame, c.end_frame, 1 as tier, row_number() over () as place from (
            select * from clips c
            where c.state = 'pending_review' and c.deferred_at is null
              and not c.id = any (%(have)s::bigint[])
              and (%(videos)s::bigint[] is null or c.video_id = any (%(videos)s::bigint[]))
              and c.id not in (select clip_id from theirs) and c.video_id not in (select video_id from foreign_videos)
            order by {order} limit %(n)s) c)
        union all
        (select c.id, c.video_id, c.start_frame, c.end_frame, 2, row_number() over () from (
            select c.* from foreign_videos f cross join lateral (
                select * from clips c
                where c.state = 'pending_review' and c.deferred_at is null and c.video_id = f.video_id
                  and not c.id = any (%(have)s::bigint[])
                  and (%(videos)s::bigint[] is null or c.video_id = any (%(videos)s::bigint[]))
                  and c.id not in (select clip_id from theirs)
                order by c.start_frame limit %(n)s) c
            order by c.video_id, c.start_frame limit %(n)s) c)
        union all
        (select c.id, c.video_id, c.start_frame, c.end_frame, 3, row_number() over () from (
            select * from clips c
            where c.state = 'pending_review' and c.deferred_at is not null
              and not c.id = any (%(have)s::bigint[])
              and (%(videos)s::bigint[] is null or c.video_id = any (%(videos)s::bigint[]))
              and c.id not in (select clip_id from theirs)
            order by c.deferred_at, c.id limit %(n)s) c)
    ) queue order by tier, place limit %(n)s
), near as materialized (
    select c.id, c.video_id from picked p join clips c on c.video_id = p.video_id and c.retired_at is null
        and (c.start_frame = p.end_frame or c.end_frame = p.start_frame)
    where c.state = 'pending_review' and c.id not in (select clip_id from theirs)
), leased as (
    insert into review_leases (clip_id, video_id, reviewer, expires_at)
    select id, video_id, %(reviewer)s, now() + %(lease_seconds)s * interval '1 second'
    from (select id, video_id from picked union select id, video_id from near) l order by id
    on conflict (clip_id) do update set reviewer = excluded.reviewer, expires_at = excluded.expires_at
    where review_leases.expires_at <= now() or review_leases.reviewer = excluded.reviewer  -- `lease_clip` and `renew_leases` take no turn
    returning clip_id
)
select id from picked where id in (select clip_id from leased) order by tier, place;

-- name: order_of_play
-- Not a statement: the queue in play order, video after video.
c.video_id, c.start_frame;

-- name: order_of_doubt
-- Not a statement: the queue with the least certain cuts first.
c.confidence, c.video_id, c.start_frame;

-- name: queue_counts
-- The queue of some videos in figures. Of all videos the kept counts tell it.
select count(*) filter (where c.state = 'pending_review')::int as pending,
       count(*) filter (where c.state <> 'pending_review')::int as decided
from clips c where c.retired_at is null and c.video_id = any (%(videos)s::bigint[]);

-- name: held_by_others
-- How many clips other reviewers have in hand, within the videos asked for.
select count(*)::int as n from review_leases l
where l.expires_at > now() and l.reviewer <> %(reviewer)s
  and (%(videos)s::bigint[] is null or l.video_id = any (%(videos)s::bigint[]));

-- name: lease_clip
-- Give a reviewer one clip that was asked for, if it waits and nobody else holds it.
insert into review_leases as l (clip_id, video_id, reviewer, expires_at)
select c.id, c.video_id, %(reviewer)s, now() + %(lease_seconds)s * interval '1 second' from clips c
where c.id = %(id)s and c.state = 'pending_review'
on conflict (clip_id) do update set reviewer = excluded.reviewer, expires_at = excluded.expires_at
where l.expires_at <= now() or l.reviewer = excluded.reviewer
returning clip_id as id;

-- name: renew_leases
-- Renew what a reviewer has in hand and its neighbours, also after it ran out if nobody has taken it. Returns what is theirs.
with mine as (
    select c.id, c.video_id from clips c where c.id = any (%(ids)s::bigint[]) and c.state = 'pending_review'
    union
    select n.id, n.video_id from clips h join clips n on n.video_id = h.video_id and n.state = 'pending_review'
        and (n.start_frame = h.end_frame or n.end_frame = h.start_frame)
    where h.id = any (%(ids)s::bigint[]) and h.retired_at is null
)
insert into review_leases as l (clip_id, video_id, reviewer, expires_at)
select id, video_id, %(reviewer)s, now() + %(lease_seconds)s * interval '1 second' from mine order by id
on conflict (clip_id) do update set reviewer = excluded.reviewer, expires_at = excluded.expires_at
where l.expires_at <= now() or l.reviewer = excluded.reviewer
returning clip_id as id;

-- name: release_leases
-- Put clips back into the queue. Rows are locked in the order of ids, as everybody does who takes several.
with mine as materialized (
    select clip_id from review_leases
    where reviewer = %(reviewer)s and (%(ids)s::bigint[] is null or clip_id = any (%(ids)s::bigint[]))
    order by clip_id for update
)
delete from review_leases l using mine m where l.clip_id = m.clip_id returning l.clip_id as id;

-- name: defer_clips
-- Put clips that wait behind all others.
with waiting as materialized (
    select id from clips where id = any (%(ids)s::bigint[]) and state = 'pending_review' order by id for no key update
)
update clips c set deferred_at = now() from waiting w where c.id = w.id;

-- name: sweep_leases
-- Leases that ran out long ago, but for those that somebody has in use.
delete from review_leases where clip_id in (
    select clip_id from review_leases where expires_at < now() - interval '1 hour' order by clip_id for update skip locked);

-- name: review_cards
-- What a reviewer sees of clips, with their neighbours and the cuts at both ends, in the order asked for.
select c.id, c.version, c.state::text, c.video_id, c.start_frame, c.end_frame, c.group_id, c.reviewed_by, c.retired_at is not null as is_retired,
       case when c.state = 'pending_review' then (
            select l.reviewer from review_leases l
            where l.clip_id = c.id and l.expires_at > now() and l.reviewer <> %(reviewer)s) end as held_by,
       v.title, v.source, v.frame_count, v.duration_seconds, v.time_base_num, v.time_base_den, v.pts_key, v.probabilities_key,
       v.width, v.height, clip_shapes(v.shapes, c.start_frame, c.end_frame) as shapes, v.is_vfr, coalesce(v.has_audio, false) as has_audio, v.proxy_key, v.is_playable,
       p.id as previous_id, p.version as previous_version, p.start_frame as previous_start_frame, p.state::text as previous_state,
       n.id as next_id, n.version as next_version, n.end_frame as next_end_frame, n.state::text as next_state,
       ks.kind::text as start_kind, ks.confidence::float8 as start_confidence,
       ke.kind::text as end_kind, ke.confidence::float8 as end_confidence,
       (select count(*) from clips b where b.video_id = c.video_id and b.retired_at is null and b.start_frame < c.start_frame)::int + 1 as number,
       (select count(*) from clips b where b.video_id = c.video_id and b.retired_at is null)::int as clips
from unnest(%(ids)s::bigint[]) with ordinality as asked (id, place)
join clips c on c.id = asked.id
join videos v on v.id = c.video_id
left join lateral (select * from clips p where p.video_id = c.video_id and p.retired_at is null and p.start_frame < c.start_frame
                   order by p.start_frame desc limit 1) p on true
left join clips n on n.video_id = c.video_id and n.retired_at is null and n.start_frame = c.end_frame
left join cuts ks on ks.video_id = c.video_id and ks.frame = c.start_frame
left join cuts ke on ke.video_id = c.video_id and ke.frame = c.end_frame
order by asked.place;

-- name: clip_start
-- The first frame of a clip.
select start_frame from clips where id = %(id)s;

-- name: review_videos
-- Videos with their state and how many of their clips wait, up to 999: those named, or the first in which some do.
with recursive waiting as (  -- hops from video to video in the queue
    (select video_id from clips where state = 'pending_review' and %(ids)s::bigint[] is null
     order by video_id, start_frame limit 1)
    union all
    select n.video_id from waiting w cross join lateral (
        select c.video_id from clips c
        where c.state = 'pending_review' and (c.video_id, c.start_frame) > (w.video_id, 2147483647)
        order by c.video_id, c.start_frame limit 1) n
), named as (
    (select video_id from waiting limit 500) union all select unnest(%(ids)s::bigint[])
)
select v.id, v.title, v.source, v.state::text,
       (select count(*) from (select from clips c where c.video_id = v.id and c.state = 'pending_review' limit 999) w)::int as waiting
from named n join videos v on v.id = n.video_id order by v.id limit 500;

-- name: clips_over
-- The active clips that now cover the frames of a clip, first to last: what became of one that is gone.
select c.id from clips g join clips c on c.video_id = g.video_id and c.retired_at is null
    and c.start_frame < g.end_frame and c.end_frame > g.start_frame
where g.id = %(id)s order by c.start_frame;
