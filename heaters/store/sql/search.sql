-- The queries of search. Those with {braces} are templates: the number of dimensions, and the literals that an index
-- is defined by, must stand in the text. They are filled in by psycopg's composition, which quotes them.

-- name: matches
-- Not a statement: which clips a search's filters let through, for the where clause of the others.
(%(videos)s::bigint[] is null or s.video_id = any (%(videos)s::bigint[]))
  and (%(states)s::clip_state[] is null or s.state = any (%(states)s::clip_state[]))
  and (%(min_seconds)s::float8 is null or s.end_seconds - s.start_seconds >= %(min_seconds)s::float8)
  and (%(max_seconds)s::float8 is null or s.end_seconds - s.start_seconds < %(max_seconds)s::float8)
  and (%(created_since)s::timestamptz is null or s.created_at >= %(created_since)s::timestamptz)
  and (%(created_until)s::timestamptz is null or s.created_at < %(created_until)s::timestamptz)
  and (%(reviewed_since)s::timestamptz is null or s.reviewed_at >= %(reviewed_since)s::timestamptz)
  and (%(reviewed_until)s::timestamptz is null or s.reviewed_at < %(reviewed_until)s::timestamptz)
  and (%(facts)s::jsonb is null or facts_match(s.clip_id, %(facts)s::jsonb))
  and (%(exclude)s::bigint[] is null or s.clip_id <> all (%(exclude)s::bigint[]));

-- name: facts_within
-- Not a statement: the facts of a clip, by the settings of this session, lie within bounds.
{clip_id} in (select f.clip_id from facts f where f.variant = (select facts_variant()) and {bounds});

-- ------------------------------------------------------------------------------------------------ the nearest

-- name: nearest_exact
-- The clips nearest to a vector by cosine, of every vector that passes the filters: exact, ties by clip id. `tied` are those already shown at distance `after`.
select clip_id, video_id, title, 1 - distance as score, start_seconds, end_seconds, start_frame, end_frame,
       state::text, distance
from (select s.*, s.vector <=> %(vector)s::halfvec as distance from searchable s
      where s.model = %(model)s and s.strategy = %(strategy)s and {matches}) s
where %(after)s::float8 is null or distance > %(after)s::float8
   or (distance = %(after)s::float8 and clip_id <> all (%(tied)s::bigint[]))
order by distance, clip_id limit %(limit)s;

-- name: nearest_indexed
-- The same by the space's index: its `window` nearest that pass the filters, put in order, and of these the ones after `after`. `found` is how many the index gave.
-- `+ 0`, or PostgreSQL takes the index's relaxed order for the order by distance, and sorts nothing.
with near as materialized (
    select s.clip_id, s.vector::halfvec({dimension}) <=> %(vector)s::halfvec({dimension}) as distance
    from searchable s
    where s.model = {model} and s.strategy = {strategy} and {matches}
    order by s.vector::halfvec({dimension}) <=> %(vector)s::halfvec({dimension}) limit %(window)s
), page as materialized (
    select clip_id, distance from near
    where %(after)s::float8 is null or distance > %(after)s::float8
       or (distance = %(after)s::float8 and clip_id <> all (%(tied)s::bigint[]))
    order by distance + 0, clip_id limit %(limit)s
)
select c.id as clip_id, c.video_id, v.title, 1 - p.distance as score,
       (c.start_pts * v.time_base_num)::float8 / v.time_base_den as start_seconds,
       (c.end_pts * v.time_base_num)::float8 / v.time_base_den as end_seconds, c.start_frame, c.end_frame,
       c.state::text, p.distance, (select count(*) from near)::int as found
from page p join clips c on c.id = p.clip_id join videos v on v.id = c.video_id
order by p.distance + 0, c.id;

-- name: use_index
-- For one transaction: take the index's order as it comes instead of sorting everything, look at up to `scan` vectors, and go on past what filters drop.
select set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true),
       set_config('hnsw.ef_search', %(breadth)s::text, true), set_config('hnsw.iterative_scan', 'relaxed_order', true),
       set_config('hnsw.max_scan_tuples', %(scan)s::text, true), set_config('hnsw.scan_mem_multiplier', '8', true);

