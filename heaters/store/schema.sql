-- The whole schema, as the migrations sum up to (a test proves it). States stand once here and once in core/states.py.

create extension if not exists vector;

create type video_state as enum ('new', 'downloaded', 'prepared', 'cut');
-- What was decided. pending_review → review_approved | review_skipped | review_archived, and back by undo as long as no
-- export has begun; any of them → retired by a split, merge, move or recut, and back by undo.
create type clip_state as enum ('pending_review', 'review_approved', 'review_skipped', 'review_archived', 'retired');
create type run_status as enum ('done', 'failed', 'lost', 'released');
create type cut_kind as enum ('hard', 'gradual', 'manual');
create type review_action as enum ('approve', 'skip', 'archive', 'split', 'merge', 'move', 'group', 'recut', 'undo', 'redo');

-- ------------------------------------------------------------------------------------------------ videos, cuts, clips

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
    has_audio       boolean,                          -- of the probe; once prepared: whether sound was decoded
    is_partial      boolean not null default false,   -- the file was damaged; only its decodable part is used
    -- object keys
    source_key      text,
    proxy_key       text,                            -- null: not asked for yet
    analysis_key    text,
    pts_key         text,
    probabilities_key text,
    provenance      jsonb not null default '{}',      -- extractor, id, uploader, licence, formats, versions
    detector        text not null default '',         -- the method that detection ran, and the revision of its model
    detector_model  text not null default '',
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    host            text not null generated always as           -- where it is fetched from; a file has none
                    (coalesce(lower(substring(source from '(?i)^https?://(?:[^/?#@]*@)?(\[[^]]*\]|[^/?#:]+)')), '')) stored,
    sample_key      text,                            -- the sample track; null: prepared before there were any
    is_playable     boolean not null default false,  -- browsers play the master as it is, by the same times
    streams         jsonb not null default '[]' check (jsonb_typeof(streams) = 'array'),  -- of media/streams.py; taken or not, and why
    timecode        text not null default '',        -- of the first frame, as the file states it; ';' is drop-frame
    timecode_rate   text not null default '',        -- the frames a second that it counts, where that is stated
    holes           jsonb not null default '[]' check (jsonb_typeof(holes) = 'array'),  -- closed in all times here; of media/holes.py
    partial_reason  text not null default '',        -- why it is partial
    concealed       integer not null default 0 check (concealed >= 0),  -- frames made up by the decoder, or not decoded
    shapes          jsonb not null default '[]' check (jsonb_typeof(shapes) = 'array'),  -- runs [first frame, width, height]; none: one shape
    check ((time_base_num is null) = (time_base_den is null)),
    constraint videos_prepared check (
        state < 'prepared' or (frame_count is not null and pts_key is not null and coalesce(sample_key, proxy_key) is not null))
);
create index videos_without_proxy on videos (id) where proxy_key is null and state >= 'prepared';
create index videos_duplicate on videos (duplicate_of) where duplicate_of is not null;

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

-- A clip: the half-open range between two neighbouring cuts. Its state is its decision alone: what was made from it lies
-- in the tables of derived rows below, or is missing. Retired clips keep their row for lineage and undo.
create table clips (
    id              bigint generated always as identity primary key,
    video_id        bigint not null references videos (id) on delete cascade,
    start_pts       bigint not null,
    end_pts         bigint not null,                            -- PTS of frame end_frame, or where the last frame ends
    start_frame     integer not null check (start_frame >= 0),
    end_frame       integer not null,
    seconds         real not null,                              -- (end_pts - start_pts) in seconds: what lengths filter by
    confidence      real,                                       -- of the less certain of its two cuts; null: none was detected
    state           clip_state not null default 'pending_review',
    version         integer not null default 1,                 -- +1 on every act of review; a reviewer's action names it
    created_at      timestamptz not null default now(),
    reviewed_at     timestamptz,
    retired_at      timestamptz,                                -- replaced by a split, merge, move or recut
    deferred_at     timestamptz,                                -- a reviewer put it off: it comes after all others
    group_id        bigint,
    parents         bigint[] not null default '{}',
    reviewed_by     text,
    check (start_frame < end_frame),
    check (start_pts < end_pts),
    check ((retired_at is null) = (state <> 'retired')),
    -- No two active clips of a video overlap. Video and frame share one 64-bit axis (frames are 32-bit), so that plain
    -- GiST ranges do, without the btree_gist extension.
    constraint clips_do_not_overlap exclude using gist (
        int8range(video_id * 4294967296 + start_frame, video_id * 4294967296 + end_frame) with &&
    ) where (retired_at is null) deferrable initially deferred
);
create index clips_video on clips (video_id, start_frame);
create index clips_state on clips (state, id) where retired_at is null;
create index clips_length on clips (seconds, id) where retired_at is null;
create index clips_doubt on clips ((coalesce(confidence, 2::real)), id) where retired_at is null;  -- no confidence: last
-- The queue of review: in play order, the least certain cuts first, and what was put off.
create index clips_pending on clips (video_id, start_frame) where state = 'pending_review';
create index clips_uncertain on clips (confidence, video_id, start_frame) where state = 'pending_review';
create index clips_deferred on clips (deferred_at, id) where state = 'pending_review' and deferred_at is not null;

