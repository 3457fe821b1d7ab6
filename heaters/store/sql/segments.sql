-- Segments: tables beside `embeddings`, each with copies of the vectors that arrived in one range, and an approximate index on them.
-- Their names say space, range and kind of index (search/segments.py), so PostgreSQL's own catalog is the only list of them. A segment is made
-- with its index in one transaction: it is there as a whole, or it is not there.

-- name: segments
-- The segments of a space that may be used: names, how many vectors each has, and its size on disk.
select t.relname as name, greatest(t.reltuples, 0)::bigint as vectors, pg_total_relation_size(t.oid)::bigint as size_bytes
from pg_class t join pg_index i on i.indrelid = t.oid
where t.relnamespace = (select relnamespace from pg_class where oid = 'embeddings'::regclass)
  and t.relname >= %(prefix)s::name and t.relname < %(beyond)s::name and i.indisvalid and i.indisready;

-- name: segments_of_space
-- The names of the segments of a space that may be used. Every search asks this.
select t.relname as name from pg_class t join pg_index i on i.indrelid = t.oid
where t.relnamespace = (select relnamespace from pg_class where oid = 'embeddings'::regclass)
  and t.relname >= %(prefix)s::name and t.relname < %(beyond)s::name and i.indisvalid and i.indisready;

-- name: segment_tables
-- The tables of segments, also those whose index is missing.
select relname as name from pg_class
where relnamespace = (select relnamespace from pg_class where oid = 'embeddings'::regclass) and relkind = 'r'
  and relname >= %(prefix)s::name and relname < %(beyond)s::name;

-- name: count_arrivals
-- How many vectors of a space arrived from `low` until before `high`, counted up to `limit`.
select count(*)::int as n from (
    select from embeddings where variant = %(variant)s and seq >= %(low)s and seq < %(high)s order by seq limit %(limit)s) found;

-- name: nth_arrival
-- The place of the vector that arrived as number `count` after the first from `low` on; null where there are fewer.
select (select seq from embeddings where variant = %(variant)s and seq >= %(low)s and seq < %(high)s
        order by seq offset %(count)s limit 1) as seq;

-- name: end_arrivals
-- A place behind everything that arrived or was numbered up to now, in all spaces.
select nextval('embeddings_seq') as seq;

-- name: last_arrival
-- The place of the last vector that was numbered, in all spaces.
select last_value as seq from embeddings_seq;

-- name: writers_of_vectors
-- The transactions that hold the right to write vectors now: what they have numbered may not be visible yet.
select distinct virtualtransaction as writer from pg_locks
where relation = 'embeddings'::regclass and database = (select oid from pg_database where datname = current_database()) and granted
  and mode in ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock');

-- name: try_close_lock
-- Be the only one that closes segments of a space, if nobody else is.
select pg_try_advisory_lock(hashtext('heaters.segments'), %(variant)s) as held;

-- name: close_unlock
-- Let others close segments of a space.
select pg_advisory_unlock(hashtext('heaters.segments'), %(variant)s);

-- name: prepare_build
-- For a session that builds segments: no limit of time but for locks, and memory for an index.
select set_config('statement_timeout', '0', false), set_config('lock_timeout', '2s', false),
       set_config('maintenance_work_mem', %(memory)s::text, false);

-- name: set_workers
-- How many processes help a session to build an index.
select set_config('max_parallel_maintenance_workers', %(workers)s::text, false);

-- name: hold_segments
-- Be the only one that merges some segments, until the transaction ends; searches read on.
lock table {segments} in share update exclusive mode;

-- name: copy_segment
-- Copy the vectors of a range into a table of their own. In mixed order: clips of one video arrive together, and a graph that grows
-- in that order gets islands which searches do not find.
create table {segment} with (toast_tuple_target = 8160) as
select clip_id, seq, vector::halfvec({dimension}) as vector from embeddings
where variant = {variant} and seq >= {low} and seq < {high} order by hashint8(seq);

-- name: index_by_lists
-- An index that is made in seconds: vectors in lists around centres. Searches look at the nearest lists.
create index on {segment} using ivfflat (vector halfvec_cosine_ops) with (lists = {lists});

-- name: index_by_graph
-- An index that is quick to search: a graph of neighbours.
create index on {segment} using hnsw (vector halfvec_cosine_ops) with (m = {links}, ef_construction = {breadth});

-- name: drop_segment
-- Take a segment away.
drop table if exists {segment};