-- name: use_scans
-- Go back to what is usual, in the same transaction.
select set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true);

-- name: estimate_matching
-- How many clips of the space PostgreSQL expects to pass the filters, as a plan in JSON: costs no scan.
explain (format json) select from searchable s where s.model = %(model)s and s.strategy = %(strategy)s and {matches};

-- name: count_vectors
-- How many vectors a space has, counted up to `limit`.
select count(*)::int as n from (
    select from embeddings where model = %(model)s and strategy = %(strategy)s limit %(limit)s) found;

-- name: vectors_of
-- The vectors of some clips in one space.
select clip_id, vector from embeddings
where clip_id = any (%(ids)s::bigint[]) and model = %(model)s and strategy = %(strategy)s;

-- name: clips_of_space
-- Every clip of a space that passes the filters, by id.
select s.clip_id from searchable s
where s.model = %(model)s and s.strategy = %(strategy)s and {matches} order by s.clip_id;

-- name: spaces_of_clip
-- In which spaces a clip has a vector.
select model, strategy from embeddings where clip_id = %(clip_id)s order by model, strategy;

-- name: random_clip
-- One of some clips picked by chance that is in the space and passes the filters, in the order of picking.
select s.clip_id, s.video_id, s.title, 1::float8 as score, s.start_seconds, s.end_seconds, s.start_frame, s.end_frame,
       s.state::text
from unnest(%(ids)s::bigint[]) with ordinality p (id, place) join searchable s on s.clip_id = p.id
where s.model = %(model)s and s.strategy = %(strategy)s and {matches}
order by p.place limit 1;

-- name: next_clip
-- The first clip from an id on that is in the space and passes the filters; from the lowest id when there is none.
select s.clip_id, s.video_id, s.title, 1::float8 as score, s.start_seconds, s.end_seconds, s.start_frame, s.end_frame,
       s.state::text
from searchable s where s.model = %(model)s and s.strategy = %(strategy)s and {matches}
order by s.clip_id < %(start)s, s.clip_id limit 1;

-- name: clip_id_range
-- The lowest and highest id of a clip.
select coalesce(min(id), 0) as low, coalesce(max(id), 0) as high from clips;

-- ------------------------------------------------------------------------------------------------ spaces

-- name: find_model
-- The model of an identity, or the newest of a name.
select model, name, dimension from models where model = %(wanted)s or name = %(wanted)s
order by model = %(wanted)s desc, created_at desc, model limit 1;

-- name: active_space
-- The space that searches use when nothing else is said, if one was chosen.
select model, strategy from active_space;

-- name: use_space
-- Choose the space that searches use when nothing else is said.
insert into active_space (model, strategy) values (%(model)s, %(strategy)s)
on conflict (one) do update set model = excluded.model, strategy = excluded.strategy, chosen_at = now();

-- name: forget_active_space
-- Let the settings choose the space that searches use.
delete from active_space;

-- name: spaces
-- Every space: its model, how many of the clips that have reached their stills it holds, and how many it lacks.
with counted as (
    select model, strategy, count(*) as clips from searchable group by model, strategy
), wanted as (
    select count(*) as n from clips where retired_at is null and state in ('keyframed', 'embedded')
)
select m.model, m.name, m.dimension, coalesce(k.strategy, '') as strategy, coalesce(k.clips, 0)::bigint as clips,
       greatest((select n from wanted) - coalesce(k.clips, 0), 0)::bigint as missing,
       coalesce(a.model is not null, false) as active
from models m left join counted k on k.model = m.model
left join active_space a on a.model = m.model and a.strategy = k.strategy
order by m.created_at, m.model, k.strategy;

