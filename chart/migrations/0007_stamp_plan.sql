-- Where the stamp of a version has room, and which way it can be signed: found when its pages were looked at, at upload.
alter table version add column stamp_plan jsonb;
comment on column version.stamp_plan is 'Of versions from before this column, and of signed copies: null.';
