-- Many documents shared at once (SPEC S10): one line for each, with what became of it.
create table bulk_share (
    id uuid primary key,
    practice_id uuid not null references practice,
    act text not null check (act in ('share', 'share_to_sign')),
    requested_by text not null,
    created_at timestamptz not null default now(),
    unique (practice_id, id)
);

create table bulk_item (
    bulk_id uuid not null,
    practice_id uuid not null,
    position int not null,
    document_id uuid not null,
    outcome text not null default 'waiting' check (outcome in ('waiting', 'shared', 'asked', 'parked', 'refused')),
    reason text,
    request_id uuid,
    primary key (bulk_id, position),
    foreign key (practice_id, bulk_id) references bulk_share (practice_id, id)
);

do $$
declare
    name text;
begin
    foreach name in array array['bulk_share', 'bulk_item'] loop
        execute format('alter table %I enable row level security', name);
        execute format(
            'create policy own_practice on %I using (practice_id = current_practice())', name);
    end loop;
end $$;

grant select, insert on bulk_share, bulk_item to share_to_sign_application;
grant update (outcome, reason, request_id) on bulk_item to share_to_sign_application;
