-- name: mark_cut
-- A video is as far as detection leaves it.
update videos set state = 'cut' where id = %(id)s;
