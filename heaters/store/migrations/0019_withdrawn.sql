-- Videos can be withdrawn: their sources and bytes may not come back. Where datasets were written is kept from now on, so that a
-- withdrawal can tell which of them hold the video; datasets from before are known again once they are written to.
create table withdrawn (
    source          text primary key,
    video_id        bigint not null,
    content_hash    text check (content_hash ~ '^[0-9a-f]{64}$'),
    title           text not null default '',
    clips           integer not null default 0,
    reason          text not null default '',
    withdrawn_by    text not null,
    withdrawn_at    timestamptz not null default now(),
    round           integer not null default 1,
    finished_at     timestamptz
);
create index withdrawn_content on withdrawn (content_hash) where content_hash is not null;
create index withdrawn_video on withdrawn (video_id);
create index withdrawn_unfinished on withdrawn (video_id) where finished_at is null;

create table withdrawn_work (
    video_id        bigint not null,
    variant         smallint not null,
    stretch         integer not null,
    driver          text not null references drivers (name) on delete cascade,
    primary key (video_id, variant, stretch)
);
create index withdrawn_work_driver on withdrawn_work (driver);

create table dataset_outputs (
    location        text primary key,
    written_at      timestamptz not null default now()
);

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
