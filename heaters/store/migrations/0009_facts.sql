-- Whether everything asked of a clip's newest facts holds. `p_bounds`: [{"name", "low", "high"}]; a fact that is not there holds nothing.
create function facts_match(p_clip_id bigint, p_bounds jsonb) returns boolean stable language sql as $$
    select not exists (
        select from jsonb_to_recordset(p_bounds) as w (name text, low float8, high float8)
        where not coalesce((
            select (f.metadata->>w.name)::float8 between w.low and w.high from artifacts f
            where f.clip_id = p_clip_id and f.kind = 'facts' order by f.strategy desc limit 1), false))
$$;
