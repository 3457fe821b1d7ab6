-- Withdrawing videos: rows go in one transaction, objects afterwards, and neither may come back.

-- name: known_videos
-- For each of some names, which are numbers or sources, the video that it is; of duplicates the one with the bytes.
select n.name, coalesce(v.duplicate_of, v.id) as id
from unnest(%(names)s::text[], %(ids)s::bigint[]) as n (name, id)
join videos v on v.id = n.id or v.source = n.name;

-- name: known_withdrawals
-- The withdrawals that some names mean: the number that the video had, a source or a hash.
select n.name, w.source from unnest(%(names)s::text[], %(ids)s::bigint[]) as n (name, id)
cross join lateral (
    select source from withdrawn where video_id = n.id
    union select source from withdrawn where source = n.name
    union select o.source from withdrawn o where o.content_hash = n.name
    union select o.source from withdrawn w join withdrawn o on o.content_hash = w.content_hash
          where w.video_id = n.id or w.source = n.name) w;

-- name: lock_for_withdrawal
-- Hold videos, and those that point to them as the same bytes.
select id from videos where id = any (%(ids)s::bigint[]) order by id for update;

-- name: lock_duplicates
-- Hold the videos that are the same bytes as some that are held already: no more can come to point there.
select id from videos where duplicate_of = any (%(ids)s::bigint[]) order by id for update;

-- name: write_withdrawals
-- The tombstones of some videos. A duplicate has the bytes of the one that it points to.
insert into withdrawn (source, video_id, content_hash, title, clips, reason, withdrawn_by)
select v.source, v.id, coalesce(v.content_hash, o.content_hash), v.title,
       (select count(*) from clips c where c.video_id = v.id and c.retired_at is null), %(reason)s, %(by)s
from videos v left join videos o on o.id = v.duplicate_of
where v.id = any (%(ids)s::bigint[])
on conflict (source) do nothing;

-- name: take_work_away
-- Note who works on some videos: what they make comes too late, but may still be put.
insert into withdrawn_work (video_id, variant, stretch, driver)
select t.video_id, t.variant, t.stretch, t.driver from tasks t join drivers d on d.name = t.driver
where t.video_id = any (%(ids)s::bigint[]) on conflict do nothing;

-- name: take_out_stills
-- The stills of some videos; table by table, because a row at a time through foreign keys is slow and miscounts.
delete from stills using clips c where c.id = stills.clip_id and c.video_id = any (%(ids)s::bigint[]);

-- name: take_out_facts
-- The facts of the clips of some videos.
delete from facts using clips c where c.id = facts.clip_id and c.video_id = any (%(ids)s::bigint[]);

-- name: take_out_exports
-- The files of the clips of some videos.
delete from exports using clips c where c.id = exports.clip_id and c.video_id = any (%(ids)s::bigint[]);

-- name: take_out_embeddings
-- The vectors of the clips of some videos.
delete from embeddings using clips c where c.id = embeddings.clip_id and c.video_id = any (%(ids)s::bigint[]);

-- name: take_out_review_leases
-- What reviewers have in hand of some videos.
delete from review_leases using clips c where c.id = review_leases.clip_id and c.video_id = any (%(ids)s::bigint[]);

-- name: take_out_review_events
-- The log of review of some videos.
delete from review_events where video_id = any (%(ids)s::bigint[]);

-- name: take_out_failures
-- What failed of some videos.
delete from failures where video_id = any (%(ids)s::bigint[]);

-- name: take_out_tasks
-- The work on some videos: whoever holds it is fenced off.
delete from tasks where video_id = any (%(ids)s::bigint[]);

-- name: take_out_changes
-- What happened to some videos.
delete from changes where video_id = any (%(ids)s::bigint[]);

-- name: take_out_history
-- The attempts at some videos: results and errors tell of their contents.
delete from stage_runs where video_id = any (%(ids)s::bigint[]);

-- name: take_out_clips
-- The clips of some videos.
delete from clips where video_id = any (%(ids)s::bigint[]);

-- name: take_out_cuts
-- The cuts of some videos.
delete from cuts where video_id = any (%(ids)s::bigint[]);

-- name: take_out_videos
-- Some videos.
delete from videos where id = any (%(ids)s::bigint[]);

-- name: sources_of_withdrawn
-- The sources that some withdrawn videos had.
select source from withdrawn where video_id = any (%(ids)s::bigint[]) order by video_id;

