-- Sign-in that cannot be abused (SPEC A4): what has been tried, and which devices somebody signed in on before.

-- A budget that fills up again as time passes: it is spent until `spent_until`. Keys are hashes of what is tried by whom
-- from where. It is asked before it is known who calls, so it belongs to no practice and holds nothing of one.
create table throttle (
    key bytea primary key,
    spent_until timestamptz not null
);
create index throttle_over on throttle (spent_until);

-- A browser or app on which this person has signed in; strangers cannot use up what it may try.
create table device (
    token_sha256 bytea not null,
    practice_id uuid not null references practice,
    party text not null check (party ~ '^(staff|account):'),
    made_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    primary key (token_sha256, party)
);
create index device_of_party on device (party);
alter table device enable row level security;
create policy own_practice on device using (practice_id = current_practice());

create function is_known_device(token bytea, parties text[])
returns boolean language sql stable security definer set search_path = public as $$
    select exists (select from device where token_sha256 = token and party = any (parties))
$$;
revoke execute on function is_known_device from public;
grant execute on function is_known_device to share_to_sign_application;

grant select, insert, update, delete on throttle, device to share_to_sign_application;