-- The stretch that a clip is worked on with: core/stretches.py has the same rule.
create function stretch_of(p_start_frame integer) returns integer immutable parallel safe language sql
as 'select p_start_frame / 4096';

-- The runs of shapes of a clip's frames, counted from its first; none where the video has none listed.
create function clip_shapes(p_shapes jsonb, p_start_frame integer, p_end_frame integer) returns jsonb immutable parallel safe language sql
as $$
    select coalesce(jsonb_agg(jsonb_build_array(greatest(first - p_start_frame, 0), run -> 1, run -> 2) order by first), '[]')
    from (select (run ->> 0)::int as first, run, lead((run ->> 0)::int) over (order by (run ->> 0)::int) as stop
          from jsonb_array_elements(p_shapes) as listed (run)) as r
    where first < p_end_frame and coalesce(stop, p_end_frame) > p_start_frame
$$;

-- ------------------------------------------------------------------------------------------------ derived rows

-- A stage with the setting that its output depends on ('' for none). Derived rows, tasks, failures and watermarks name it.
create table variants (
    id              smallint generated always as identity primary key,
    stage           text not null,
    variant         text not null,
    created_at      timestamptz not null default now(),
    unique (stage, variant)
);

-- Each row of the four tables below says that a clip has what a stage makes, in one variant. Keys of objects are pure
-- functions of the clip's frames, its video's hash and the variant (core/keys.py), so they are not kept.

-- Where stills come from: frames of the review proxy (videos prepared before there were sample tracks), of the sample track, or of
-- the master where no sample lies in the clip.
create type still_origin as enum ('proxy', 'sample', 'master');

-- The stills of a clip, in the order of the strategy's places; the variant is the strategy.
create table stills (
    clip_id         bigint not null references clips (id) on delete cascade,
    variant         smallint not null references variants (id),
    sha256          bytea not null check (length(sha256) > 0 and length(sha256) % 32 = 0),  -- 32 bytes for each still
    size_bytes      integer[] not null,
    origin          still_origin not null default 'proxy',
    frames          integer[],                                  -- of the video; null, of proxies: exactly at the strategy's places
    primary key (clip_id, variant),
    check (cardinality(size_bytes) * 32 = length(sha256)),
    constraint stills_frames check (cardinality(frames) = cardinality(size_bytes)),
    constraint stills_origin check (origin = 'proxy' or frames is not null)
);

-- What was measured of a clip (core/facts.py says what each number means); null where there is nothing to measure.
create table facts (
    clip_id         bigint not null references clips (id) on delete cascade,
    variant         smallint not null references variants (id),
    motion          real,
    brightness      real,
    black_share     real,
    frozen_share    real,
    letterbox       real,
    sharpness       real,
    text_share      real,
    loudness_dbfs   real,
    silence_share   real,
    primary key (clip_id, variant)
);
create index facts_motion on facts (variant, motion);
create index facts_brightness on facts (variant, brightness);
create index facts_black_share on facts (variant, black_share);
create index facts_frozen_share on facts (variant, frozen_share);
create index facts_letterbox on facts (variant, letterbox);
create index facts_sharpness on facts (variant, sharpness);
create index facts_text_share on facts (variant, text_share) where text_share is not null;
create index facts_loudness_dbfs on facts (variant, loudness_dbfs) where loudness_dbfs is not null;
create index facts_silence_share on facts (variant, silence_share) where silence_share is not null;

