-- The queries of the two ends that learn from review: datasets out, and detectors measured against decisions.

-- name: lock_output
-- Hold an output for this connection's life, if nobody else does: a killed export lets go of it.
select pg_try_advisory_lock(hashtextextended('heaters.dataset.' || %(out)s, 0)) as held;

-- name: unlock_output
-- Let others have it. The end of the connection does, too, but some time after it was closed.
select pg_advisory_unlock(hashtextextended('heaters.dataset.' || %(out)s, 0));

-- name: chosen_clips
-- Every clip that passes the filters, by source and place, and whether each thing that is asked for is there.
select c.id, v.content_hash, c.start_frame, c.end_frame, a.size_bytes,
       a.key is not null as has_file,
       %(stills)s::text is null or exists (
           select from artifacts s where s.clip_id = c.id and s.kind = 'keyframe' and s.strategy = %(stills)s) as has_stills,
       %(model)s::text is null or exists (
           select from embeddings e where e.clip_id = c.id and e.model = %(model)s and e.strategy = %(strategy)s) as has_vector
from clips c join videos v on v.id = c.video_id
left join artifacts a on a.clip_id = c.id and a.kind = 'export' and a.key = c.export_key
where c.retired_at is null and v.content_hash is not null
  and c.state in ('review_approved', 'exported', 'keyframed', 'embedded')
  and (%(states)s::clip_state[] is null or c.state = any (%(states)s::clip_state[]))
  and (%(videos)s::bigint[] is null or c.video_id = any (%(videos)s::bigint[]))
  and (%(min_seconds)s::float8 is null
       or ((c.end_pts - c.start_pts) * v.time_base_num)::float8 / v.time_base_den >= %(min_seconds)s::float8)
  and (%(max_seconds)s::float8 is null
       or ((c.end_pts - c.start_pts) * v.time_base_num)::float8 / v.time_base_den < %(max_seconds)s::float8)
  and (%(facts)s::jsonb is null or facts_match(c.id, %(facts)s::jsonb))
order by v.content_hash, c.start_frame, c.id;

-- name: clip_records
-- What a dataset says of some clips, in the order of `ids`.
select c.id, c.video_id, v.content_hash, v.source, v.title, v.provenance, v.width, v.height,
       coalesce(v.has_audio, false) as has_audio, coalesce(v.is_vfr, false) as is_vfr,
       c.start_frame, c.end_frame, (c.start_pts * v.time_base_num)::float8 / v.time_base_den as start_seconds,
       (c.end_pts * v.time_base_num)::float8 / v.time_base_den as end_seconds,
       c.state::text, c.reviewed_by, c.reviewed_at, c.parents, c.group_id, c.export_profile,
       a.key, a.sha256, a.size_bytes,
       ks.kind::text as start_kind, ks.confidence::float8 as start_confidence, ks.created_by as start_by,
       ke.kind::text as end_kind, ke.confidence::float8 as end_confidence, ke.created_by as end_by,
       (select coalesce(jsonb_agg(jsonb_build_object('tag', s.tag, 'frame', s.metadata->'frame', 'key', s.key,
                                                     'sha256', s.sha256, 'size_bytes', s.size_bytes) order by s.tag), '[]')
        from artifacts s where s.clip_id = c.id and s.kind = 'keyframe' and s.strategy = %(stills)s) as stills,
       facts_of(c.id) as facts,
       e.vector, e.images
from unnest(%(ids)s::bigint[]) with ordinality as asked (id, place)
join clips c on c.id = asked.id
join videos v on v.id = c.video_id
join artifacts a on a.clip_id = c.id and a.kind = 'export' and a.key = c.export_key
left join cuts ks on ks.video_id = c.video_id and ks.frame = c.start_frame
left join cuts ke on ke.video_id = c.video_id and ke.frame = c.end_frame
left join embeddings e on e.clip_id = c.id and e.model = %(model)s and e.strategy = %(strategy)s
order by asked.place;

-- name: clip_reviews
-- Every act that made or changed some clips, oldest first.
select distinct (x->>'id')::bigint as clip_id, e.id, e.reviewer, e.action::text, e.undoes, e.created_at
from review_events e cross join lateral jsonb_array_elements((e.before->'clips') || (e.after->'clips')) x
where e.video_id = any (%(videos)s::bigint[]) and (x->>'id')::bigint = any (%(ids)s::bigint[])
order by e.id;

-- ------------------------------------------------------------------------------------------------ evaluation

-- name: decided_videos
-- Videos with clips that a person approved, where their evidence lies, and which detector detection ran.
select v.id, v.source, v.title, v.content_hash, v.frame_count, v.pts_key, v.probabilities_key, v.time_base_num,
       v.time_base_den, coalesce(r.result->>'method', '') as method, coalesce(r.result->>'model', '') as model
from videos v
left join stage_runs r on r.stage = 'detect' and r.subject_id = v.id and r.variant = '' and r.status = 'done' and not r.voided
where v.probabilities_key is not null and (%(ids)s::bigint[] is null or v.id = any (%(ids)s::bigint[]))
  and exists (select from clips c where c.video_id = v.id and c.retired_at is null and c.reviewed_by <> all (%(machines)s::text[])
              and c.state in ('review_approved', 'exported', 'keyframed', 'embedded'))
order by v.id;

-- name: approved_clips
-- The clips of a video that a person approved, in play order.
select start_frame, end_frame from clips
where video_id = %(id)s and retired_at is null and reviewed_by <> all (%(machines)s::text[])
  and state in ('review_approved', 'exported', 'keyframed', 'embedded')
order by start_frame;

-- name: verdicts
-- The log of review as far as it says who judged which frames, oldest first.
select e.id, e.video_id, e.reviewer, e.action::text, e.undoes,
       array(select (c->>'start_frame')::int from jsonb_array_elements(e.before->'clips') c order by c->>'id') as starts,
       array(select (c->>'end_frame')::int from jsonb_array_elements(e.before->'clips') c order by c->>'id') as ends
from review_events e
where e.action <> 'recut' and e.reviewer <> all (%(machines)s::text[])
  and (%(ids)s::bigint[] is null or e.video_id = any (%(ids)s::bigint[]))
order by e.id;
