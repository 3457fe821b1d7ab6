-- What operators ask of running drivers: stages that start nothing more, and videos whose work comes first.
create table pauses (
    stage           text primary key,                           -- '': the whole library
    since           timestamptz not null default now(),
    paused_by       text not null,
    reason          text not null default ''
);
alter table videos add column priority smallint not null default 0 check (priority between 0 and 9);
