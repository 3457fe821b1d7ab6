-- How a file's colours are read and how the lines of its frames belong together; what was done to its pictures before anybody saw
-- them; what became of HDR and fields in an exported file. Videos and files from before were left as they are coded, which is ''.
alter table videos add column colour text not null default '',
                   add column fields text not null default '',
                   add column treatment text not null default '';
alter table exports add column done text not null default '';
