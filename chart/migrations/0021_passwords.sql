-- Passwords that are changed and reset, and sign-ins that are half done (SPEC A1, A3, A4).

-- As the audit log names somebody, so that what concerns staff and clients alike is one statement.
alter table staff
    add party text generated always as ('staff:' || id::text) stored unique,
    -- whether the password is long enough to be the only factor
    add password_alone boolean not null default true;
alter table portal_account
    add party text generated always as ('account:' || id::text) stored unique,
    add password_alone boolean not null default true;
alter table session
    add party text generated always as (coalesce('staff:' || staff_id::text, 'account:' || account_id::text)) stored,
    -- what stands between a right password, or a right link, and a session
    add awaits text check (awaits in ('factor', 'enrolment', 'factor for reset', 'new password'));
create index session_of_party on session (party);

-- Everybody who signs in. With the rights of whoever asks, so that row-level security holds here too.
create view person with (security_invoker = true) as
select party, practice_id, email, name, password_hash, password_alone, 'en' as language from staff
union all
select party, practice_id, email, name, password_hash, password_alone, language from portal_account;

grant select on person to share_to_sign_application;
grant update (password_hash, password_alone) on staff, portal_account to share_to_sign_application;

-- Another password or role ends every session, whoever changes it and however (SPEC A3).
create function end_sessions() returns trigger language plpgsql as $$
begin
    delete from session where party = new.party;
    return null;
end $$;
create trigger end_sessions after update on staff for each row
    when (old.password_hash <> new.password_hash or old.role <> new.role) execute function end_sessions();
create trigger end_sessions after update on portal_account for each row
    when (old.password_hash <> new.password_hash) execute function end_sessions();

-- A single-use link to a new password.
create table password_reset (
    token_sha256 bytea primary key,
    practice_id uuid not null references practice,
    party text not null,
    made_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz
);
create index password_reset_of_party on password_reset (party);
alter table password_reset enable row level security;
create policy own_practice on password_reset using (practice_id = current_practice());
grant select, insert, update on password_reset to share_to_sign_application;

create function practice_of_reset(token bytea)
returns uuid language sql stable security definer set search_path = public as $$
    select practice_id from password_reset where token_sha256 = token
$$;

-- Whoever holds a session's token may end it, also from a browser in which somebody of another practice signs in now.
create function end_session(token bytea)
returns void language sql security definer set search_path = public as $$
    delete from session where token_sha256 = token
$$;

revoke execute on function practice_of_reset, end_session from public;
grant execute on function practice_of_reset, end_session to share_to_sign_application;
