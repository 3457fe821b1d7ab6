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

-- name: video_proxy
-- What playing a video needs.
select id, content_hash, proxy_key, frame_count from videos where id = %(id)s;

-- name: clip_proxy
-- What stills of a clip need.
select c.id, c.video_id, v.content_hash, v.proxy_key, c.start_frame, c.end_frame, c.export_key
from clips c join videos v on v.id = c.video_id where c.id = %(id)s;
