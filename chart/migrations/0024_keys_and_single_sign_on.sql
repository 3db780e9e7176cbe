-- API keys that their practice looks after, and staff who sign in through their own organisation (SPEC A2).
alter table api_key
    add made_by text,
    add last_used_at timestamptz;

-- Who somebody is at the OpenID provider; kept at the first sign-in, so that another owner of the address is nobody.
alter table staff
    add sign_on_issuer text,
    add sign_on_subject text,
    add check (num_nonnulls(sign_on_issuer, sign_on_subject) in (0, 2));
create unique index staff_sign_on on staff (sign_on_issuer, sign_on_subject);
grant update (sign_on_issuer, sign_on_subject) on staff to share_to_sign_application;

-- A sign-in that the provider is asked about; once, within minutes. It is of nobody yet.
create table sign_on (
    state_sha256 bytea primary key,
    nonce text not null,
    verifier text not null,
    following text not null,
    expires_at timestamptz not null
);
create index sign_on_over on sign_on (expires_at);
-- update, since rows that are over are deleted past those that somebody holds (skip locked)
grant select, insert, update, delete on sign_on to share_to_sign_application;

create function staff_by_subject(issuer text, subject text)
returns table (id uuid, practice_id uuid)
language sql stable security definer set search_path = public as $$
    select id, practice_id from staff where sign_on_issuer = issuer and sign_on_subject = subject
$$;
revoke execute on function staff_by_subject from public;
grant execute on function staff_by_subject to share_to_sign_application;
