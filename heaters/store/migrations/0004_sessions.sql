-- Sessions of people who signed in to the UI. The token itself is known to the browser alone.
create table sessions (
    token_hash      text primary key check (token_hash ~ '^[0-9a-f]{64}$'),
    name            text not null,
    mark            text not null,                              -- of the password they signed in with: changing it ends them
    created_at      timestamptz not null default now(),
    expires_at      timestamptz not null
);
create index sessions_expires on sessions (expires_at);
