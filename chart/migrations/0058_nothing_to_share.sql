-- One kind shared with many clients: those of whom there was none to share, as they were asked for.
alter table bulk_share add nothing_of uuid[] not null default '{}';
