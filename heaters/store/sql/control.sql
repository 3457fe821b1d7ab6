-- What operators ask of running drivers: pauses of stages, and videos that come first.

-- name: pauses
-- What is paused, the whole library ('') first.
select stage, since, paused_by, reason, extract(epoch from now() - since)::float8 as age_seconds from pauses order by stage;

-- name: pause
-- Let drivers start nothing more of some stages; '' is the whole library. Said again, the new reason stands.
insert into pauses (stage, paused_by, reason) select stage, %(paused_by)s, %(reason)s from unnest(%(stages)s::text[]) as s (stage)
on conflict (stage) do update set paused_by = excluded.paused_by, reason = excluded.reason returning stage;

-- name: resume
-- End some pauses, or all of them.
delete from pauses where %(stages)s::text[] is null or stage = any (%(stages)s::text[]) returning stage;

-- name: prioritise
-- Let the work on some videos come before that on others: 9 first, 0 with all others.
update videos v set priority = %(priority)s where v.priority <> %(priority)s and v.id in (
    select coalesce(o.duplicate_of, o.id) from videos o where o.id = any (%(ids)s::bigint[]));

-- name: first_videos
-- The videos whose work comes first, by priority, as far as something happened to them within a day; at most `most`.
select f.priority, array_agg(f.id order by f.id) as ids from (
    select v.id, v.priority from videos v
    where v.priority > 0 and exists (select from changes c where c.video_id = v.id and c.since > now() - interval '1 day')
    order by v.priority desc, v.id limit %(most)s) f
group by f.priority order by f.priority desc;

-- name: end_priorities
-- Videos to which nothing happened for a day come first no more.
update videos v set priority = 0
where v.priority > 0 and not exists (select from changes c where c.video_id = v.id and c.since > now() - interval '1 day')
  and not exists (select from tasks t where t.video_id = v.id);
