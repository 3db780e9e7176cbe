-- What the law asks of sharing: psychotherapy notes stay apart, substance use disorder records go to others under a
-- consent only, records are electronic by consent, and what is withheld is withheld for a reason of the regulation.

-- 45 CFR 164.508(a)(2): no way into the portal, whatever code tries it.
create function is_kept_apart() returns trigger language plpgsql as $$
begin
    if exists (
        select from document d join version v on v.document_id = d.id
        where v.id = new.version_id and d.kind = 'psychotherapy_note'
    ) then
        raise check_violation using message = 'psychotherapy notes are never shared';
    end if;
    return new;
end $$;
create trigger is_kept_apart before insert or update on share for each row execute function is_kept_apart();
create trigger is_kept_apart before insert or update on signature_request
    for each row execute function is_kept_apart();

-- 42 CFR 2.31: the client's consent that a substance use disorder record goes to one recipient.
create table disclosure_consent (
    id uuid primary key default uuidv7(),
    practice_id uuid not null,
    client_id uuid not null,
    account_id uuid,
    recipient text check (length(recipient) between 1 and 200),
    document_id uuid,
    what text not null,
    purpose text not null,
    starts_on date not null,
    ends_on date,
    ends_when text,
    signed_on date not null,
    signed_how text not null check (signed_how in ('on_paper', 'electronically')),
    recorded_by text not null,
    created_at timestamptz not null default now(),
    revoked_at timestamptz,
    revoked_by text,
    revoke_reason text,
    check (num_nonnulls(account_id, recipient) = 1),
    check (num_nonnulls(ends_on, ends_when) > 0),
    check (ends_on > starts_on),
    check (num_nonnulls(revoked_at, revoked_by, revoke_reason) in (0, 3)),
    foreign key (practice_id, client_id) references client (practice_id, id),
    foreign key (practice_id, account_id) references portal_account (practice_id, id),
    foreign key (practice_id, document_id) references document (practice_id, id)
);
comment on column disclosure_consent.account_id is 'Either an account of the portal or a recipient outside of it.';
comment on column disclosure_consent.document_id is 'Null: every chemical dependency treatment plan of the chart.';
comment on column disclosure_consent.ends_on is 'The first day on which it no longer holds.';
create index disclosure_consent_of_client on disclosure_consent (client_id);
alter table disclosure_consent enable row level security;
create policy own_practice on disclosure_consent using (practice_id = current_practice());
grant select, insert on disclosure_consent to share_to_sign_application;
grant update (revoked_at, revoked_by, revoke_reason) on disclosure_consent to share_to_sign_application;

-- Those that hold today. With the rights of whoever asks, so that row-level security holds here too.
create view consented with (security_invoker = true) as
select c.* from disclosure_consent c join practice p on p.id = c.practice_id
where c.revoked_at is null and (now() at time zone p.timezone)::date >= c.starts_on
and (c.ends_on is null or (now() at time zone p.timezone)::date < c.ends_on);

-- Which documents may go to whom today: the account acts for the client, and the law lets it. `consent_id` is the
-- consent without which it might not.
create view reaches with (security_invoker = true) as
select a.practice_id, a.account_id, a.client_id, a.kind, d.id as document_id, c.id as consent_id
from acting a
join document d on d.client_id = a.client_id
left join lateral (
    select id from consented
    where consented.client_id = d.client_id and consented.account_id = a.account_id
    and (consented.document_id is null or consented.document_id = d.id)
    order by id limit 1
) c on d.kind = 'chemical_dependency_treatment_plan' and a.kind <> 'self'
where d.kind <> 'psychotherapy_note'
and (d.kind <> 'chemical_dependency_treatment_plan' or a.kind = 'self' or c.id is not null);

grant select on consented, reaches to share_to_sign_application;

-- 15 USC 7001(c): the words that were agreed to stay readable; two consents at once are one.
create table consent_text (
    practice_id uuid not null references practice,
    version text not null,
    text text not null,
    created_at timestamptz not null default now(),
    primary key (practice_id, version)
);
alter table consent_text enable row level security;
create policy own_practice on consent_text using (practice_id = current_practice());
grant select, insert on consent_text to share_to_sign_application;

update consent later set withdrawn_at = later.given_at
from consent first
where first.account_id = later.account_id and first.text_version = later.text_version
and first.given_at < later.given_at and first.withdrawn_at is null and later.withdrawn_at is null;
create unique index consent_given on consent (account_id, text_version) where withdrawn_at is null;

alter table practice add paper_option text not null default
    'Ask the practice for a paper copy, or to sign on paper instead; both cost you nothing.'
    check (length(paper_option) between 1 and 500);
grant update (paper_option) on practice to share_to_sign_application;

-- 45 CFR 171 subpart B: the exception under which a document was taken out of the portal. None for what a new version
-- has replaced, and for what was taken out before this was asked for.
alter table share add column hide_exception text check (hide_exception in (
    'preventing_harm', 'privacy', 'security', 'infeasibility', 'health_it_performance', 'protecting_care_access'
));
grant update (hide_exception) on share to share_to_sign_application;
