-- One place says how an attempt begins: the claims of videos and of clips differ only in which rows are due.
create function begin_runs(p_stage text, p_subject subject_kind, p_variant text, p_worker text, p_lease_seconds float8,
                           p_ids bigint[], p_video_ids bigint[])
returns table (run_id bigint, subject_id bigint, video_id bigint, attempt integer, failures integer, size_bytes bigint)
language sql as $$
    with due as (
        select d.id, d.video_id, count(r.id) filter (where r.status <> 'released') as before,
               count(r.id) filter (where r.status = 'failed') as failures
        from unnest(p_ids, p_video_ids) as d (id, video_id)
        left join stage_runs r on r.subject_id = d.id and r.stage = p_stage and r.variant = p_variant and not r.voided
        group by d.id, d.video_id
    ), begun as (
        insert into stage_runs (stage, subject, subject_id, video_id, variant, attempt, worker, lease_expires_at)
        select p_stage, p_subject, d.id, d.video_id, p_variant, d.before + 1, p_worker,
               now() + p_lease_seconds * interval '1 second'
        from due d
        returning id, subject_id, video_id, attempt
    )
    select b.id, b.subject_id, b.video_id, b.attempt, d.failures::int, coalesce(v.size_bytes, 0)
    from begun b join due d on d.id = b.subject_id join videos v on v.id = b.video_id order by b.subject_id
$$;
