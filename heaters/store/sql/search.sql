-- The queries of search. Those with {braces} are templates: the number of dimensions, the names of tables and the filters that
-- are in use must stand in the text. They are filled in by psycopg's composition, which quotes them. The tables that indexes are
-- on: segments.sql.

-- ------------------------------------------------------------------------------------------------ what passes the filters

-- name: may_be_found
-- Not a statement: a clip (c) that is not retired. The filters in use are added to it: only_… below, and facts.
c.retired_at is null;

-- name: only_videos
-- Not a statement: clips of some videos.
c.video_id = any (%(videos)s::bigint[]);

-- name: only_states
-- Not a statement: clips that were decided so.
c.state = any (%(states)s::clip_state[]);

-- name: only_min_seconds
-- Not a statement: clips that are at least so long. Lengths are kept in 32 bits, so they are compared in 32 bits.
c.seconds >= %(min_seconds)s::real;

-- name: only_max_seconds
-- Not a statement: clips that are shorter than this.
c.seconds < %(max_seconds)s::real;

-- name: only_created_since
-- Not a statement: clips made then or later.
c.created_at >= %(created_since)s::timestamptz;

-- name: only_created_until
-- Not a statement: clips made before.
c.created_at < %(created_until)s::timestamptz;

-- name: only_reviewed_since
-- Not a statement: clips reviewed then or later.
c.reviewed_at >= %(reviewed_since)s::timestamptz;

-- name: only_reviewed_until
-- Not a statement: clips reviewed before.
c.reviewed_at < %(reviewed_until)s::timestamptz;

-- name: only_exclude
-- Not a statement: clips but for some.
c.id <> all (%(exclude)s::bigint[]);

-- name: facts_within
-- Not a statement: the facts of a clip, by the settings of this session, lie within bounds.
{clip_id} in (select f.clip_id from facts f where f.variant = (select facts_variant()) and {bounds});

-- name: facts_listed
-- Not a statement: the same, where the facts say which clips are looked at. In the order of their ids, which halves the time of looking them up.
{clip_id} = any (array(select f.clip_id from facts f where f.variant = (select facts_variant()) and {bounds} order by f.clip_id));

-- ------------------------------------------------------------------------------------------------ the nearest

-- name: nearest
-- The page of hits after `after`, out of {near}: rows of (clip_id, distance). Ties go by clip id; `tied` are those already shown at distance `after`.
-- `+ 0`, or PostgreSQL takes an index's relaxed order for the order by distance, and sorts nothing.
with page as materialized (
    select clip_id, distance from ({near}) n
    where %(after)s::float8 is null or distance > %(after)s::float8
       or (distance = %(after)s::float8 and clip_id <> all (%(tied)s::bigint[]))
    order by distance + 0, clip_id limit %(limit)s
)
select c.id as clip_id, c.video_id, v.title, 1 - p.distance as score,
       (c.start_pts * v.time_base_num)::float8 / v.time_base_den as start_seconds,
       (c.end_pts * v.time_base_num)::float8 / v.time_base_den as end_seconds, c.start_frame, c.end_frame,
       c.state::text, p.distance
from page p join clips c on c.id = p.clip_id join videos v on v.id = c.video_id
order by p.distance + 0, c.id;

-- name: near_exactly
-- Not a statement: every clip that passes the filters, with its distance.
select e.clip_id, e.vector <=> %(vector)s::halfvec as distance
from embeddings e join clips c on c.id = e.clip_id where e.variant = %(variant)s and {matches};

-- name: near_by_parts
-- Not a statement: the `window` nearest of what {parts} find, each of which gives its nearest first: no part is asked for more than it takes.
select clip_id, distance from ({parts}) p order by distance limit %(window)s;

-- name: near_in_segment
-- Not a statement: the `window` nearest that the index of a segment finds and that pass the filters. A vector that was replaced or deleted since has no row of that arrival.
(select n.clip_id, n.vector <=> %(vector)s::halfvec({dimension}) as distance
 from {segment} n join embeddings e on e.variant = {variant} and e.seq = n.seq join clips c on c.id = n.clip_id
 where {matches} order by n.vector <=> %(vector)s::halfvec({dimension}) limit %(window)s);