-- A clip's file; the variant is the profile. `params` is the hash of the encoder's settings in the file's key. `copied` frames are
-- packets of the master (or of the proxy), the others were encoded; `rule` says why none was copied where that was asked for.
create table exports (
    clip_id         bigint not null references clips (id) on delete cascade,
    variant         smallint not null references variants (id),
    params          text not null,
    sha256          bytea not null check (length(sha256) = 32),
    size_bytes      bigint not null check (size_bytes > 0),
    frames          integer not null check (frames > 0),
    created_at      timestamptz not null default now(),
    copied          integer not null default 0 check (copied >= 0),
    rule            text not null default '',
    width           integer check (width > 0),        -- as displayed; null: of a file from before, the video's
    height          integer check (height > 0),
    primary key (clip_id, variant)
);

-- An embedding space: a model at one revision, and a strategy. Vectors of different spaces are never compared. `asked` is the
-- variant of the stage `embed` that the settings name; another revision behind the same name is another space.
create table spaces (
    variant         smallint primary key references variants (id),
    asked           smallint not null references variants (id),
    model           text not null,                              -- name@revision
    name            text not null,                              -- as in HEATERS_MODEL; '' is not known
    strategy        text not null,                              -- single, multi_average, multi_average/multi:5
    dimension       integer not null check (dimension between 1 and 4000),
    created_at      timestamptz not null default now(),
    unique (model, strategy)
);
create index spaces_asked on spaces (asked, variant);

-- `seq` counts vectors in the order of their arrival: indexes over vectors cover ranges of it (search/indexes.py).
create sequence embeddings_seq;
create table embeddings (
    clip_id         bigint not null references clips (id) on delete cascade,
    seq             bigint not null default nextval('embeddings_seq'),
    variant         smallint not null references spaces (variant),
    images          smallint not null check (images > 0),
    vector          halfvec not null,                           -- L2-normalised
    primary key (clip_id, variant)
);
create index embeddings_arrival on embeddings (variant, seq);
-- 1024 half-precision numbers are more than the 2 kB that a row keeps in place by default: searching them all would
-- fetch each from elsewhere.
alter table embeddings set (toast_tuple_target = 8160);

-- The space that searches use when nothing else is said. No row: that of the settings.
create table active_space (
    one             boolean primary key default true check (one),
    variant         smallint not null references spaces (variant),
    chosen_at       timestamptz not null default now()
);

-- Every vector of a clip that may be found, with what filters and listings need.
create view searchable as
select e.clip_id, e.variant, e.seq, e.vector, c.video_id, v.title, c.state, c.start_frame, c.end_frame, c.seconds,
       (c.start_pts * v.time_base_num)::float8 / v.time_base_den as start_seconds,
       (c.end_pts * v.time_base_num)::float8 / v.time_base_den as end_seconds,
       c.created_at, c.reviewed_at
from embeddings e join clips c on c.id = e.clip_id join videos v on v.id = c.video_id
where c.retired_at is null;

-- ------------------------------------------------------------------------------------------------ work

-- The last change of each kind in each stretch (videos as a whole have stretch 0). `at` grows with every change, in the order
-- in which changes become visible: a reader that has read up to one value of it has seen every change below.
create table changes (
    video_id        bigint not null references videos (id) on delete cascade,
    kind            text not null,                              -- core/pipeline.py: Change
    stretch         integer not null default 0,
    lane            text not null default '',                   -- of submitted videos their host: each host is a queue of its own
    at              bigint not null,
    since           timestamptz not null default now(),
    primary key (video_id, kind, stretch)
);
create sequence changes_at;
create index changes_next on changes (kind, lane, at);

-- Hosts with a queue of videos to fetch, and when the next download may begin there. `newest`: the last change of its queue.
create table hosts (
    host            text primary key,
    newest          bigint not null,
    next_start_at   timestamptz not null default now()
);
create index hosts_next on hosts (next_start_at);

-- How far each variant has read the changes that its stage takes: everything up to `at` was claimed. What is not done by then
-- is a row of `tasks` or `failures`.
create table watermarks (
    variant         smallint not null references variants (id),
    lane            text not null default '',
    at              bigint not null,
    primary key (variant, lane)
);

