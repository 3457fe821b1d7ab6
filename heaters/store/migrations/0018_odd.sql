-- The timecode of a file's first frame and the rate that it counts; the holes of its time that are closed; why a video is partial, and how many of its frames were made up by
-- the decoder or could not be decoded. Videos from before have none of it: their cut lists begin at 0 as they did.
alter table videos add column timecode text not null default '',
                   add column timecode_rate text not null default '',
                   add column holes jsonb not null default '[]' check (jsonb_typeof(holes) = 'array'),
                   add column partial_reason text not null default '',
                   add column concealed integer not null default 0 check (concealed >= 0);
