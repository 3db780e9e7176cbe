-- The chart, and who may look at it. Every row belongs to one practice; row-level security keyed by the
-- setting app.practice (set for each transaction) is the second wall behind the checks in code.

create table practice (
    id uuid primary key default uuidv7(),
    name text not null,
    timezone text not null,
    request_days int not null default 60 check (request_days between 1 and 365),
    created_at timestamptz not null default now()
);

create table staff (
    id uuid primary key default uuidv7(),
    practice_id uuid not null references practice,
    email text not null,
    name text not null,
    role text not null check (role in ('provider', 'supervisor', 'admin', 'auditor')),
    password_hash text not null,
    created_at timestamptz not null default now(),
    unique (practice_id, id)
);
create unique index staff_email on staff (practice_id, lower(email));
create index staff_sign_in on staff (lower(email));

create table client (
    id uuid primary key default uuidv7(),
    practice_id uuid not null references practice,
    given_name text not null,
    family_name text not null,
    birth_date date not null,
    external_id text,
    created_at timestamptz not null default now(),
    unique (practice_id, id),
    unique (practice_id, external_id)
);
create index client_by_name on client (practice_id, lower(family_name), lower(given_name), id);

create table portal_account (
    id uuid primary key default uuidv7(),
    practice_id uuid not null references practice,
    email text not null,
    name text not null,
    password_hash text not null,
    created_at timestamptz not null default now(),
    unique (practice_id, id)
);
create unique index portal_account_email on portal_account (practice_id, lower(email));
create index portal_account_sign_in on portal_account (lower(email));

create table relationship (
    practice_id uuid not null,
    account_id uuid not null,
    client_id uuid not null,
    kind text not null,
    starts_on date not null default current_date,
    ends_on date,
    primary key (account_id, client_id),
    foreign key (practice_id, account_id) references portal_account (practice_id, id),
    foreign key (practice_id, client_id) references client (practice_id, id)
);
create index relationship_of_client on relationship (client_id);

create table invitation (
    id uuid primary key default uuidv7(),
    practice_id uuid not null,
    client_id uuid not null,
    email text not null,
    name text not null,
    relationship text not null,
    token_sha256 bytea not null unique,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz,
    revoked_at timestamptz,
    foreign key (practice_id, client_id) references client (practice_id, id)
);
create index invitation_of_client on invitation (client_id);

create table session (
    token_sha256 bytea primary key,
    practice_id uuid not null references practice,
    staff_id uuid,
    account_id uuid,
    created_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    authenticated_at timestamptz not null default now(),
    foreign key (practice_id, staff_id) references staff (practice_id, id),
    foreign key (practice_id, account_id) references portal_account (practice_id, id),
    check (num_nonnulls(staff_id, account_id) = 1)
);

create table api_key (
    id uuid primary key default uuidv7(),
    practice_id uuid not null references practice,
    name text not null,
    key_sha256 bytea not null unique,
    scopes text[] not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz
);

create table document (
    id uuid primary key default uuidv7(),
    practice_id uuid not null,
    client_id uuid not null,
    kind text not null check (kind in (
        'clinical_note', 'treatment_plan', 'chemical_dependency_treatment_plan', 'document', 'psychotherapy_note'
    )),
    note_name text check ((kind = 'clinical_note') = (note_name is not null)),
    service_on date not null,
    created_at timestamptz not null default now(),
    unique (practice_id, id),
    foreign key (practice_id, client_id) references client (practice_id, id)
);
create index document_of_client on document (client_id, created_at);

-- Immutable bytes, named by hash; a signed copy is a version too.
create table version (
    id uuid primary key default uuidv7(),
    practice_id uuid not null,
    document_id uuid not null,
    number int not null,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    upload_sha256 text check (upload_sha256 ~ '^[0-9a-f]{64}$'),
    size bigint not null,
    pages int not null,
    signed_by_request uuid unique,
    created_at timestamptz not null default now(),
    unique (practice_id, id),
    unique (document_id, number),
    foreign key (practice_id, document_id) references document (practice_id, id)
);

create table share (
    id uuid primary key default uuidv7(),
    practice_id uuid not null,
    version_id uuid not null unique,
    shared_by text not null,
    created_at timestamptz not null default now(),
    foreign key (practice_id, version_id) references version (practice_id, id)
);

-- id is the run id of the workflow's first run: whoever starts the workflow and the workflow itself both know it.
create table signature_request (
    id uuid primary key,
    practice_id uuid not null,
    client_id uuid not null,
    document_id uuid not null,
    version_id uuid not null,
    account_id uuid not null,
    requested_by text not null,
    state text not null,
    attention text,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    viewed_at timestamptz,
    signed_at timestamptz,
    ended_at timestamptz,
    unique (practice_id, id),
    foreign key (practice_id, client_id) references client (practice_id, id),
    foreign key (practice_id, document_id) references document (practice_id, id),
    foreign key (practice_id, version_id) references version (practice_id, id),
    foreign key (practice_id, account_id) references portal_account (practice_id, id)
);
-- the engine allows one open request per document; this says the same of the chart, and that signed stays signed
create unique index request_alive on signature_request (version_id) where state <> 'expired';
create index request_of_document on signature_request (document_id, created_at);

alter table version add foreign key (practice_id, signed_by_request) references signature_request (practice_id, id);

