-- Which clip a reviewer has before them.

-- name: lease_clips
-- Give a reviewer the next clips of the queue, and count it. What another holds is skipped, so two never meet; a video
-- somebody else is in comes after the others; clips put off come last. Pending neighbours are leased too, so that an
-- edit of the shared cut is the same reviewer's.
with foreigners as (
    select distinct video_id from clips f
    where f.state = 'pending_review' and f.review_lease_expires_at > now() and f.review_lease_by <> %(reviewer)s
      and not exists (select from clips m where m.video_id = f.video_id and m.state = 'pending_review'
                      and m.review_lease_by = %(reviewer)s and m.review_lease_expires_at > now())
), picked as materialized (
    select * from (
        (select c.id, c.video_id, c.start_frame, c.end_frame, 1 as tier, row_number() over () as place from (
            select * from clips c
            where c.state = 'pending_review' and c.retired_at is null and c.review_deferred_at is null
              and (c.review_lease_expires_at is null or c.review_lease_expires_at <= now() or c.review_lease_by = %(reviewer)s)
              and not c.id = any (%(have)s::bigint[])
              and (%(videos)s::bigint[] is null or c.video_id = any (%(videos)s::bigint[]))
              and not exists (select from foreigners f where f.video_id = c.video_id)
            order by case when %(uncertain)s then least(
                         (select k.confidence from cuts k where k.video_id = c.video_id and k.frame = c.start_frame),
                         (select k.confidence from cuts k where k.video_id = c.video_id and k.frame = c.end_frame)) end,
                     c.video_id, c.start_frame
            limit %(n)s for update of c skip locked) c)
        union all
        (select c.id, c.video_id, c.start_frame, c.end_frame, 2, row_number() over () from (
            select * from clips c
            where c.state = 'pending_review' and c.retired_at is null and c.review_deferred_at is null
              and (c.review_lease_expires_at is null or c.review_lease_expires_at <= now() or c.review_lease_by = %(reviewer)s)
              and not c.id = any (%(have)s::bigint[])
              and (%(videos)s::bigint[] is null or c.video_id = any (%(videos)s::bigint[]))
              and exists (select from foreigners f where f.video_id = c.video_id)
            order by c.video_id, c.start_frame
            limit %(n)s for update of c skip locked) c)
        union all
        (select c.id, c.video_id, c.start_frame, c.end_frame, 3, row_number() over () from (
            select * from clips c
            where c.state = 'pending_review' and c.retired_at is null and c.review_deferred_at is not null
              and (c.review_lease_expires_at is null or c.review_lease_expires_at <= now() or c.review_lease_by = %(reviewer)s)
              and not c.id = any (%(have)s::bigint[])
              and (%(videos)s::bigint[] is null or c.video_id = any (%(videos)s::bigint[]))
            order by c.review_deferred_at, c.id
            limit %(n)s for update of c skip locked) c)
    ) queue order by tier, place limit %(n)s
), near as materialized (
    select c.id from clips c
    where c.state = 'pending_review' and c.retired_at is null
      and (c.review_lease_expires_at is null or c.review_lease_expires_at <= now() or c.review_lease_by = %(reviewer)s)
      and exists (select from picked p where p.video_id = c.video_id and (p.start_frame = c.end_frame or p.end_frame = c.start_frame))
    for update of c skip locked
), leased as (
    update clips set review_lease_by = %(reviewer)s, review_lease_expires_at = now() + %(lease_seconds)s * interval '1 second'
    where id in (select id from picked union select id from near)
), counted as (
    select count(*) filter (where c.state = 'pending_review')::int as pending,
           count(*) filter (where c.state <> 'pending_review')::int as decided,
           count(*) filter (where c.state = 'pending_review' and c.review_lease_expires_at > now()
                            and c.review_lease_by <> %(reviewer)s)::int as held_by_others
    from clips c
    where c.retired_at is null and (%(videos)s::bigint[] is null or c.video_id = any (%(videos)s::bigint[]))
)
select n.pending, n.decided, n.held_by_others, p.id from counted n left join picked p on true order by p.tier, p.place;

