-- What was measured of a clip by the settings of this session (heaters.facts), or last where a session has none; else null.
create function facts_of(p_clip_id bigint) returns jsonb stable language sql as $$
    select f.metadata from artifacts f where f.clip_id = p_clip_id and f.kind = 'facts'
      and f.strategy = coalesce(nullif(current_setting('heaters.facts', true), ''), f.strategy)
    order by f.created_at desc limit 1
$$;

-- Whether everything asked of a clip's facts holds. `p_bounds`: [{"name", "low", "high"}]; a fact that is not there holds nothing.
create or replace function facts_match(p_clip_id bigint, p_bounds jsonb) returns boolean stable language sql as $$
    select not exists (
        select from facts_of(p_clip_id) f, jsonb_to_recordset(p_bounds) as w (name text, low float8, high float8)
        where not coalesce((f->>w.name)::float8 between w.low and w.high, false))
$$;
