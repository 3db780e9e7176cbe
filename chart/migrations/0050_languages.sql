-- Staff has a language as portal accounts have: of pages, and of the mail about their account. The consent to electronic
-- records exists in Spanish, and so does what the practice says about paper in it.

alter table staff add language text not null default 'en' check (language in ('en', 'es'));
grant update (language) on staff to share_to_sign_application;

create or replace view person with (security_invoker = true) as
select party, practice_id, email, name, password_hash, password_alone, language from staff
union all
select party, practice_id, email, name, password_hash, password_alone, language from portal_account;

alter table practice add paper_option_es text check (length(paper_option_es) between 1 and 500);
comment on column practice.paper_option_es is 'Null: our Spanish words if paper_option is ours, else paper_option.';
grant update (paper_option_es) on practice to share_to_sign_application;