-- name: lease_clip
-- Give a reviewer one clip that was asked for, if it waits and nobody else holds it.
update clips set review_lease_by = %(reviewer)s, review_lease_expires_at = now() + %(lease_seconds)s * interval '1 second'
where id = %(id)s and state = 'pending_review' and retired_at is null
  and (review_lease_expires_at is null or review_lease_expires_at <= now() or review_lease_by = %(reviewer)s)
returning id;

-- name: renew_leases
-- Renew what a reviewer has in hand and its neighbours, also after it ran out if nobody has taken it. Returns what is theirs.
update clips c set review_lease_by = %(reviewer)s, review_lease_expires_at = now() + %(lease_seconds)s * interval '1 second'
where c.state = 'pending_review' and c.retired_at is null
  and (c.review_lease_expires_at is null or c.review_lease_expires_at <= now() or c.review_lease_by = %(reviewer)s)
  and (c.id = any (%(ids)s::bigint[]) or exists (
        select from clips h where h.id = any (%(ids)s::bigint[]) and h.video_id = c.video_id and h.retired_at is null
        and (h.start_frame = c.end_frame or h.end_frame = c.start_frame)))
returning c.id;

-- name: release_leases
-- Put clips back into the queue; `later` puts them behind all others.
update clips set review_lease_by = null, review_lease_expires_at = null,
    review_deferred_at = case when %(later)s then now() else review_deferred_at end
where state = 'pending_review' and retired_at is null and review_lease_by = %(reviewer)s
  and (%(ids)s::bigint[] is null or id = any (%(ids)s::bigint[]))
returning id;

-- name: review_cards
-- What a reviewer sees of clips, with their neighbours and the cuts at both ends, in the order asked for.
select c.id, c.version, c.state::text, c.video_id, c.start_frame, c.end_frame, c.group_id, c.reviewed_by, c.retired_at is not null as is_retired,
       case when c.state = 'pending_review' and c.review_lease_expires_at > now() and c.review_lease_by <> %(reviewer)s
            then c.review_lease_by end as held_by,
       v.title, v.source, v.frame_count, v.duration_seconds, v.time_base_num, v.time_base_den, v.pts_key, v.probabilities_key,
       v.width, v.height, v.is_vfr, coalesce(v.has_audio, false) as has_audio, v.proxy_key,
       p.id as previous_id, p.version as previous_version, p.start_frame as previous_start_frame, p.state::text as previous_state,
       n.id as next_id, n.version as next_version, n.end_frame as next_end_frame, n.state::text as next_state,
       ks.kind::text as start_kind, ks.confidence::float8 as start_confidence,
       ke.kind::text as end_kind, ke.confidence::float8 as end_confidence,
       (select count(*) from clips b where b.video_id = c.video_id and b.retired_at is null and b.start_frame < c.start_frame)::int + 1 as number,
       (select count(*) from clips b where b.video_id = c.video_id and b.retired_at is null)::int as clips
from unnest(%(ids)s::bigint[]) with ordinality as asked (id, place)
join clips c on c.id = asked.id
join videos v on v.id = c.video_id
left join clips p on p.video_id = c.video_id and p.retired_at is null and p.end_frame = c.start_frame
left join clips n on n.video_id = c.video_id and n.retired_at is null and n.start_frame = c.end_frame
left join cuts ks on ks.video_id = c.video_id and ks.frame = c.start_frame
left join cuts ke on ke.video_id = c.video_id and ke.frame = c.end_frame
order by asked.place;

-- name: clip_start
-- The first frame of a clip.
select start_frame from clips where id = %(id)s;

-- name: review_videos
-- Videos with their state and how many of their clips wait: those named, or all in which some do.
select v.id, coalesce(nullif(v.title, ''), v.source) as title, v.state::text, coalesce(w.waiting, 0)::int as waiting
from videos v left join (select video_id, count(*) as waiting from clips where state = 'pending_review' and retired_at is null
                         group by video_id) w on w.video_id = v.id
where (%(ids)s::bigint[] is null and w.waiting > 0) or v.id = any (%(ids)s::bigint[])
order by v.id limit 500;

-- name: clips_over
-- The active clips that now cover the frames of a clip, first to last: what became of one that is gone.
select c.id from clips g join clips c on c.video_id = g.video_id and c.retired_at is null
    and c.start_frame < g.end_frame and c.end_frame > g.start_frame
where g.id = %(id)s order by c.start_frame;
