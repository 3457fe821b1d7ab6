-- Who is signed in, and what playing a video and drawing its stills needs.

-- name: begin_session
-- Somebody signed in.
insert into sessions (token_hash, name, mark, expires_at)
values (%(token_hash)s, %(name)s, %(mark)s, now() + %(seconds)s * interval '1 second');

-- name: session
-- Who signed in with a token, while it lasts.
select name, mark from sessions where token_hash = %(token_hash)s and expires_at > now();

-- name: end_session
-- Somebody signed out.
delete from sessions where token_hash = %(token_hash)s;

-- name: sweep_sessions
-- Sessions that ran out.
delete from sessions where expires_at < now();

-- name: video_pictures
-- What playing a video and showing its frames needs.
select id, content_hash, source_key, container, is_playable, proxy_key, sample_key, frame_count from videos where id = %(id)s;

-- name: clip_pictures
-- What pictures of a clip need.
select c.id, c.video_id, v.content_hash, v.proxy_key, v.sample_key, c.start_frame, c.end_frame
from clips c join videos v on v.id = c.video_id where c.id = %(id)s;

-- name: clip_file
-- What the key of a clip's latest file is made of: no profile where it has none.
select c.id, v.content_hash, c.start_frame, c.end_frame, e.profile, e.params
from clips c join videos v on v.id = c.video_id
left join lateral (
    select n.variant as profile, e.params from exports e join variants n on n.id = e.variant
    where e.clip_id = c.id order by e.created_at desc limit 1) e on true
where c.id = %(id)s;