-- Work behind the watermark that is not done: a driver holds it, or it waits to be claimed again. Done work has no row.
create table tasks (
    video_id        bigint not null references videos (id) on delete cascade,
    variant         smallint not null references variants (id),
    stretch         integer not null default 0,
    lane            text not null default '',                   -- of `changes`
    attempt         integer not null default 0,                 -- counts claims
    losses          integer not null default 0,                 -- claims that ended with their driver, worker or node
    is_alone        boolean not null default false,             -- was at work when a process died: its items run one at a time
    at              bigint not null default 0,                  -- the change that it was claimed for
    again_at        bigint,                                     -- a later change of the stretch, while it is held
    driver          text,                                       -- who holds it; null: it waits
    items           integer not null default 1,
    due_at          timestamptz not null default now(),
    started_at      timestamptz,
    primary key (video_id, variant, stretch)
);
create index tasks_due on tasks (variant, lane, due_at) where driver is null;
create index tasks_held on tasks (driver) where driver is not null;

-- Drivers at work. One lease stands for all tasks that a driver holds; `limits` says why its stages wait.
create table drivers (
    name            text primary key,
    expires_at      timestamptz not null,
    started_at      timestamptz not null default now(),
    limits          jsonb not null default '{}'
);

-- What failed and is not done yet: of a video as a whole (clip 0), or of a clip. Deleted when it is done, or tried anew on request.
create table failures (
    id              bigint generated always as identity unique,
    video_id        bigint not null references videos (id) on delete cascade,
    variant         smallint not null references variants (id),
    stretch         integer not null default 0,
    clip_id         bigint not null default 0,
    failures        integer not null default 1,
    next_attempt_at timestamptz,                                -- null: never tried again by itself
    failed_at       timestamptz not null default now(),
    driver          text not null,
    error_type      text not null,
    error           text not null,
    primary key (video_id, variant, stretch, clip_id)
);
create index failures_kind on failures (variant, error_type, (next_attempt_at is null), id);
create index failures_clip on failures (clip_id) where clip_id <> 0;

-- How attempts ended: a row for each claim of a stretch or video, kept for HEATERS_HISTORY_DAYS. Nothing depends on it.
create table stage_runs (
    id              bigint generated always as identity,
    variant         smallint not null,
    video_id        bigint not null,
    stretch         integer not null default 0,
    attempt         integer not null,
    status          run_status not null,
    items           integer not null,
    failed_items    integer not null default 0,
    driver          text not null,
    error_type      text,
    error           text,
    result          jsonb,
    started_at      timestamptz not null,
    finished_at     timestamptz not null default now(),
    primary key (id, finished_at)
) partition by range (finished_at);
create index stage_runs_video on stage_runs (video_id, id);
create index stage_runs_finished on stage_runs (finished_at, variant);

-- Counts that are kept, not made: `name` → the sum of its rows. Every change appends what it adds, in the same transaction, so that
-- writers never wait for each other; drivers sum the rows up now and then.
create table tallies (
    name            text not null,
    n               bigint not null
);

-- ------------------------------------------------------------------------------------------------ review

-- Clips that reviewers have in hand. A lease of the past is none.
create table review_leases (
    clip_id         bigint primary key references clips (id) on delete cascade,
    video_id        bigint not null,
    reviewer        text not null,
    expires_at      timestamptz not null
);
create index review_leases_reviewer on review_leases (reviewer);

-- Append-only: who did what, when, and the exact rows before and after. Undo appends. A decision on many clips at once keeps only
-- what it changed of them (core/snapshot.py).
create table review_events (
    id              bigint generated always as identity primary key,
    video_id        bigint not null references videos (id) on delete cascade,
    reviewer        text not null,
    action          review_action not null,
    request_key     text not null unique,                       -- the client's idempotency key
    undoes          bigint references review_events (id),       -- for undo and redo: the event that is reversed
    clip_ids        bigint[] not null,                          -- every clip that it made or changed
    before          jsonb not null,                             -- clips and cuts as they were
    after           jsonb not null,
    created_at      timestamptz not null default now()
);
create index review_events_reviewer on review_events (reviewer, id);
create index review_events_video on review_events (video_id, id);
create index review_events_clips on review_events using gin (clip_ids);
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

-- ------------------------------------------------------------------------------------------------ withdrawn

