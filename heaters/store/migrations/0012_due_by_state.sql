-- What is due is found by state whatever the statistics say. Where all rows are in one state, the planner takes an equality with
-- a state it does not know for true of all, and walks them in the order of their videos; a row comparison only the state's
-- index serves. And a subquery of one row, unlike `exists`, is never answered by hashing all that a stage has done.
create or replace function due_videos(p_stage text, p_variant text, p_states text[], p_scope bigint[],
                                      p_from bigint default 0, p_to bigint default 9223372036854775807, p_most bigint default null)
returns table (id bigint, video_id bigint) stable language sql as $$
    select d.id, d.id from unnest(p_states::video_state[]) as s (state)
    cross join lateral (
        select v.id from videos v
        where (v.state, v.id) >= (s.state, p_from) and (v.state, v.id) < (s.state, p_to) and v.duplicate_of is null
          and (p_scope is null or v.id = any (p_scope))
          and is_open(p_stage, v.id, p_variant)
        order by v.state, v.id limit p_most) d
$$;

create or replace function due_clips(p_stage text, p_variant text, p_states text[], p_scope bigint[], p_needs text, p_needs_variant text,
                                     p_from bigint default 0, p_to bigint default 9223372036854775807, p_most bigint default null)
returns table (id bigint, video_id bigint) stable language sql as $$
    select d.id, d.video_id from unnest(p_states::clip_state[]) as s (state)
    cross join lateral (
        select c.id, c.video_id from clips c
        where (c.state, c.video_id) >= (s.state, p_from) and (c.state, c.video_id) < (s.state, p_to) and c.retired_at is null
          and (p_scope is null or c.video_id = any (p_scope))
          and is_open(p_stage, c.id, p_variant)
          and (p_needs = '' or (
              select true from stage_runs n
              where n.subject_id = c.id and n.stage = p_needs and n.variant = p_needs_variant
                and n.status = 'done' and not n.voided
              limit 1))
        order by c.state, c.video_id, c.start_frame limit p_most) d
$$;
