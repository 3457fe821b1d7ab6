-- Browsing clips in the UI. Every statement looks at a bounded number of clips, whatever the library's size; `ui/query/browse.py` says which
-- one is asked, and fills in the braces: {key} is what clips are sorted by and {kind} its type; {sorted}, {beyond}, {source}, {driver} and
-- {filters} are fragments of this file.

-- ------------------------------------------------------------------------------------------------ fragments

-- name: by_id
-- Not a statement: the key of clips sorted by their arrival.
c.id;

-- name: by_length
-- Not a statement: the key of clips sorted by their length.
c.seconds;

-- name: by_doubt
-- Not a statement: the key of clips sorted by the confidence of the less certain of their two cuts; those without any come last.
coalesce(c.confidence, 2::real);

-- name: upwards
-- Not a statement: by a key, ties by id.
{key}, c.id;

-- name: downwards
-- Not a statement: by a key from the highest, ties by id from the highest.
{key} desc, c.id desc;

-- name: beyond_upwards
-- Not a statement: after a place in the order.
({key}, c.id) > (%(after_key)s::{kind}, %(after_id)s::int8);

-- name: beyond_downwards
-- Not a statement: after a place in the order from the highest.
({key}, c.id) < (%(after_key)s::{kind}, %(after_id)s::int8);

-- name: active_clips
-- Not a statement: the next `look` clips by length or doubt.
(select * from clips c where c.retired_at is null and {within} and {beyond} order by {sorted} limit %(look)s);

-- name: clips_in_state
-- Not a statement: the next `look` clips of a state by id. Joined by `union all` these are merged in order: the index on state and id gives
-- each, and clips of rare states are found without a walk over the others.
(select * from clips c where c.retired_at is null and c.state = {state} and {beyond} order by {sorted} limit %(look)s);

-- name: driven_by_clips
-- Not a statement: the clips that pass a filter on clips (only_… in search.sql), up to `most`.
select c.id from clips c where c.retired_at is null and {filters} limit %(most)s;

-- name: driven_by_fact
-- Not a statement: the clips with a fact within bounds, up to `most`.
select f.clip_id as id from facts f where f.variant = (select facts_variant()) and {filters} limit %(most)s;

-- ------------------------------------------------------------------------------------------------ statements

-- name: plan_by_index
-- For one transaction: read rows through indexes, one by one and only as far as they are asked for.
select set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
       set_config('jit', 'off', true);

-- name: count_driven
-- How many clips one filter lets through, counted up to `most`.
select count(*)::int as n from ({driver}) d;

-- name: gathered_page
-- A page of the few clips that one filter (the driver) lets through and the others, too, with the number of all of them.
with driven as materialized ({driver}
), matching as materialized (
    select c.id, c.seconds, c.confidence from driven d join clips c on c.id = d.id where c.retired_at is null and {filters}
)
select t.total, p.id, p.key from (select count(*)::int as total from matching) t
left join (select c.id, {key} as key from matching c where {beyond} order by {sorted} limit %(limit)s offset %(skip)s) p on true;

-- name: gathered_ids
-- All of the few clips that one filter (the driver) lets through and the others, too.
with driven as materialized ({driver})
select coalesce(array_agg(c.id), '{{}}') as ids from driven d join clips c on c.id = d.id where c.retired_at is null and {filters};

-- name: walk
-- The next clips of an order that pass the filters, among the next `look` clips of the order; reading stops when the page is full.
with looked as materialized (
    select c.id, c.state, c.seconds, c.video_id, {key} as key from ({source}) c order by {sorted} limit %(look)s
)
select c.id, c.key from looked c where {filters} limit %(limit)s offset %(skip)s;

-- name: walk_end
-- The last of the next `look` clips of an order, if there are so many.
select c.id, {key} as key from ({source}) c order by {sorted} limit 1 offset %(look)s - 1;

-- name: pick
-- The clips among some ids that pass the filters, in the order given.
select p.place::int - 1 as place, c.id from unnest(%(ids)s::bigint[]) with ordinality p (id, place)
join clips c on c.id = p.id where c.retired_at is null and {filters} order by p.place limit %(limit)s;

-- name: highest_clip
-- The highest id of a clip; 0 where there is none.
select coalesce(max(id), 0) as id from clips;

-- name: clip_cards
-- What a list shows of each of some clips, in the order given: active ones alone.
select c.id, c.video_id, v.title, v.source, coalesce(v.sample_key, v.proxy_key) as picture_key, c.state::text,
       (c.start_pts * v.time_base_num)::float8 / v.time_base_den as start_seconds,
       (c.end_pts * v.time_base_num)::float8 / v.time_base_den as end_seconds,
       (select n.variant from exports e join variants n on n.id = e.variant where e.clip_id = c.id
        order by e.created_at desc limit 1) as file_profile
from unnest(%(ids)s::bigint[]) with ordinality asked (id, place)
join clips c on c.id = asked.id join videos v on v.id = c.video_id
where c.retired_at is null order by asked.place;

-- name: videos_by_words
-- Videos whose title or source holds some words, the latest first, among the latest `look` below `before`: for filters. Clips are
-- counted up to `most`.
with looked as materialized (
    select v.id, v.title, v.source, v.duplicate_of from videos v where %(before)s::bigint is null or v.id < %(before)s::bigint
    order by v.id desc limit %(look)s
)
select v.id, v.title, v.source,
       (select count(*) from (select from clips c where c.video_id = v.id and c.retired_at is null limit %(most)s) k)::int as clips
from looked v
where v.duplicate_of is null and (%(words)s = '' or strpos(lower(v.title || ' ' || v.source), lower(%(words)s)) > 0)
order by v.id desc limit %(limit)s;

-- ------------------------------------------------------------------------------------------------ one clip

-- name: facts_of_clip
-- What was measured of a clip by the settings of this session, if it was.
select f.motion, f.brightness, f.sharpness, f.black_share, f.frozen_share, f.loudness_dbfs, coalesce(v.has_audio, false) as has_audio,
       v.is_partial, v.partial_reason
from facts f join clips c on c.id = f.clip_id join videos v on v.id = c.video_id
where f.clip_id = %(id)s and f.variant = (select facts_variant());
