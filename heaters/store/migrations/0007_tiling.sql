-- The check of the tiling went through the whole video for every changed row: recording 4,000 cuts took 51 seconds, and
-- 9,000, as in ten hours of film, ran into the statement timeout.
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

create or replace function check_tiling() returns trigger language plpgsql as $$
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