-- name: near_in_range
-- Not a statement: the `window` nearest that pass the filters, of the vectors that arrived from `low` until before `high` and that no index covers: every one is looked at, in their order, and filters look only at as many clips as it takes.
(select f.clip_id, f.distance
 from (select e.clip_id, e.vector <=> %(vector)s::halfvec as distance from embeddings e
       where e.variant = {variant} and e.seq >= {low} and e.seq < {high} order by distance offset 0) f
 join clips c on c.id = f.clip_id where {matches} order by f.distance limit %(window)s);

-- name: use_indexes
-- For one transaction: take the indexes' order as it comes instead of sorting everything, look at up to `scan` vectors in each graph, and go on past what filters drop.
select set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true),
       set_config('plan_cache_mode', %(plans)s::text, true),
       set_config('hnsw.ef_search', %(breadth)s::text, true), set_config('hnsw.iterative_scan', 'relaxed_order', true),
       set_config('hnsw.max_scan_tuples', %(scan)s::text, true), set_config('hnsw.scan_mem_multiplier', '8', true),
       set_config('ivfflat.probes', %(probes)s::text, true), set_config('ivfflat.max_probes', %(most_probes)s::text, true),
       set_config('ivfflat.iterative_scan', 'relaxed_order', true);

-- name: use_scans
-- Go back to what is usual, in the same transaction.
select set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true), set_config('plan_cache_mode', 'auto', true);

-- name: estimate_matching
-- How many clips of the space PostgreSQL expects to pass the filters, as a plan in JSON: costs no scan.
explain (format json) select from embeddings e join clips c on c.id = e.clip_id where e.variant = %(variant)s and {matches};

-- name: count_vectors
-- How many vectors a space has, counted up to `limit`.
select count(*)::int as n from (select from embeddings where variant = %(variant)s limit %(limit)s) found;

-- name: vectors_of
-- The vectors of some clips in one space.
select clip_id, vector from embeddings where clip_id = any (%(ids)s::bigint[]) and variant = %(variant)s;

-- name: clips_of_space
-- Every clip of a space that passes the filters, by id.
select c.id as clip_id from embeddings e join clips c on c.id = e.clip_id
where e.variant = %(variant)s and {matches} order by c.id;

-- name: spaces_of_clip
-- In which spaces a clip has a vector.
select s.model, s.strategy from embeddings e join spaces s on s.variant = e.variant
where e.clip_id = %(clip_id)s order by s.model, s.strategy;

-- ------------------------------------------------------------------------------------------------ a clip by chance

-- name: clip_id_range
-- The lowest and highest id of a clip.
select coalesce(min(id), 0) as low, coalesce(max(id), 0) as high from clips;

-- name: one_of
-- The first of some clips, in the order given, that is in the space and passes the filters.
select c.id as clip_id from unnest(%(ids)s::bigint[]) with ordinality p (id, place)
join clips c on c.id = p.id join embeddings e on e.clip_id = c.id and e.variant = %(variant)s
where {matches} order by p.place limit 1;

-- name: next_clip
-- The first clip from an id on that is in the space and passes the filters: for filters that let many through.
select c.id as clip_id from clips c
where c.id >= %(start)s and exists (select from embeddings e where e.clip_id = c.id and e.variant = %(variant)s) and {matches}
order by c.id limit 1;

-- name: nth_clip
-- The clip at a place among those that are in the space and pass the filters: for filters that let few through. `place` wraps around.
with matching as materialized (
    select c.id from embeddings e join clips c on c.id = e.clip_id where e.variant = %(variant)s and {matches}
)
select id as clip_id from matching order by id
offset (%(place)s %% greatest((select count(*) from matching), 1)) limit 1;

