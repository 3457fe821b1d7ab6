-- The end of claims: what is not due any more is not tried again for ever, a video's next try is not brought forward, what ran alone
-- does so in the next try, and a claim may have some outcomes recorded while it goes on with the others.
alter type claim_end add attribute goes_on boolean;

create or replace function settle(p_driver text, p_variant smallint, p_attempts integer, p_gives text, p_milestone video_state,
                       p_by_stretches boolean, p_claims jsonb, p_done_videos bigint[], p_done_clips bigint[], p_failed jsonb)
returns table (video_id bigint, clip_id bigint, failures integer, dead boolean, delay_seconds float8) language plpgsql as $$
#variable_conflict use_column
declare
    ends claim_end[];
    held integer;
begin
    select array_agg(e) into ends from jsonb_populate_recordset(null::claim_end, p_claims) e;
    select count(*) into held from (
        select from unnest(ends) e
        join tasks t on t.video_id = e.video_id and t.variant = p_variant and t.stretch = e.stretch
        where t.driver = p_driver and t.attempt = e.attempt for update of t) h;
    if held <> cardinality(ends) then
        raise exception 'a claim is no longer held by %', p_driver using errcode = 'HT001';
    end if;
    delete from failures f using unnest(p_done_videos, p_done_clips) as d (video_id, clip_id)
    where f.video_id = d.video_id and f.variant = p_variant and f.clip_id = d.clip_id;
    return query
    with failed as (
        insert into failures as f (video_id, variant, stretch, clip_id, next_attempt_at, driver, error_type, error)
        select x.video_id, p_variant, x.stretch, x.clip_id,
               case when not x.permanent and p_attempts > 1 then now() + backoff(1) end, p_driver, x.error_type, x.error
        from jsonb_to_recordset(p_failed) as x (video_id bigint, stretch integer, clip_id bigint, error_type text, error text,
                                                permanent boolean)
        on conflict (video_id, variant, stretch, clip_id) do update
        set failures = f.failures + 1, failed_at = now(), driver = excluded.driver,
            error_type = excluded.error_type, error = excluded.error,
            next_attempt_at = case when excluded.next_attempt_at is not null and f.failures + 1 < p_attempts
                                   then now() + backoff(f.failures + 1) end
        returning f.video_id, f.clip_id, f.failures, f.next_attempt_at
    )
    select f.video_id, f.clip_id, f.failures, f.next_attempt_at is null,
           coalesce(extract(epoch from f.next_attempt_at - now())::float8, 0) from failed f;
    insert into stage_runs (variant, video_id, stretch, attempt, status, items, failed_items, driver, error_type, error, result, started_at)
    select p_variant, e.video_id, e.stretch, e.attempt, e.status, e.items, e.failed_items, p_driver, e.error_type, e.error, e.result,
           t.started_at
    from unnest(ends) e join tasks t on t.video_id = e.video_id and t.variant = p_variant and t.stretch = e.stretch
    where e.items > 0;
    -- What might have been tried again when the claim began, and was not among its items, is not due any more.
    delete from failures f using unnest(ends) e, tasks t
    where t.video_id = e.video_id and t.variant = p_variant and t.stretch = e.stretch
      and f.video_id = e.video_id and f.variant = p_variant and f.stretch = e.stretch and f.next_attempt_at <= t.started_at
      and not e.goes_on;
    with next as (
        select t.video_id, t.stretch, e.failed_items, r.retry_at,
               -- a change of a video does not bring its next try forward
               case when not exists (select from failures f where f.video_id = t.video_id and f.variant = p_variant and f.stretch = t.stretch
                                     and f.clip_id = 0) then t.again_at end as again_at
        from unnest(ends) e join tasks t on t.video_id = e.video_id and t.variant = p_variant and t.stretch = e.stretch
        cross join lateral (select min(f.next_attempt_at) as retry_at from failures f
                            where f.video_id = t.video_id and f.variant = p_variant and f.stretch = t.stretch) r
        where not e.goes_on
    ), done as (
        delete from tasks t using next n
        where t.video_id = n.video_id and t.variant = p_variant and t.stretch = n.stretch and n.again_at is null and n.retry_at is null
    )
    update tasks t set driver = null, started_at = null, again_at = null, at = coalesce(n.again_at, t.at),
                       is_alone = t.is_alone and n.retry_at is not null,
                       items = case when n.again_at is null then greatest(n.failed_items, 1) else t.items end,
                       due_at = case when n.again_at is not null then now() else n.retry_at end
    from next n
    where t.video_id = n.video_id and t.variant = p_variant and t.stretch = n.stretch
      and (n.again_at is not null or n.retry_at is not null);
    if p_milestone is not null then
        update videos v set state = p_milestone, updated_at = now() where v.id = any (p_done_videos) and v.state < p_milestone;
    end if;
    if p_gives <> '' then
        perform announce(p_gives, array_agg(e.video_id), array_agg(e.stretch)) from (
            select e.video_id, e.stretch from unnest(ends) e where e.failed_items < e.items and not p_by_stretches
            union all
            select v.id, s.stretch from videos v cross join generate_series(0, stretch_of(v.frame_count - 1)) as s (stretch)
            where p_by_stretches and v.id = any (p_done_videos)) e
        having count(*) > 0;
    end if;
end $$;
