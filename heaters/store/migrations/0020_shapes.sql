-- The shapes that a video's picture has one after the other, and the sides of a clip's file. Videos from before have none listed, as
-- those of one shape; files from before have no sides: theirs are the video's.
alter table videos add column shapes jsonb not null default '[]' check (jsonb_typeof(shapes) = 'array');
alter table exports add column width integer check (width > 0),
                    add column height integer check (height > 0);

-- The runs of shapes of a clip's frames, counted from its first; none where the video has none listed.
create function clip_shapes(p_shapes jsonb, p_start_frame integer, p_end_frame integer) returns jsonb immutable parallel safe language sql
as $$
    select coalesce(jsonb_agg(jsonb_build_array(greatest(first - p_start_frame, 0), run -> 1, run -> 2) order by first), '[]')
    from (select (run ->> 0)::int as first, run, lead((run ->> 0)::int) over (order by (run ->> 0)::int) as stop
          from jsonb_array_elements(p_shapes) as listed (run)) as r
    where first < p_end_frame and coalesce(stop, p_end_frame) > p_start_frame
$$;
