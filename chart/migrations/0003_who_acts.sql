-- Who acts for a client, from when until when, and what is kept from one account (SPEC G8); when reminders go out (G9).

-- The day on the practice's wall calendar: relationships begin and end by it, not by the server's.
create function practice_today() returns date language sql stable as $$
    select (now() at time zone timezone)::date from practice where id = current_practice()
$$;

create function reminder_days_fit(days int[]) returns boolean language sql immutable as $$
    select cardinality(days) <= 10 and array_position(days, null) is null and 1 <= all (days) and 365 >= all (days)
    and days = array(select distinct day from unnest(days) day order by day)
$$;

alter table practice
    add reminder_days int[] not null default '{3,7,14}' check (reminder_days_fit(reminder_days)),
    add majority_age int not null default 18 check (majority_age between 16 and 25),
    add language text not null default 'en' check (language in ('en', 'es'));

-- a zone that Postgres does not know raises an error in the check, which is a refusal too
alter table client add timezone text
    check (timezone is null or timestamptz 'epoch' at time zone timezone is not null);
alter table portal_account add language text not null default 'en' check (language in ('en', 'es'));

-- Until now the relationship was free text in the API, and one of five labels on the page.
create function relationship_kind(typed text) returns text language sql immutable as $$
    select case translate(lower(btrim(typed)), ' -', '__')
        when 'self' then 'self' when 'client' then 'self' when 'patient' then 'self'
        when 'parent' then 'parent' when 'mother' then 'parent' when 'father' then 'parent'
        when 'legal_guardian' then 'legal_guardian' when 'guardian' then 'legal_guardian'
        when 'partner' then 'partner' when 'spouse' then 'partner' when 'wife' then 'partner'
        when 'husband' then 'partner'
        when 'personal_representative' then 'personal_representative'
        else 'other'
    end
$$;
update relationship set kind = relationship_kind(kind);
update invitation set relationship = relationship_kind(relationship);
drop function relationship_kind;

alter table relationship
    add ended_by text,
    add end_reason text,
    add constraint relationship_kind check (
        kind in ('self', 'parent', 'legal_guardian', 'partner', 'personal_representative', 'other')
    ),
    add check (num_nonnulls(ended_by, end_reason) in (0, 2));
alter table invitation add constraint invitation_relationship check (
    relationship in ('self', 'parent', 'legal_guardian', 'partner', 'personal_representative', 'other')
);

-- Started, not ended, and as a parent or legal guardian not after majority. Somebody born on 29 February comes of age
-- on 28 February of a common year: in doubt a day early, because what was shown cannot be taken back.
-- chart/relationship.py says the same in Python; a test holds the two together.
create function relationship_holds(
    kind text, starts_on date, ends_on date, birth_date date, majority_age int, day date
) returns boolean language sql immutable as $$
    select day >= starts_on and (ends_on is null or day < ends_on) and (
        kind not in ('parent', 'legal_guardian') or day < (birth_date + make_interval(years => majority_age))::date
    )
$$;

-- Who acts for whom today. With the rights of whoever asks, so that row-level security holds here too.
-- The practice's day is spelled out, not practice_today(): so the planner takes the rule apart instead of calling it
-- for every row.
create view acting with (security_invoker = true) as
select r.practice_id, r.account_id, r.client_id, r.kind
from relationship r
join client c on c.id = r.client_id
join practice p on p.id = r.practice_id
where relationship_holds(
    r.kind, r.starts_on, r.ends_on, c.birth_date, p.majority_age, (now() at time zone p.timezone)::date
);

-- One document kept from one account, whatever its relationship.
create table document_block (
    practice_id uuid not null,
    document_id uuid not null,
    account_id uuid not null,
    blocked_by text not null,
    reason text not null,
    created_at timestamptz not null default now(),
    primary key (document_id, account_id),
    foreign key (practice_id, document_id) references document (practice_id, id),
    foreign key (practice_id, account_id) references portal_account (practice_id, id)
);
alter table document_block enable row level security;
create policy own_practice on document_block using (practice_id = current_practice());

grant select on acting to share_to_sign_application;
grant select, insert, delete on document_block to share_to_sign_application;
grant update (timezone) on client to share_to_sign_application;
