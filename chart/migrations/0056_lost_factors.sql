-- A client who has lost every second factor: the mailed link without which no new one is set (SPEC A2, A3; as staff's in 0053).
alter table portal_account
    add enrol_sha256 bytea,
    add enrol_until timestamptz,
    add check (num_nonnulls(enrol_sha256, enrol_until) in (0, 2));
grant update (enrol_sha256, enrol_until) on portal_account to share_to_sign_application;

create or replace view person with (security_invoker = true) as
select party, practice_id, email, name, password_hash, password_alone, language, enrol_sha256, enrol_until from staff
union all
select party, practice_id, email, name, password_hash, password_alone, language, enrol_sha256, enrol_until
from portal_account;

-- As before; and such a link ends every session when it is made, and again when it is used or ended: also those half way.
drop trigger end_sessions on portal_account;
create trigger end_sessions after update on portal_account for each row
    when (old.password_hash <> new.password_hash or old.enrol_sha256 is distinct from new.enrol_sha256)
    execute function end_sessions();