-- name: withdrawals
-- Withdrawals in the order of the numbers that the videos had: of some sources or all, finished or not. `is_at_work`: a driver still
-- holds a claim from before. `after`: for the next page.
select w.source, w.video_id, w.content_hash, w.title, w.clips, w.reason, w.withdrawn_by, w.withdrawn_at, w.round, w.finished_at,
       exists (select from withdrawn_work x where x.video_id = w.video_id) as is_at_work
from withdrawn w
where (%(sources)s::text[] is null or w.source = any (%(sources)s::text[]))
  and (not %(unfinished)s or w.finished_at is null)
  and w.video_id > %(after)s
order by w.video_id limit %(limit)s;

-- name: idle_withdrawals
-- Withdrawals that are not finished, although nobody works on the videos: their command was killed, or work came late.
select w.source from withdrawn w
where w.finished_at is null and not exists (select from withdrawn_work x where x.video_id = w.video_id)
order by w.video_id limit %(limit)s;

-- name: contents_in_use
-- Which of some contents are those of a video that is there. It cannot be; before anything is deleted, it is looked at.
select content_hash from videos where content_hash = any (%(contents)s::text[]);

-- name: finish_withdrawals
-- No object of some withdrawals was left when they were looked at in this round.
update withdrawn w set finished_at = now() from unnest(%(sources)s::text[], %(rounds)s::int[]) as d (source, round)
where w.source = d.source and w.round = d.round;

-- name: is_withdrawn
-- For each of some sources and their bytes the withdrawal that bars it, if there is one.
select s.number::int - 1 as number, w.video_id, w.withdrawn_by, w.withdrawn_at, w.reason
from unnest(%(source)s::text[], %(content_hash)s::text[]) with ordinality as s (source, content_hash, number)
cross join lateral (
    select * from (select * from withdrawn where source = s.source
                   union all select * from withdrawn where content_hash = s.content_hash) o limit 1) w;

-- name: hold_off_contents
-- Until this transaction ends, no video gets bytes that it had not.
select pg_advisory_xact_lock(hashtext('heaters.withdrawn'));

-- name: late_work
-- Work that ended too late was on videos that are withdrawn: objects may have been put since theirs were deleted. Where the bytes of
-- one were not known, and are no other video's, they are now.
update withdrawn w
set round = w.round + 1, finished_at = null,
    content_hash = case when w.content_hash is null and not exists (select from videos v where v.content_hash = l.content)
                        then l.content else w.content_hash end
from unnest(%(video_ids)s::bigint[], %(contents)s::text[]) as l (video_id, content) where w.video_id = l.video_id
returning w.video_id;

-- name: put_again
-- Somebody brought withdrawn bytes under another address: they were refused, but lie in the store.
update withdrawn set round = round + 1, finished_at = null where content_hash = any (%(contents)s::text[]);

-- name: withdrawn_work_of
-- The claims of withdrawn videos that a driver has not let go of yet, as far as the database knows.
select x.video_id, x.variant, x.stretch, v.stage from withdrawn_work x join variants v on v.id = x.variant where x.driver = %(driver)s;

-- name: let_go_of_withdrawn
-- A driver is done with some claims of withdrawn videos.
delete from withdrawn_work w
using unnest(%(video_ids)s::bigint[], %(variants)s::smallint[], %(stretches)s::int[]) as d (video_id, variant, stretch)
where w.driver = %(driver)s and w.video_id = d.video_id and w.variant = d.variant and w.stretch = d.stretch;

-- name: workers_on_withdrawn
-- Who still works on withdrawn videos.
select x.video_id, v.stage, x.driver from withdrawn_work x join variants v on v.id = x.variant
where x.video_id = any (%(ids)s::bigint[]) order by x.video_id, v.stage;

-- name: last_withdrawal
-- When something was withdrawn the last time.
select max(withdrawn_at) as at from withdrawn;

-- name: withdrawn_contents
-- The videos that were withdrawn after a moment, and their bytes.
select w.video_id, w.content_hash, w.withdrawn_at from withdrawn w where w.withdrawn_at > %(after)s order by w.withdrawn_at;

-- name: allow_again
-- Forget withdrawals that are finished: their sources and bytes may come again.
delete from withdrawn where source = any (%(sources)s::text[]) and finished_at is not null returning source;

-- name: register_output
-- A dataset is written to a place.
insert into dataset_outputs (location) values (%(location)s)
on conflict (location) do update set written_at = now();

-- name: outputs
-- Where datasets were written.
select location from dataset_outputs order by location;
