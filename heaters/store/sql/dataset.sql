-- The queries of the two ends that learn from review: datasets out, and detectors measured against decisions.

-- name: lock_output
-- Hold an output for this connection's life, if nobody else does: a killed export lets go of it.
select pg_try_advisory_lock(hashtextextended('heaters.dataset.' || %(out)s, 0)) as held;

-- name: unlock_output
-- Let others have it. The end of the connection does, too, but some time after it was closed.
select pg_advisory_unlock(hashtextextended('heaters.dataset.' || %(out)s, 0));

-- name: begin_choice
-- Tables of this session, so that neither what is chosen nor what is there already need fit into memory.
create temp table if not exists chosen (id bigint, content_hash text, start_frame integer, end_frame integer, size_bytes bigint,
                                        is_ready boolean, place bigint, is_in boolean not null default false);
create temp table if not exists there (sample text);
truncate chosen, there;

-- name: copy_there
-- Names of samples that are in the output. {there} is the table, here and below.
copy {there} (sample) from stdin;

-- name: index_there
-- Make them fast to find.
create index if not exists there_sample on {there} (sample); analyze {there};

-- name: choose_clips
-- Every approved clip that passes the filters, in the order of source and place, and whether all that is asked for is there. `rule` is
-- the bounds on facts, `file` the fragment below.
insert into {chosen} (id, content_hash, start_frame, end_frame, size_bytes, is_ready, place)
select c.id, v.content_hash, c.start_frame, c.end_frame, f.size_bytes, f.size_bytes is not null
       and (%(stills)s::text is null or exists (
           select from stills s where s.clip_id = c.id
              and s.variant = (select id from variants where stage = 'keyframes' and variant = %(stills)s)))
       and (%(model)s::text is null or exists (
           select from embeddings e where e.clip_id = c.id
              and e.variant = (select variant from spaces where model = %(model)s and strategy = %(strategy)s))) as is_ready,
       row_number() over (order by v.content_hash, c.start_frame, c.id) as place
from clips c join videos v on v.id = c.video_id
left join lateral ({file}) f on true
where c.state = 'review_approved' and v.content_hash is not null
  and (%(states)s::clip_state[] is null or c.state = any (%(states)s::clip_state[]))
  and (%(videos)s::bigint[] is null or c.video_id = any (%(videos)s::bigint[]))
  and (%(min_seconds)s::real is null or c.seconds >= %(min_seconds)s::real)
  and (%(max_seconds)s::real is null or c.seconds < %(max_seconds)s::real)
  and {rule};

-- name: mark_chosen
-- Which chosen clips are in the output; their names are those of `Candidate.sample`.
create unique index if not exists chosen_place on {chosen} (place);
update {chosen} c set is_in = true
from {there} t where t.sample = left(c.content_hash, 16)
    || '-' || lpad(c.start_frame::text, greatest(8, length(c.start_frame::text)), '0')
    || '-' || lpad(c.end_frame::text, greatest(8, length(c.end_frame::text)), '0');
analyze {chosen};

-- name: count_waiting
-- How many chosen clips lack something as yet.
select count(*) as n from {chosen} where not is_ready;

-- name: ids_in
-- The chosen clips that can be written, those that are in the output, or the others.
select id from {chosen} where is_ready and is_in = %(is_in)s order by id;

-- name: next_chosen
-- The next chosen clips that can be written and are not in the output.
select id, content_hash, start_frame, end_frame, size_bytes, place from {chosen}
where is_ready and not is_in and place > %(after)s order by place limit %(limit)s;

-- name: not_there
-- Which of some samples are not in the output.
select n.name from unnest(%(names)s::text[]) as n (name) where not exists (select from {there} t where t.sample = n.name);

-- name: file_of_clip
-- Not a statement: of a clip's (c) files the one of a profile, else the latest.
select n.variant as profile, x.params, x.sha256, x.size_bytes, x.width, x.height from exports x join variants n on n.id = x.variant
where x.clip_id = c.id order by n.variant = %(profile)s desc, x.created_at desc, n.id limit 1;

