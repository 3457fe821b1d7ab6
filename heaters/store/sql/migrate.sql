-- Queries of migrate.py, which must run on an empty database.

-- name: lock_migrations
-- Whether it is our turn: one migration runs at a time. Asked again and again, not waited for: whoever waits in a statement has a
-- snapshot, for whose end an index that is built concurrently would wait in turn.
select pg_try_advisory_lock(%(key)s::bigint) as is_ours;

-- name: unlock_migrations
-- End our turn.
select pg_advisory_unlock(%(key)s::bigint);

-- name: take_time
-- A migration may take as long as it needs.
set local statement_timeout = 0;

-- name: take_time_alone
-- The same for statements that run outside a transaction.
set statement_timeout = 0;

-- name: usual_time
-- End that.
reset statement_timeout;

-- name: invalid_indexes
-- Indexes that were being built concurrently when somebody was stopped: they slow writing down and serve nothing.
select c.oid::regclass::text as name from pg_index i join pg_class c on c.oid = i.indexrelid
where not i.indisvalid and c.relname = any (%(names)s::text[]);

-- name: create_migrations
-- Make the table of applied migrations.
create table if not exists schema_migrations (
    version         integer primary key check (version > 0),
    name            text not null,
    sha256          text not null,
    applied_at      timestamptz not null default now()
);
alter table schema_migrations add column if not exists drivers_go_on boolean not null default false;

-- name: has_migrations
-- Whether any migration was ever applied.
select to_regclass('schema_migrations') is not null as found;

-- name: applied_migrations
-- The applied migrations in order.
select version, name, sha256 from schema_migrations order by version;

-- name: record_migration
-- Note that a migration was applied.
insert into schema_migrations (version, name, sha256, drivers_go_on)
values (%(version)s::integer, %(name)s::text, %(sha256)s::text, %(drivers_go_on)s::boolean);

-- name: newest_migration
-- The last migration with which drivers of the version before cannot go on.
select version, name from schema_migrations where not drivers_go_on order by version desc limit 1;

-- name: pgvector
-- The installed and the installable version of pgvector; null where there is none.
select (select extversion from pg_extension where extname = 'vector') as installed,
       (select default_version from pg_available_extensions where name = 'vector') as available;