-- Sources that were withdrawn: they and their bytes may not come back (`refuse_withdrawn`). A row for each source that had the bytes.
-- Objects go after the rows of a video: `finished_at` is null until none was left. `round` grows when more may have been put.
create table withdrawn (
    source          text primary key,
    video_id        bigint not null,                            -- the number that it had
    content_hash    text check (content_hash ~ '^[0-9a-f]{64}$'),  -- null: no bytes were ever there
    title           text not null default '',
    clips           integer not null default 0,                 -- active ones, that went with it
    reason          text not null default '',
    withdrawn_by    text not null,
    withdrawn_at    timestamptz not null default now(),
    round           integer not null default 1,
    finished_at     timestamptz
);
create index withdrawn_content on withdrawn (content_hash) where content_hash is not null;
create index withdrawn_video on withdrawn (video_id);
create index withdrawn_unfinished on withdrawn (video_id) where finished_at is null;

-- Claims of withdrawn videos that drivers held: until a driver lets go of one, or is gone, its worker may still put objects.
create table withdrawn_work (
    video_id        bigint not null,
    variant         smallint not null,
    stretch         integer not null,
    driver          text not null references drivers (name) on delete cascade,
    primary key (video_id, variant, stretch)
);
create index withdrawn_work_driver on withdrawn_work (driver);

-- Where datasets were written, so that a withdrawal can look which of them hold the video.
create table dataset_outputs (
    location        text primary key,
    written_at      timestamptz not null default now()
);

-- ------------------------------------------------------------------------------------------------ rules as triggers

-- Nothing here joins rows before with rows after: PostgreSQL keeps the plan that it made for one row, a nested loop, and would take
-- it for the nine thousand clips of a recut.

-- Truth 3: the active clips of a cut video tile [0, frame_count), and inner boundaries are exactly the cuts. Overlap is
-- refused by the exclusion constraint. For gaps and strays each statement notes the frames that it touched, and a deferred
-- trigger looks at these at commit, once for each video: a commit costs what it changes, not the length of the video.
create unlogged table tiling_checks (  -- empty outside of transactions
    video_id        bigint not null,
    low             integer not null,
    high            integer not null
);

create function note_tiling() returns trigger language plpgsql as $$
begin
    if tg_table_name = 'cuts' then
        if tg_op <> 'INSERT' then
            insert into tiling_checks select video_id, min(frame), max(frame) from before group by video_id;
        end if;
        if tg_op <> 'DELETE' then
            insert into tiling_checks select video_id, min(frame), max(frame) from after group by video_id;
        end if;
    elsif tg_op = 'INSERT' then
        insert into tiling_checks select video_id, min(start_frame), max(end_frame) from after group by video_id;
    elsif tg_op = 'DELETE' then
        insert into tiling_checks select video_id, min(start_frame), max(end_frame) from before group by video_id;
    else  -- a decision changes no frames
        insert into tiling_checks
        select video_id, min(low), max(high) from (
            select video_id, min(start_frame) as low, max(end_frame) as high
            from (select * from after union all select * from before) c group by video_id, id
            having min(start_frame) <> max(start_frame) or min(end_frame) <> max(end_frame)
                or bool_or(retired_at is null) <> bool_and(retired_at is null)) changed
        group by video_id;
    end if;
    return null;
end $$;

create function check_tiling() returns trigger language plpgsql
set enable_seqscan = off  -- a plan made while the table was small would be kept
as $$
declare
    frames integer;
    lowest integer;
    highest integer;
    wrong integer;
begin
    with noted as (delete from tiling_checks where video_id = new.video_id returning low, high)
    select min(low), max(high) into lowest, highest from noted;
    select frame_count into frames from videos where id = new.video_id;
    if lowest is null or frames is null then
        return null;  -- looked at already, or the video itself was deleted
    end if;
    -- From the clip that begins at or before the lowest frame, so that its end is looked at, too.
    select coalesce(max(start_frame), 0) into lowest from clips
    where video_id = new.video_id and retired_at is null and start_frame <= lowest;
    with here as (
        select start_frame, end_frame, lead(start_frame) over (order by start_frame) as next_start,
               row_number() over (order by start_frame) as place
        from clips where video_id = new.video_id and retired_at is null and start_frame between lowest and highest
    ), found as (
        select start_frame as frame from here where place = 1 and start_frame <> lowest  -- only where no clip begins at 0
        union all
        select end_frame from here
        where case when next_start is not null then end_frame <> next_start
                   else end_frame <> frames and end_frame <= highest end
        union all
        select end_frame from here where end_frame > frames
        union all
        select coalesce(h.start_frame, k.frame)
        from (select start_frame from here where start_frame > 0) h
        full join (select frame from cuts where video_id = new.video_id and frame between lowest and highest) k
          on k.frame = h.start_frame
        where h.start_frame is null or k.frame is null
        union all
        select lowest where not exists (select from here) and exists (
            select from clips where video_id = new.video_id and retired_at is null
            union all select from cuts where video_id = new.video_id)
    )
    select min(frame) into wrong from found;
    if wrong is not null then
        raise exception 'the active clips of video % must tile [0, %) and meet exactly at its cuts; at frame % they do not',
            new.video_id, frames, wrong using errcode = 'check_violation', constraint = 'clips_tile_the_video';
    end if;
    return null;