-- name: clip_records
-- What a dataset says of some clips, in the order of `ids`: of those that still are as they were chosen.
select c.id, c.video_id, v.content_hash, v.source, v.title, v.provenance, coalesce(f.width, v.width) as width,
       coalesce(f.height, v.height) as height,
       coalesce(v.has_audio, false) as has_audio, coalesce(v.is_vfr, false) as is_vfr,
       v.is_partial, v.partial_reason, v.concealed, c.start_frame, c.end_frame, (c.start_pts * v.time_base_num)::float8 / v.time_base_den as start_seconds,
       (c.end_pts * v.time_base_num)::float8 / v.time_base_den as end_seconds,
       c.state::text, c.reviewed_by, c.reviewed_at, c.parents, c.group_id,
       f.profile as export_profile, f.params as export_params, f.sha256, f.size_bytes,
       ks.kind::text as start_kind, ks.confidence::float8 as start_confidence, ks.created_by as start_by,
       ke.kind::text as end_kind, ke.confidence::float8 as end_confidence, ke.created_by as end_by,
       s.frames as stills_frames,
       to_jsonb(m) as facts, e.vector, e.images
from unnest(%(ids)s::bigint[]) with ordinality as asked (id, place)
join clips c on c.id = asked.id and c.state = 'review_approved'
join videos v on v.id = c.video_id
join lateral ({file}) f on true
left join cuts ks on ks.video_id = c.video_id and ks.frame = c.start_frame
left join cuts ke on ke.video_id = c.video_id and ke.frame = c.end_frame
left join stills s on s.clip_id = c.id and s.variant = (select id from variants where stage = 'keyframes' and variant = %(stills)s)
left join facts m on m.clip_id = c.id and m.variant = (select facts_variant())
left join embeddings e on e.clip_id = c.id
     and e.variant = (select variant from spaces where model = %(model)s and strategy = %(strategy)s)
where (%(stills)s::text is null or s.clip_id is not null) and (%(model)s::text is null or e.clip_id is not null)
order by asked.place;

-- name: clip_reviews
-- Every act that made or changed some clips, oldest first. By their videos: to ask for arrays that overlap would compare each of
-- the log with all `ids`.
select x.clip_id, e.id, e.reviewer, e.action::text, e.undoes, e.created_at
from review_events e cross join lateral unnest(e.clip_ids) as x (clip_id)
where e.video_id = any (%(videos)s::bigint[]) and x.clip_id = any (%(ids)s::bigint[])
order by e.id, x.clip_id;

-- ------------------------------------------------------------------------------------------------ evaluation

-- name: decided_videos
-- Videos with clips that a person approved, where their evidence lies, and which detector detection ran.
select v.id, v.source, v.title, v.content_hash, v.frame_count, v.pts_key, v.probabilities_key, v.time_base_num,
       v.time_base_den, v.detector as method, v.detector_model as model
from videos v
where v.probabilities_key is not null and (%(ids)s::bigint[] is null or v.id = any (%(ids)s::bigint[]))
  and exists (select from clips c where c.video_id = v.id and c.state = 'review_approved'
              and c.reviewed_by <> all (%(machines)s::text[]))
order by v.id;

-- name: approved_clips
-- The clips of a video that a person approved, in play order.
select start_frame, end_frame from clips
where video_id = %(id)s and state = 'review_approved' and reviewed_by <> all (%(machines)s::text[])
order by start_frame;

-- name: verdicts
-- The log of review as far as it says who judged which frames, oldest first. The short form of a decision on many clips names
-- these by id alone; their frames never change.
select e.id, e.video_id, e.reviewer, e.action::text, e.undoes, p.starts, p.ends
from review_events e cross join lateral (
    select coalesce(array_agg(b.start_frame order by b.id), array[]::int[]) as starts,
           coalesce(array_agg(b.end_frame order by b.id), array[]::int[]) as ends
    from (select (c->>'id')::bigint as id, (c->>'start_frame')::int as start_frame, (c->>'end_frame')::int as end_frame
          from jsonb_array_elements(e.before->'clips') c
          union all
          select c.id, c.start_frame, c.end_frame from clips c
          where e.before ? 'decided' and c.id = any (e.clip_ids)) b) p
where e.action <> 'recut' and e.reviewer <> all (%(machines)s::text[])
  and (%(ids)s::bigint[] is null or e.video_id = any (%(ids)s::bigint[]))
order by e.id;
