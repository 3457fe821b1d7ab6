-- Which streams a file holds, which were taken, and why. Videos from before have none listed.
alter table videos add column streams jsonb not null default '[]' check (jsonb_typeof(streams) = 'array');