end $$;

create constraint trigger clips_tile_the_video after insert on tiling_checks
    deferrable initially deferred for each row execute function check_tiling();

create trigger note_new_clips after insert on clips
    referencing new table as after for each statement execute function note_tiling();
create trigger note_changed_clips after update on clips
    referencing old table as before new table as after for each statement execute function note_tiling();
create trigger note_deleted_clips after delete on clips
    referencing old table as before for each statement execute function note_tiling();
create trigger note_new_cuts after insert on cuts
    referencing new table as after for each statement execute function note_tiling();
create trigger note_changed_cuts after update on cuts
    referencing old table as before new table as after for each statement execute function note_tiling();
create trigger note_deleted_cuts after delete on cuts
    referencing old table as before for each statement execute function note_tiling();

-- What was withdrawn does not come back, under its address or by its bytes. After the row is there: whoever waited for a row with the
-- same bytes to go sees why it went. The lock: `late_work` gives a withdrawal its bytes only while nobody brings the same.
create function refuse_withdrawn() returns trigger language plpgsql
set enable_seqscan = off  -- a plan made while the table was small would be kept
as $$
declare
    found withdrawn;
begin
    if new.content_hash is not null then
        perform pg_advisory_xact_lock_shared(hashtext('heaters.withdrawn'));
    end if;
    select * into found from (
        select * from withdrawn where source = new.source
        union all select * from withdrawn where content_hash = new.content_hash) w limit 1;
    if found.source is not null then
        raise exception 'video % was withdrawn on % by %, and may not come back%', found.video_id,
            to_char(found.withdrawn_at at time zone 'UTC', 'YYYY-MM-DD'), found.withdrawn_by,
            case when found.reason <> '' then ': ' || found.reason else '' end using errcode = 'HT002';
    end if;
    return null;
end $$;

create trigger refuse_withdrawn after insert or update of source, content_hash on videos
    for each row execute function refuse_withdrawn();

-- Counts. Names: `videos <state>`, `proxies` (of videos that have one), `clips <state>` (active ones), `made <variant>` and `archived <variant>` (derived rows of active
-- clips, by whether these are archived), `failing <variant> <dead|retrying> <error type>`, `confidence <twentieth>` (of cuts),
-- `day <date> <made|clip state>`.
create function tally_videos() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        insert into tallies select 'videos ' || state, -count(*) from before where duplicate_of is null group by state;
        insert into tallies select 'proxies', -count(*) from before where proxy_key is not null having count(*) > 0;
    end if;
    if tg_op <> 'DELETE' then
        insert into tallies select 'videos ' || state, count(*) from after where duplicate_of is null group by state;
        insert into tallies select 'proxies', count(*) from after where proxy_key is not null having count(*) > 0;
    end if;
    return null;
end $$;

-- What a derived row of a clip in this state counts as.
create function kept_as(p_state clip_state) returns text immutable parallel safe language sql as $$
    select case p_state when 'retired' then null when 'review_archived' then 'archived ' else 'made ' end
$$;

create function tally_clips() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into tallies select 'clips ' || state, count(*) from after where retired_at is null group by state;
        insert into tallies select 'day ' || current_date || ' made', count(*) from after having count(*) > 0;
    elsif tg_op = 'DELETE' then
        insert into tallies select 'clips ' || state, -count(*) from before where retired_at is null group by state;
    else
        insert into tallies select 'clips ' || state, sum(n) from (
            select state, 1 as n from after where retired_at is null
            union all select state, -1 from before where retired_at is null) c
        group by state having sum(n) <> 0;
        insert into tallies select 'day ' || current_date || ' ' || state, sum(n) from (
            select state, 1 as n from after union all select state, -1 from before) c
        where state not in ('pending_review', 'retired') group by state having sum(n) > 0;
        insert into tallies select c.kept || m.variant, sum(c.n)
        from (select id, kept, sum(n) as n from (
                  select id, kept_as(state) as kept, 1 as n from after union all select id, kept_as(state), -1 from before) k
              where kept is not null group by id, kept having sum(n) <> 0) c
        cross join lateral (
            select variant from stills where clip_id = c.id union all select variant from facts where clip_id = c.id
            union all select variant from exports where clip_id = c.id
            union all select variant from embeddings where clip_id = c.id) m
        group by 1;
        delete from failures f where f.clip_id = any (array(select id from after where retired_at is not null));
    end if;
    return null;
