-- Whom a source is fetched from: downloads of one host are few at a time and far apart. Files have none.
alter table videos add column host text not null generated always as
    (coalesce(lower(substring(source from '(?i)^https?://(?:[^/?#@]*@)?(\[[^]]*\]|[^/?#:]+)')), '')) stored;
