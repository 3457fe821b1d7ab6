-- What is due is found from the front of each state, in order, and no further than asked for: a claim reads as much with a
-- hundred videos as with a hundred thousand. `p_from` and `p_to` bound the videos that are looked at, `p_most` the rows.
drop function due_videos(text, text, text[], bigint[]);
create function due_videos(p_stage text, p_variant text, p_states text[], p_scope bigint[],
                           p_from bigint default 0, p_to bigint default 9223372036854775807, p_most bigint default null)
returns table (id bigint, video_id bigint) stable language sql as $$
    select d.id, d.id from unnest(p_states::video_state[]) as s (state)
    cross join lateral (
        select v.id from videos v
        where v.state = s.state and v.duplicate_of is null and v.id >= p_from and v.id < p_to
          and (p_scope is null or v.id = any (p_scope))
          and is_open(p_stage, v.id, p_variant)
        order by v.id limit p_most) d
$$;

drop function due_clips(text, text, text[], bigint[], text, text);
create function due_clips(p_stage text, p_variant text, p_states text[], p_scope bigint[], p_needs text, p_needs_variant text,
                          p_from bigint default 0, p_to bigint default 9223372036854775807, p_most bigint default null)
returns table (id bigint, video_id bigint) stable language sql as $$
    select d.id, d.video_id from unnest(p_states::clip_state[]) as s (state)
    cross join lateral (
        select c.id, c.video_id from clips c
        where c.state = s.state and c.retired_at is null and c.video_id >= p_from and c.video_id < p_to
          and (p_scope is null or c.video_id = any (p_scope))
          and is_open(p_stage, c.id, p_variant)
          and (p_needs = '' or exists (
              select from stage_runs n
              where n.subject_id = c.id and n.stage = p_needs and n.variant = p_needs_variant
                and n.status = 'done' and not n.voided))
        order by c.video_id, c.start_frame limit p_most) d
$$;

drop index clips_state;
create index clips_state on clips (state, video_id, start_frame) where retired_at is null;

-- Whether a driver has to wait for a retry, asked whenever it has nothing else to do.
create index stage_runs_retry on stage_runs (next_attempt_at) where status in ('failed', 'lost') and not voided;
