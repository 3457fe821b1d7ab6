-- Queries of migrate.py, which must run on an empty database.

-- name: lock_migrations
-- Let one migration run at a time; the lock ends with the transaction.
select pg_advisory_xact_lock(%(key)s::bigint);

-- name: take_time
-- A migration may take as long as it needs.
set local statement_timeout = 0;

-- name: create_migrations
-- Make the table of applied migrations.
create table if not exists schema_migrations (
    version         integer primary key check (version > 0),
    name            text not null,
    sha256          text not null,
    applied_at      timestamptz not null default now()
);

-- name: has_migrations
-- Whether any migration was ever applied.
select to_regclass('schema_migrations') is not null as found;

-- name: applied_migrations
-- The applied migrations in order.
select version, name, sha256 from schema_migrations order by version;

-- name: record_migration
-- Note that a migration was applied.
insert into schema_migrations (version, name, sha256)
values (%(version)s::integer, %(name)s::text, %(sha256)s::text);

-- name: pgvector
-- The installed and the installable version of pgvector; null where there is none.
select (select extversion from pg_extension where extname = 'vector') as installed,
       (select default_version from pg_available_extensions where name = 'vector') as available;
