-- Clips are exported by copying their master's packets. What the profile `source` wrote is what `encode` writes: such files stay, and
-- count for whoever sets HEATERS_EXPORT=encode; the names of the objects stay too (core/keys.py). Until now only the profile `proxy`
-- copied, and it copied all frames.
update variants set variant = 'encode' where stage = 'export' and variant = 'source';
alter table exports add column copied integer not null default 0 check (copied >= 0),
                    add column rule text not null default '';
update exports set copied = frames where variant in (select id from variants where stage = 'export' and variant = 'proxy');
