-- Sample tracks beside review proxies: a video may be prepared without a proxy, and stills say where they come from. Videos of
-- before keep their proxies and the stills that were taken from these.
alter table videos add column sample_key text;
alter table videos add column is_playable boolean not null default false;
alter table videos drop constraint videos_check1;
alter table videos add constraint videos_prepared check (
    state < 'prepared' or (frame_count is not null and pts_key is not null and coalesce(sample_key, proxy_key) is not null));
create index videos_without_proxy on videos (id) where proxy_key is null and state >= 'prepared';

create type still_origin as enum ('proxy', 'sample', 'master');
alter table stills add column origin still_origin not null default 'proxy';
alter table stills add column frames integer[];
alter table stills add constraint stills_frames check (cardinality(frames) = cardinality(size_bytes));
alter table stills add constraint stills_origin check (origin = 'proxy' or frames is not null);

create or replace function tally_videos() returns trigger language plpgsql as $$
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
insert into tallies select 'proxies', count(*) from videos where proxy_key is not null having count(*) > 0;
