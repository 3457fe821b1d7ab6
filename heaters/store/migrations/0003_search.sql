-- Search: how a model is named in settings, the space in use, and the rows that may be found.

-- 1024 half-precision numbers are more than the 2 kB that a row keeps in place by default: searching them all would
-- fetch each from elsewhere.
alter table embeddings set (toast_tuple_target = 8160);

alter table models add column name text not null default '';   -- as in HEATERS_MODEL; '' is not known
update models set name = split_part(model, '@', 1);

-- The space that searches use when nothing else is said. No row: that of the settings.
create table active_space (
    one             boolean primary key default true check (one),
    model           text not null references models (model),
    strategy        text not null,
    chosen_at       timestamptz not null default now()
);

-- Every vector of a clip that may be found, with what filters and listings need.
create view searchable as
select e.clip_id, e.model, e.strategy, e.vector, c.video_id, v.title, c.state, c.start_frame, c.end_frame,
       (c.start_pts * v.time_base_num)::float8 / v.time_base_den as start_seconds,
       (c.end_pts * v.time_base_num)::float8 / v.time_base_den as end_seconds,
       c.created_at, c.reviewed_at
from embeddings e join clips c on c.id = e.clip_id join videos v on v.id = c.video_id
where c.retired_at is null and c.state <> 'archived';