-- name: hit_of
-- A clip as a hit of its own.
select c.id as clip_id, c.video_id, v.title, 1::float8 as score,
       (c.start_pts * v.time_base_num)::float8 / v.time_base_den as start_seconds,
       (c.end_pts * v.time_base_num)::float8 / v.time_base_den as end_seconds, c.start_frame, c.end_frame, c.state::text
from clips c join videos v on v.id = c.video_id where c.id = %(clip_id)s;

-- name: sample_vector
-- A vector of a space to ask with when its recall is measured: the first that arrived at some place or later.
select clip_id, seq, vector from embeddings where variant = %(variant)s and seq >= %(start)s order by seq limit 1;

-- name: arrivals_range
-- The places of the first and the last vector of a space in the order of arrival.
select coalesce(min(seq), 0) as low, coalesce(max(seq), 0) as high from embeddings where variant = %(variant)s;

-- ------------------------------------------------------------------------------------------------ spaces

-- name: spaces
-- Every space, oldest first, and whether searches use it when nothing else is said.
select s.variant, s.model, s.name, s.strategy, s.dimension, a.variant is not null as active
from spaces s left join active_space a on a.variant = s.variant order by s.variant;

-- name: space_counts
-- Of every space: how many clips may be found in it, and how many of those that want a vector lack one. Read from kept counts.
with kept as (
    select name, sum(n) as n from tallies where starts_with(name, 'made ') or starts_with(name, 'archived ')
       or name in ('clips pending_review', 'clips review_approved', 'clips review_skipped') group by name
), wanted as (
    select coalesce(sum(n), 0) as n from kept where starts_with(name, 'clips ')
)
select s.variant, (coalesce(m.n, 0) + coalesce(a.n, 0))::bigint as clips, greatest(w.n - coalesce(m.n, 0), 0)::bigint as missing
from spaces s cross join wanted w
left join kept m on m.name = 'made ' || s.variant left join kept a on a.name = 'archived ' || s.variant;

-- name: use_space
-- Choose the space that searches use when nothing else is said.
insert into active_space (variant) values (%(variant)s)
on conflict (one) do update set variant = excluded.variant, chosen_at = now();

-- name: forget_active_space
-- Let the settings choose the space that searches use.
delete from active_space;

-- name: newest_asked
-- The newest space that some settings lead to, and how many clips have a vector in it.
select s.variant, s.model, (select coalesce(sum(t.n), 0) from tallies t
                            where t.name in ('made ' || s.variant, 'archived ' || s.variant))::bigint as clips
from spaces s where s.asked = %(asked)s order by s.variant desc limit 1;

-- name: failing_of
-- How many items of some stages in some variants failed and are not done (of the videos in scope): dead, or waiting for another try.
select count(*)::int as n from failures f
join variants v on v.id = f.variant join unnest(%(stages)s::text[], %(variants)s::text[]) w (stage, variant)
  on w.stage = v.stage and w.variant = v.variant
where %(scope)s::bigint[] is null or f.video_id = any (%(scope)s::bigint[]);

-- ------------------------------------------------------------------------------------------------ loading

-- name: space
-- The space of a model and strategy, and the newest one that the same settings led to.
select s.variant, s.asked, (select max(n.variant) from spaces n where n.asked = s.asked) as newest
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

-- name: rename_space
-- Other settings lead to a space: it is theirs from now on.
update spaces s set asked = %(asked)s, name = %(name)s where s.variant = %(variant)s
returning s.variant, (select max(n.variant) from spaces n where n.asked = %(asked)s or n.variant = %(variant)s) as newest;

-- name: record_vectors
-- Take over vectors: one for each clip and space. A vector that is replaced arrives anew, and so is new to the indexes.
insert into embeddings (clip_id, variant, images, vector)
select c.id, t.variant, t.images, t.vector
from unnest(%(clip_ids)s::bigint[], %(variants)s::smallint[], %(images)s::smallint[], %(vectors)b::halfvec[])
     as t (clip_id, variant, images, vector)
join clips c on c.id = t.clip_id order by c.id
on conflict (clip_id, variant) do update
set vector = excluded.vector, images = excluded.images, seq = nextval('embeddings_seq');
