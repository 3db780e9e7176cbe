-- Charts that only their care team opens; whoever else must, breaks the glass for an hour, with a reason.
alter table client
    add restricted_at timestamptz,
    add restricted_by text,
    add restrict_reason text,
    add check (num_nonnulls(restricted_at, restricted_by, restrict_reason) in (0, 3));
create index client_restricted on client (practice_id) where restricted_at is not null;

create table care_team (
    practice_id uuid not null,
    client_id uuid not null,
    staff_id uuid not null,
    primary key (client_id, staff_id),
    foreign key (practice_id, client_id) references client (practice_id, id),
    foreign key (practice_id, staff_id) references staff (practice_id, id)
);

create table broken_glass (
    id uuid primary key default uuidv7(),
    practice_id uuid not null,
    client_id uuid not null,
    staff_id uuid not null,
    reason text not null,
    at timestamptz not null default now(),
    until timestamptz not null,
    foreign key (practice_id, client_id) references client (practice_id, id),
    foreign key (practice_id, staff_id) references staff (practice_id, id)
);
create index broken_glass_of_client on broken_glass (client_id, staff_id, until);

do $$
declare
    name text;
begin
    foreach name in array array['care_team', 'broken_glass'] loop
        execute format('alter table %I enable row level security', name);
        execute format(
            'create policy own_practice on %I using (practice_id = current_practice())', name);
    end loop;
end $$;
grant select, insert, delete on care_team to share_to_sign_application;
grant select, insert on broken_glass to share_to_sign_application;
grant update (restricted_at, restricted_by, restrict_reason) on client to share_to_sign_application;

-- Who acts in this transaction, `staff:<id>` or `key:<id>`; nobody while the service itself or a client does.
create function current_actor() returns text language sql stable as $$
    select nullif(current_setting('app.actor', true), '')
$$;

-- The charts that are closed to whoever of the practice acts. An API key is on no care team and breaks no glass.
create function closed_charts() returns table (client_id uuid) language sql stable as $$
    select c.id from client c
    where c.restricted_at is not null and current_actor() ~ '^(staff|key):'
    and not exists (
        select from care_team t where t.client_id = c.id and 'staff:' || t.staff_id = current_actor()
    )
    and not exists (
        select from broken_glass g
        where g.client_id = c.id and 'staff:' || g.staff_id = current_actor() and g.until > now()
    )
$$;

-- The second wall: what stands in a closed chart is not there, whatever the code asks for. The client's own row stays,
-- or nobody would find the chart whose glass is to be broken.
do $$
declare
    name text;
begin
    foreach name in array array[
        'document', 'signature_request', 'relationship', 'invitation', 'disclosure_consent'
    ] loop
        execute format(
            'create policy open_chart on %I as restrictive using (client_id not in (select * from closed_charts()))',
            name
        );
    end loop;
end $$;

-- Notices tell of charts too, and then administrators only.
alter table staff_notice
    alter column request_id drop not null,
    add column client_id uuid,
    add column actor text,
    add check (num_nonnulls(request_id, client_id) = 1),
    add foreign key (practice_id, client_id) references client (practice_id, id);
