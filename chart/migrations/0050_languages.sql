-- Staff has a language as portal accounts have: of pages, and of the mail about their account.

alter table staff add language text not null default 'en' check (language in ('en', 'es'));
grant update (language) on staff to share_to_sign_application;

create or replace view person with (security_invoker = true) as
select party, practice_id, email, name, password_hash, password_alone, language from staff
union all
select party, practice_id, email, name, password_hash, password_alone, language from portal_account;
