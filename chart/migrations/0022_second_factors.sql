-- Second factors (SPEC A2): authenticator apps, passkeys, recovery codes.

-- Secrets are encrypted with STS_ACCOUNT_KEYS: these rows alone make no code.
create table authenticator (
    party text primary key,
    practice_id uuid not null references practice,
    secret bytea,
    -- of the code that was used last: no code counts twice
    last_step bigint not null default 0,
    -- shown, and not proved yet that it stands in somebody's app
    offered bytea,
    made_at timestamptz
);

create table passkey (
    credential_id bytea primary key,
    practice_id uuid not null references practice,
    party text not null,
    name text not null,
    -- as the authenticator attests it: model, id and public key (WebAuthn 6.5.1)
    attested bytea not null,
    uses bigint not null,
    made_at timestamptz not null default now(),
    used_at timestamptz
);
create index passkey_of_party on passkey (party);

create table recovery_code (
    party text not null,
    practice_id uuid not null references practice,
    position int not null check (position between 0 and 9),
    code_hash text not null,
    used_at timestamptz,
    primary key (party, position)
);

do $$
declare
    name text;
begin
    foreach name in array array['authenticator', 'passkey', 'recovery_code'] loop
        execute format('alter table %I enable row level security', name);
        execute format(
            'create policy own_practice on %I using (practice_id = current_practice())', name);
    end loop;
end $$;

-- What a browser was asked to sign; once, within minutes. Of nobody yet where somebody signs in with a passkey alone.
create table passkey_challenge (
    challenge bytea primary key,
    -- for whom and what for
    purpose text not null,
    expires_at timestamptz not null
);
create index passkey_challenge_over on passkey_challenge (expires_at);

create function practice_of_passkey(credential bytea)
returns uuid language sql stable security definer set search_path = public as $$
    select practice_id from passkey where credential_id = credential
$$;
revoke execute on function practice_of_passkey from public;
grant execute on function practice_of_passkey to share_to_sign_application;

grant select, insert, update, delete on authenticator, passkey, recovery_code to share_to_sign_application;
-- update, since rows that are over are deleted past those that somebody holds (skip locked)
grant select, insert, update, delete on passkey_challenge to share_to_sign_application;
