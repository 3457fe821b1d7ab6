-- The whole schema, as the migrations sum up to (a test proves it). States stand once here and once in core/states.py.

create extension if not exists vector;

create type video_state as enum ('new', 'downloaded', 'prepared', 'cut');
create type clip_state as enum ('pending_review', 'review_approved', 'exported', 'keyframed', 'embedded',
                                'review_skipped', 'review_archived', 'archived');
create type run_status as enum ('running', 'done', 'failed', 'dead', 'lost', 'released');
create type cut_kind as enum ('hard', 'gradual', 'manual');
create type review_action as enum ('approve', 'skip', 'archive', 'split', 'merge', 'move', 'group', 'recut', 'undo', 'redo');
create type subject_kind as enum ('video', 'clip');

-- A source video. `pts_*` and `time_base_*`: time of frame n = pts[n] * num / den seconds on the proxy's timeline.
create table videos (
    id              bigint generated always as identity primary key,
    source          text not null unique,            -- URL, or absolute path
    title           text not null default '',
    state           video_state not null default 'new',
    content_hash    text unique check (content_hash ~ '^[0-9a-f]{64}$'),
    duplicate_of    bigint references videos (id),    -- another source with the same bytes; this row is done
    size_bytes      bigint check (size_bytes >= 0),
    -- probe facts
    container       text,
    codec           text,
    width           integer check (width > 0),        -- as displayed, rotation applied
    height          integer check (height > 0),
    rotation        integer not null default 0 check (rotation in (0, 90, 180, 270)),
    frame_count     integer check (frame_count > 0),  -- decoded frames, counted by prepare
    duration_seconds double precision check (duration_seconds >= 0),
    frame_rate_num  bigint check (frame_rate_num > 0),
    frame_rate_den  bigint check (frame_rate_den > 0),
    time_base_num   bigint check (time_base_num > 0),
    time_base_den   bigint check (time_base_den > 0),
    is_vfr          boolean,
    has_audio       boolean,
    is_partial      boolean not null default false,   -- the file was damaged; only its decodable part is used
    -- object keys
    source_key      text,
    proxy_key       text,
    analysis_key    text,
    pts_key         text,
    probabilities_key text,
    provenance      jsonb not null default '{}',      -- extractor, id, uploader, licence, formats, versions
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    host            text not null generated always as           -- whom it is fetched from; a file has none
                    (coalesce(lower(substring(source from '(?i)^https?://(?:[^/?#@]*@)?(\[[^]]*\]|[^/?#:]+)')), '')) stored,
    check ((time_base_num is null) = (time_base_den is null)),
    check (state < 'prepared' or (frame_count is not null and proxy_key is not null and pts_key is not null))
);
create index videos_state on videos (state, id) where duplicate_of is null;

-- An inner cut: frame is the first frame of the right-hand shot. Frame 0 and the end are implied.
create table cuts (
    video_id        bigint not null references videos (id) on delete cascade,
    frame           integer not null check (frame > 0),
    pts             bigint not null,
    kind            cut_kind not null,
    confidence      real check (confidence between 0 and 1),   -- null for a manual cut
    created_by      text not null,                              -- detector and revision, or the reviewer
    metadata        jsonb not null default '{}',
    primary key (video_id, frame)
);

-- A clip: the half-open range between two neighbouring cuts. Retired clips keep their row for lineage and undo.
create table clips (
    id              bigint generated always as identity primary key,
    video_id        bigint not null references videos (id) on delete cascade,
    start_frame     integer not null check (start_frame >= 0),
    end_frame       integer not null,
    start_pts       bigint not null,
    end_pts         bigint not null,                            -- PTS of frame end_frame, or where the last frame ends
    state           clip_state not null default 'pending_review',
    version         integer not null default 1,                 -- +1 on every change; a reviewer's action names it
    parents         bigint[] not null default '{}',
    group_id        bigint,
    reviewed_by     text,
    reviewed_at     timestamptz,
    review_lease_by text,
    review_lease_expires_at timestamptz,                        -- a lease of the past is none
    retired_at      timestamptz,                                -- replaced by a split, merge, move or recut
    export_key      text,
    export_profile  text,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    review_deferred_at timestamptz,                             -- a reviewer put it off: it comes after all others
    check (start_frame < end_frame),
    check (start_pts < end_pts),
    check (retired_at is null or state = 'archived'),
    -- No two active clips of a video overlap. Video and frame share one 64-bit axis (frames are 32-bit), so that plain
    -- GiST ranges do, without the btree_gist extension.
    constraint clips_do_not_overlap exclude using gist (
        int8range(video_id * 4294967296 + start_frame, video_id * 4294967296 + end_frame) with &&
    ) where (retired_at is null) deferrable initially deferred
);
create index clips_video on clips (video_id, start_frame) where retired_at is null;
create index clips_state on clips (state, video_id, start_frame) where retired_at is null;
create index clips_pending on clips (video_id, start_frame) where state = 'pending_review' and retired_at is null;
create index clips_put_off on clips (review_deferred_at) where review_deferred_at is not null and state = 'pending_review' and retired_at is null;
create index clips_in_hand on clips (review_lease_expires_at) where review_lease_expires_at is not null and state = 'pending_review';