end $$;

-- A derived row of a clip that is gone by now went with it.
create function tally_made() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into tallies select kept_as(c.state) || m.variant, count(*) from after m join clips c on c.id = m.clip_id
        where kept_as(c.state) is not null group by 1;
    else
        insert into tallies select kept_as(coalesce(c.state, 'review_approved')) || m.variant, -count(*)
        from before m left join clips c on c.id = m.clip_id
        where kept_as(coalesce(c.state, 'review_approved')) is not null group by 1;
    end if;
    return null;
end $$;

create function tally_failures() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        insert into tallies
        select concat_ws(' ', 'failing', variant, case when next_attempt_at is null then 'dead' else 'retrying' end, error_type),
               -count(*) from before group by 1;
    end if;
    if tg_op <> 'DELETE' then
        insert into tallies
        select concat_ws(' ', 'failing', variant, case when next_attempt_at is null then 'dead' else 'retrying' end, error_type),
               count(*) from after group by 1;
    end if;
    return null;
end $$;

create function tally_cuts() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        insert into tallies select 'confidence ' || least(floor(confidence * 20), 19), -count(*) from before
        where confidence is not null group by 1;
    end if;
    if tg_op <> 'DELETE' then
        insert into tallies select 'confidence ' || least(floor(confidence * 20), 19), count(*) from after
        where confidence is not null group by 1;
    end if;
    return null;
end $$;

create trigger tally_new_videos after insert on videos
    referencing new table as after for each statement execute function tally_videos();
create trigger tally_changed_videos after update on videos
    referencing old table as before new table as after for each statement execute function tally_videos();
create trigger tally_deleted_videos after delete on videos
    referencing old table as before for each statement execute function tally_videos();
create trigger tally_new_clips after insert on clips
    referencing new table as after for each statement execute function tally_clips();
create trigger tally_changed_clips after update on clips
    referencing old table as before new table as after for each statement execute function tally_clips();
create trigger tally_deleted_clips after delete on clips
    referencing old table as before for each statement execute function tally_clips();
create trigger tally_new_stills after insert on stills
    referencing new table as after for each statement execute function tally_made();
create trigger tally_deleted_stills after delete on stills
    referencing old table as before for each statement execute function tally_made();
create trigger tally_new_facts after insert on facts
    referencing new table as after for each statement execute function tally_made();
create trigger tally_deleted_facts after delete on facts
    referencing old table as before for each statement execute function tally_made();
create trigger tally_new_exports after insert on exports
    referencing new table as after for each statement execute function tally_made();
create trigger tally_deleted_exports after delete on exports
    referencing old table as before for each statement execute function tally_made();
create trigger tally_new_embeddings after insert on embeddings
    referencing new table as after for each statement execute function tally_made();
create trigger tally_deleted_embeddings after delete on embeddings
    referencing old table as before for each statement execute function tally_made();
create trigger tally_new_failures after insert on failures
    referencing new table as after for each statement execute function tally_failures();
create trigger tally_changed_failures after update on failures
    referencing old table as before new table as after for each statement execute function tally_failures();
create trigger tally_deleted_failures after delete on failures
    referencing old table as before for each statement execute function tally_failures();
create trigger tally_new_cuts after insert on cuts
    referencing new table as after for each statement execute function tally_cuts();
create trigger tally_changed_cuts after update on cuts
    referencing old table as before new table as after for each statement execute function tally_cuts();
create trigger tally_deleted_cuts after delete on cuts
    referencing old table as before for each statement execute function tally_cuts();

-- ------------------------------------------------------------------------------------------------ work as functions