create table message (
    id uuid primary key default uuidv7(),
    practice_id uuid not null,
    account_id uuid not null,
    request_id uuid not null unique,
    created_at timestamptz not null default now(),
    read_at timestamptz,
    unique (practice_id, id),
    foreign key (practice_id, account_id) references portal_account (practice_id, id),
    foreign key (practice_id, request_id) references signature_request (practice_id, id)
);
create index message_of_account on message (account_id, created_at desc);

-- What became of the mail that tells the client of a message.
create table notice (
    request_id uuid primary key,
    practice_id uuid not null,
    state text not null check (state in ('sent', 'refused')),
    at timestamptz not null default now(),
    foreign key (practice_id, request_id) references signature_request (practice_id, id)
);

create table staff_notice (
    id uuid primary key default uuidv7(),
    practice_id uuid not null,
    request_id uuid not null,
    about text not null,
    created_at timestamptz not null default now(),
    read_at timestamptz,
    unique (request_id, about),
    foreign key (practice_id, request_id) references signature_request (practice_id, id)
);

-- 15 USC 7001(c): consent to electronic records, to one version of its text, withdrawable
create table consent (
    practice_id uuid not null,
    account_id uuid not null,
    text_version text not null,
    given_at timestamptz not null default now(),
    withdrawn_at timestamptz,
    primary key (account_id, text_version, given_at),
    foreign key (practice_id, account_id) references portal_account (practice_id, id)
);

-- 45 CFR 164.312(b). Append-only, hash-chained for each chart (what belongs to no chart is chained under the practice's id).
create table audit (
    practice_id uuid not null references practice,
    chart_id uuid not null,
    number bigint not null,
    at timestamptz not null,
    actor text not null,
    action text not null,
    document_id uuid,
    request_id uuid,
    detail jsonb not null,
    previous bytea not null,
    hash bytea not null,
    primary key (chart_id, number)
);

create function audit_chain() returns trigger language plpgsql as $$
declare
    last record;
begin
    -- one writer at a time for each chain; released with the transaction
    perform pg_advisory_xact_lock(hashtextextended(new.chart_id::text, 0));
    select number, hash into last from audit where chart_id = new.chart_id order by number desc limit 1;
    new.number := coalesce(last.number, 0) + 1;
    new.previous := coalesce(last.hash, '\x'::bytea);
    new.at := clock_timestamp();
    new.hash := audit_hash(new);
    return new;
end $$;

-- jsonb prints its keys in one order, so this text is the same whenever it is computed again
create function audit_hash(entry audit) returns bytea language sql stable as $$
    select sha256(entry.previous || convert_to(jsonb_build_object(
        'practice', entry.practice_id, 'chart', entry.chart_id, 'number', entry.number,
        'at', to_char(entry.at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'actor', entry.actor,
        'action', entry.action, 'document', entry.document_id, 'request', entry.request_id, 'detail', entry.detail
    )::text, 'utf8'))
$$;

create trigger audit_chain before insert on audit for each row execute function audit_chain();

create function current_practice() returns uuid language sql stable as $$
    select nullif(current_setting('app.practice', true), '')::uuid
$$;

do $$
declare
    name text;
begin
    foreach name in array array[
        'staff', 'client', 'portal_account', 'relationship', 'invitation', 'session', 'api_key', 'document',
        'version', 'share', 'signature_request', 'message', 'notice', 'staff_notice', 'consent', 'audit'
    ] loop
        execute format('alter table %I enable row level security', name);
        execute format(
            'create policy own_practice on %I using (practice_id = current_practice())', name);
    end loop;
end $$;
alter table practice enable row level security;
create policy own_practice on practice using (id = current_practice());

grant usage on schema public to share_to_sign_application;
-- only what the code does: what is not granted cannot happen, by mistake or otherwise
grant select on practice to share_to_sign_application;
grant select, insert on
    staff, client, portal_account, document, version, share, signature_request, notice, audit
    to share_to_sign_application;
grant select, insert, update on
    relationship, invitation, session, api_key, message, staff_notice, consent to share_to_sign_application;
grant update (state, attention, viewed_at, signed_at, ended_at) on signature_request to share_to_sign_application;
grant delete on session to share_to_sign_application;

-- Before it is known who calls, no practice is set and row-level security shows nothing. These functions, run with
-- their owner's rights, answer the few questions of that moment and no others.

create function staff_by_email(address text)
returns table (id uuid, practice_id uuid, password_hash text)
language sql stable security definer set search_path = public as $$
    select id, practice_id, password_hash from staff where lower(email) = lower(address) order by id
$$;

create function account_by_email(address text)
returns table (id uuid, practice_id uuid, password_hash text)
language sql stable security definer set search_path = public as $$
    select id, practice_id, password_hash from portal_account where lower(email) = lower(address) order by id
$$;

create function practice_of_session(token bytea)
returns uuid language sql stable security definer set search_path = public as $$
    select practice_id from session where token_sha256 = token
$$;

create function practice_of_api_key(key bytea)
returns uuid language sql stable security definer set search_path = public as $$
    select practice_id from api_key where key_sha256 = key
$$;

create function practice_of_invitation(token bytea)
returns uuid language sql stable security definer set search_path = public as $$
    select practice_id from invitation where token_sha256 = token
$$;

revoke execute on function
    staff_by_email, account_by_email, practice_of_session, practice_of_api_key, practice_of_invitation from public;
grant execute on function
    staff_by_email, account_by_email, practice_of_session, practice_of_api_key, practice_of_invitation
    to share_to_sign_application;