-- A file made from a clip. The identity has no nullable column, so that it really fires.
create table artifacts (
    clip_id         bigint not null references clips (id) on delete cascade,
    kind            text not null,                              -- export, keyframe, facts
    strategy        text not null default '',
    tag             text not null default '',
    key             text not null,
    sha256          text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    size_bytes      bigint not null check (size_bytes > 0),
    metadata        jsonb not null default '{}',
    created_at      timestamptz not null default now(),
    primary key (clip_id, kind, strategy, tag)
);

-- An embedding space: vectors of different models are never compared.
create table models (
    model           text primary key,                           -- name@revision
    dimension       integer not null check (dimension between 1 and 4000),
    created_at      timestamptz not null default now(),
    name            text not null default ''                    -- as in HEATERS_MODEL; '' is not known
);

create table embeddings (
    clip_id         bigint not null references clips (id) on delete cascade,
    model           text not null references models (model),
    strategy        text not null,                              -- single, multi_average
    vector          halfvec not null,                           -- L2-normalised
    images          integer not null check (images > 0),
    created_at      timestamptz not null default now(),
    primary key (clip_id, model, strategy)
);
create index embeddings_model on embeddings (model, strategy);
-- 1024 half-precision numbers are more than the 2 kB that a row keeps in place by default: searching them all would
-- fetch each from elsewhere. Each space also has an index over its vectors, made when its first ones are (search.sql).
alter table embeddings set (toast_tuple_target = 8160);

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

-- One attempt at one stage of one item. `variant` is the setting its output depends on ('' for none).
create table stage_runs (
    id              bigint generated always as identity primary key,
    stage           text not null,
    subject         subject_kind not null,
    subject_id      bigint not null,
    video_id        bigint not null references videos (id) on delete cascade,
    variant         text not null default '',
    attempt         integer not null check (attempt > 0),
    status          run_status not null default 'running',
    voided          boolean not null default false,             -- an operator asked for a retry: no longer counts
    worker          text not null,
    lease_expires_at timestamptz,
    next_attempt_at timestamptz,
    error_type      text,
    error           text,
    result          jsonb,
    started_at      timestamptz not null default now(),
    finished_at     timestamptz,
    check ((status = 'running') = (finished_at is null)),
    check (status not in ('failed', 'dead', 'lost') or error is not null),
    check (status <> 'done' or result is not null)
);
create unique index stage_runs_one_holder on stage_runs (stage, subject_id, variant) where status = 'running';
create unique index stage_runs_one_success on stage_runs (stage, subject_id, variant) where status = 'done' and not voided;
create index stage_runs_subject on stage_runs (subject_id, stage);
create index stage_runs_video on stage_runs (video_id, id);
create index stage_runs_finished on stage_runs (finished_at) where finished_at is not null;
create index stage_runs_retry on stage_runs (next_attempt_at) where status in ('failed', 'lost') and not voided;

-- Append-only: who did what, when, and the exact rows before and after. Undo appends.
create table review_events (
    id              bigint generated always as identity primary key,
    video_id        bigint not null references videos (id) on delete cascade,
    reviewer        text not null,
    action          review_action not null,
    request_key     text not null unique,                       -- the client's idempotency key
    undoes          bigint references review_events (id),       -- for undo and redo: the event that is reversed
    before          jsonb not null,                             -- clips and cuts as they were
    after           jsonb not null,
    created_at      timestamptz not null default now()
);
create index review_events_reviewer on review_events (reviewer, id);
create index review_events_video on review_events (video_id, id);
create unique index review_events_undoes on review_events (undoes) where undoes is not null;  -- reversed at most once

-- Sessions of people who signed in to the UI. The token itself is known to the browser alone.
create table sessions (
    token_hash      text primary key check (token_hash ~ '^[0-9a-f]{64}$'),
    name            text not null,
    mark            text not null,                              -- of the password they signed in with: changing it ends them
    created_at      timestamptz not null default now(),
    expires_at      timestamptz not null
);
create index sessions_expires on sessions (expires_at);

-- Truth 3: the active clips of a cut video tile [0, frame_count), and inner boundaries are exactly the cuts.
-- Overlap is refused by the exclusion constraint; these deferred triggers refuse gaps and strays at commit. Each changed
-- row has its own frames looked at, before and after: a gap begins at 0 or where a clip ends, and either that clip or the
-- one that followed it has changed. So a commit costs what it changes, not that times the length of the video.
create function check_boundary(vid bigint, frames integer, boundary integer) returns void language plpgsql
set enable_seqscan = off  -- a plan made while the table was small would be kept
as $$
declare
    previous integer;  -- where the last clip that begins before the boundary ends
    starts boolean := exists (select from clips where video_id = vid and retired_at is null and start_frame = boundary);
    is_cut boolean := exists (select from cuts where video_id = vid and frame = boundary);
    sound boolean;
