-- Staff that administrators look after, and what clients prefer.
alter table staff
    add signed_in_at timestamptz,
    add ended_at timestamptz,
    add ended_by text,
    add end_reason text,
    -- after every second factor was taken away: the mailed link without which no new one is added
    add enrol_sha256 bytea,
    add enrol_until timestamptz,
    add check (num_nonnulls(ended_at, ended_by, end_reason) in (0, 3)),
    add check (num_nonnulls(enrol_sha256, enrol_until) in (0, 2));
update staff s set signed_in_at = (
    select max(at) from audit a where a.practice_id = s.practice_id and a.actor = s.party and a.action = 'signed in'
);
grant update (role, signed_in_at, ended_at, ended_by, end_reason, enrol_sha256, enrol_until) on staff
    to share_to_sign_application;

-- Whoever has left is found by no sign-in.
create or replace function staff_by_email(address text)
returns table (id uuid, practice_id uuid, password_hash text)
language sql stable security definer set search_path = public as $$
    select id, practice_id, password_hash from staff
    where lower(email) = lower(address) and ended_at is null order by id
$$;
create or replace function staff_by_subject(issuer text, subject text)
returns table (id uuid, practice_id uuid)
language sql stable security definer set search_path = public as $$
    select id, practice_id from staff
    where sign_on_issuer = issuer and sign_on_subject = subject and ended_at is null
$$;

-- As before, and the end of somebody's access, or of their second factors, ends every session too (SPEC A3).
drop trigger end_sessions on staff;
create trigger end_sessions after update on staff for each row
    when (
        old.password_hash <> new.password_hash or old.role <> new.role
        or old.ended_at is distinct from new.ended_at
        or (new.enrol_sha256 is not null and new.enrol_sha256 is distinct from old.enrol_sha256)
    )
    execute function end_sessions();

alter table session drop constraint session_awaits_check;
alter table session add constraint session_awaits_check
    check (awaits in ('factor', 'enrolment', 'link', 'factor for reset', 'new password'));

-- The charts that somebody opened last, for the Chart Room.
create index audit_of_charts on audit (actor, at desc) where action = 'viewed chart';

-- Reminders are a courtesy: who does not want the emails, where the practice lets them choose. The request itself stays.
alter table practice add reminders_optional bool not null default true;
grant update (reminders_optional) on practice to share_to_sign_application;
alter table portal_account add reminders bool not null default true;
grant update (reminders) on portal_account to share_to_sign_application;