-- Write down that something happened to some stretches. Positions must become visible in their order, so the writers of changes
-- come one after the other from here to their commit; whatever may fail or take long at commit is done before.
create function announce(p_kind text, p_video_ids bigint[], p_stretches integer[]) returns void language plpgsql as $$
begin
    set constraints all immediate;
    perform pg_advisory_xact_lock(hashtext('heaters.changes'));
    insert into changes (video_id, kind, stretch, lane, at)
    select d.video_id, p_kind, d.stretch, case when p_kind = 'new' then v.host else '' end, nextval('changes_at')
    from (select distinct video_id, stretch from unnest(p_video_ids, p_stretches) as u (video_id, stretch)
          order by video_id, stretch) d
    join videos v on v.id = d.video_id
    on conflict (video_id, kind, stretch) do update set at = excluded.at, since = now();
    if p_kind = 'new' then
        insert into hosts (host, newest)
        select c.lane, max(c.at) from changes c where c.kind = 'new' and c.video_id = any (p_video_ids) group by c.lane
        on conflict (host) do update set newest = greatest(hosts.newest, excluded.newest);
    end if;
    set constraints all deferred;
end $$;

-- The variant of a stage, made where it is new, with its watermark at the start.
create function variant_of(p_stage text, p_variant text) returns smallint language plpgsql as $$
declare
    found smallint;
begin
    select id into found from variants where stage = p_stage and variant = p_variant;
    if found is null then
        insert into variants (stage, variant) values (p_stage, p_variant) on conflict (stage, variant) do nothing;
        select id into found from variants where stage = p_stage and variant = p_variant;
        insert into watermarks (variant, at) values (found, 0) on conflict do nothing;
    end if;
    return found;
end $$;

-- The wait after the n-th failure: 2 s, 8 s, 32 s, … at most an hour, times 1 to 1.5, so that what failed together comes back apart.
create function backoff(p_failures integer) returns interval volatile language sql as $$
    select least(2 * 4.0 ^ least(p_failures - 1, 10), 3600) * (1 + random() / 2) * interval '1 second'
$$;

-- How a claim ended: `items` videos or clips were due, of which `failed_items` failed. `goes_on`: it has others, without an outcome
-- yet, and stays held.
create type claim_end as (
    video_id bigint, stretch integer, attempt integer, status run_status, items integer, failed_items integer,
    error_type text, error text, result jsonb, goes_on boolean
);

-- The end of some claims of a variant, in the transaction that records what they made: failures are counted, and the dead told from
-- those that are tried again; tasks go, or wait for what is tried again; attempts become history; the change is announced. Returns
-- what failed. Raises HT001 where a claim is no longer this driver's: nothing of the transaction must stay then.
-- `p_claims`: claim_end rows; `p_done_*`: the videos and clips that are done (clip 0 is the video itself); `p_failed`: rows of
-- (video_id, stretch, clip_id, error_type, error, permanent). With `p_milestone` the videos that are done reach that state, and
-- `p_gives` happened to them as a whole or, `p_by_stretches`, to all of their stretches.
create function settle(p_driver text, p_variant smallint, p_attempts integer, p_gives text, p_milestone video_state,
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

-- Partitions of the history: this week's and the next, and those older than what is kept go.
create function keep_history(p_days integer) returns void language plpgsql as $$
declare
    week date;
    old record;
begin
    perform pg_advisory_xact_lock(hashtext('heaters.history'));
    foreach week in array array[date_trunc('week', now())::date, date_trunc('week', now())::date + 7] loop
        if to_regclass('stage_runs_' || to_char(week, 'YYYYMMDD')) is null then
            execute format('create table %I partition of stage_runs for values from (%L) to (%L)',
                           'stage_runs_' || to_char(week, 'YYYYMMDD'), week, week + 7);
        end if;
    end loop;
    for old in select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
               where i.inhparent = 'stage_runs'::regclass and c.relname ~ '^stage_runs_\d{8}$'
                 and to_date(right(c.relname, 8), 'YYYYMMDD') + 7 < now() - p_days * interval '1 day' loop
        execute format('drop table %I', old.relname);
    end loop;
end $$;

select keep_history(90);

-- The variant of facts that this session means (heaters.facts); null where nothing was measured so.
create function facts_variant() returns smallint stable parallel safe language sql as $$
    select id from variants where stage = 'facts' and variant = current_setting('heaters.facts', true)
$$;

-- The kept counts, by name.
create function tally(p_name text) returns bigint stable language sql as $$
    select coalesce(sum(n), 0)::bigint from tallies where name = p_name
$$;