-- name: registered_spaces
-- Every model and strategy that has a vector, and the model's dimension: found without counting.
with recursive pair as (
    (select model, strategy from embeddings order by model, strategy limit 1)
    union all
    select n.model, n.strategy from pair p cross join lateral (
        select e.model, e.strategy from embeddings e where (e.model, e.strategy) > (p.model, p.strategy)
        order by e.model, e.strategy limit 1) n
)
select p.model, p.strategy, m.dimension from pair p join models m on m.model = p.model;

-- ------------------------------------------------------------------------------------------------ indexes

-- name: space_indexes
-- The indexes over vectors, also those that an interrupted build left invalid: name, size and whether one may be used.
select c.relname as name, i.indisvalid and i.indisready as valid, pg_relation_size(c.oid)::bigint as size_bytes
from pg_index i join pg_class c on c.oid = i.indexrelid
where i.indrelid = 'embeddings'::regclass and c.relname like 'embeddings\_near\_%%'
order by c.relname;

-- name: has_index
-- Whether a space's index is there and may be used.
select coalesce(bool_or(i.indisvalid and i.indisready), false) as valid
from pg_class c join pg_index i on i.indexrelid = c.oid
where c.relname = %(name)s and i.indrelid = 'embeddings'::regclass;

-- name: try_index_lock
-- Be the only one that works on the indexes over vectors, if nobody else is: two builds on one table would wait for each other.
select pg_try_advisory_lock(hashtext('heaters.index')) as held;

-- name: index_unlock
-- Let others work on the indexes over vectors.
select pg_advisory_unlock(hashtext('heaters.index'));

-- name: prepare_build
-- For a session that builds an index: no time limit, and memory for its graph.
select set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false),
       set_config('maintenance_work_mem', %(memory)s::text, false);

-- name: set_workers
-- How many processes help a session to build an index.
select set_config('max_parallel_maintenance_workers', %(workers)s::text, false);

-- name: create_index
-- Build a space's index while others read and write.
create index concurrently {index} on embeddings using hnsw ((vector::halfvec({dimension})) halfvec_cosine_ops)
with (m = {links}, ef_construction = {breadth}) where model = {model} and strategy = {strategy};

-- name: rebuild_index
-- Build a space's index anew while others read and write, then take it instead of the old one.
reindex index concurrently {index};

-- name: drop_index
-- Take away an index that may not be used, while others read and write.
drop index concurrently if exists {index};

-- name: sample_vectors
-- Vectors of a space to ask with when its recall is measured: spread over the clip ids.
select clip_id, vector from embeddings
where model = %(model)s and strategy = %(strategy)s and clip_id >= %(start)s order by clip_id limit %(limit)s;

-- ------------------------------------------------------------------------------------------------ loading

-- name: space
-- The space of a model and strategy, and the newest one that the same settings led to.
select s.variant, (select max(n.variant) from spaces n where n.asked = s.asked) as newest
from spaces s where s.model = %(model)s and s.strategy = %(strategy)s;

-- name: register_space
-- Register a space. Where the settings led to another one before, the weights have changed: all clips are due again.
with made as (
    insert into spaces (variant, asked, model, name, strategy, dimension)
    values (variant_of('embed', %(model)s || '|' || %(strategy)s), %(asked)s, %(model)s, %(name)s, %(strategy)s, %(dimension)s)
    on conflict (model, strategy) do update set name = excluded.name
    returning variant, (xmax = 0) as is_new
), again as (
    update watermarks w set at = 0 from made m
    where m.is_new and w.variant = %(asked)s and exists (select from spaces s where s.asked = %(asked)s)
)
select variant, variant as newest from made;

-- name: record_vectors
-- Take over vectors: one for each clip and space. A vector that is replaced arrives anew, and so is new to the indexes.
insert into embeddings (clip_id, variant, images, vector)
select c.id, t.variant, t.images, t.vector
from unnest(%(clip_ids)s::bigint[], %(variants)s::smallint[], %(images)s::smallint[], %(vectors)b::halfvec[])
     as t (clip_id, variant, images, vector)
join clips c on c.id = t.clip_id order by c.id
on conflict (clip_id, variant) do update
set vector = excluded.vector, images = excluded.images, seq = nextval('embeddings_seq');
