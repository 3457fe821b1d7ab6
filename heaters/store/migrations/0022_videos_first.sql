-- alone: videos whose work comes first.
create index concurrently if not exists videos_first on videos (priority, id) where priority > 0;
