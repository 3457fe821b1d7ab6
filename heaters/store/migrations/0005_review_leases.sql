-- What several reviewers at once need: a place for clips put off, and indexes for the queue, the leases and undo.

alter table clips add column review_deferred_at timestamptz;

create index clips_pending on clips (video_id, start_frame) where state = 'pending_review' and retired_at is null;
create index clips_put_off on clips (review_deferred_at) where review_deferred_at is not null and state = 'pending_review' and retired_at is null;
create index clips_in_hand on clips (review_lease_expires_at) where review_lease_expires_at is not null and state = 'pending_review';
create unique index review_events_undoes on review_events (undoes) where undoes is not null;

drop trigger clips_tile_the_video on clips;
create constraint trigger clips_tile_the_video after insert or delete
    on clips deferrable initially deferred for each row execute function check_tiling();
-- A decision changes no frames: most acts of review need no look at the whole video.
create constraint trigger changed_clips_tile_the_video after update on clips deferrable initially deferred for each row
    when ((old.start_frame, old.end_frame, old.retired_at, old.video_id)
          is distinct from (new.start_frame, new.end_frame, new.retired_at, new.video_id))
    execute function check_tiling();