begin
    select end_frame into previous from clips
    where video_id = vid and retired_at is null and start_frame < boundary order by start_frame desc limit 1;
    sound := case
        when boundary = 0 then starts
        when boundary = frames then coalesce(previous = frames, false) and not starts and not is_cut
        when boundary between 1 and frames - 1 then
            coalesce(case when starts then previous = boundary and is_cut else previous > boundary and not is_cut end, false)
        else false end;
    if sound then
        return;
    end if;
    if not exists (select from clips where video_id = vid and retired_at is null)
       and not exists (select from cuts where video_id = vid) then
        return;  -- not cut yet, or forgotten altogether
    end if;
    raise exception 'the active clips of video % must tile [0, %) and meet exactly at its cuts; at frame % they do not: a clip starts there: %, the one before ends at %, a cut is there: %',
        vid, frames, boundary, starts, previous, is_cut
        using errcode = 'check_violation', constraint = 'clips_tile_the_video';
end $$;

create function check_tiling() returns trigger language plpgsql as $$
declare
    vid bigint := case when tg_op = 'DELETE' then old.video_id else new.video_id end;
    frames integer;
begin
    select frame_count into frames from videos where id = vid;
    if not found then
        return null;  -- the video itself was deleted
    end if;
    if tg_table_name = 'cuts' then
        if tg_op <> 'INSERT' then
            perform check_boundary(vid, frames, old.frame);
        end if;
        if tg_op <> 'DELETE' then
            perform check_boundary(vid, frames, new.frame);
        end if;
        return null;
    end if;
    if tg_op <> 'INSERT' and old.retired_at is null then
        perform check_boundary(vid, frames, old.start_frame);
        perform check_boundary(vid, frames, old.end_frame);
    end if;
    if tg_op <> 'DELETE' and new.retired_at is null then
        perform check_boundary(vid, frames, new.start_frame);
        perform check_boundary(vid, frames, new.end_frame);
    end if;
    return null;
end $$;

create constraint trigger clips_tile_the_video after insert or delete
    on clips deferrable initially deferred for each row execute function check_tiling();
-- A decision changes no frames: most acts of review need no look at the whole video.
create constraint trigger changed_clips_tile_the_video after update on clips deferrable initially deferred for each row
    when ((old.start_frame, old.end_frame, old.retired_at, old.video_id)
          is distinct from (new.start_frame, new.end_frame, new.retired_at, new.video_id))
    execute function check_tiling();
create constraint trigger cuts_tile_the_video after insert or update of frame, video_id or delete
    on cuts deferrable initially deferred for each row execute function check_tiling();

-- The one place that says when an item is due: it is in one of `states`, no attempt holds it, has done it or has given up
-- on it, no back-off is running, and what the stage needs is done in the matching variant. Claim, status and the
-- end-of-run check all call these.
create function is_open(p_stage text, p_subject_id bigint, p_variant text) returns boolean stable language sql as $$
    select not exists (
        select from stage_runs r
        where r.subject_id = p_subject_id and r.stage = p_stage and r.variant = p_variant and not r.voided
          and (r.status in ('running', 'done', 'dead') or r.next_attempt_at > now()))
$$;

-- Found from the front of each state, in order, and no further than asked for: a claim reads as much with a hundred videos as
-- with a hundred thousand. `p_from` and `p_to` bound the videos that are looked at, `p_most` the rows. The row comparisons are
-- what only the index of states serves; an equality, where all are in one state, the planner takes for true of all of them and
-- walks these. And a subquery of one row, unlike `exists`, is never answered by hashing all that a stage has done.
create function due_videos(p_stage text, p_variant text, p_states text[], p_scope bigint[],
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

create function due_clips(p_stage text, p_variant text, p_states text[], p_scope bigint[], p_needs text, p_needs_variant text,
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

-- What was measured of a clip by the settings of this session (heaters.facts), or last where a session has none; else null.
create function facts_of(p_clip_id bigint) returns jsonb stable language sql as $$
    select f.metadata from artifacts f where f.clip_id = p_clip_id and f.kind = 'facts'
      and f.strategy = coalesce(nullif(current_setting('heaters.facts', true), ''), f.strategy)
    order by f.created_at desc limit 1
$$;

-- Whether everything asked of a clip's facts holds. `p_bounds`: [{"name", "low", "high"}]; a fact that is not there holds nothing.
create function facts_match(p_clip_id bigint, p_bounds jsonb) returns boolean stable language sql as $$
    select not exists (
        select from facts_of(p_clip_id) f, jsonb_to_recordset(p_bounds) as w (name text, low float8, high float8)
        where not coalesce((f->>w.name)::float8 between w.low and w.high, false))
$$;

-- How an attempt begins: the claims of videos and of clips differ only in which rows are due.
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
