-- The whole life of a request: several signers, every ending, reminders, versions that replace one another.

-- One line for each signature that a request asks for. account_id and staff_id are both null while it waits for
-- somebody to register for the client.
create table signer (
    request_id uuid not null,
    practice_id uuid not null,
    position int not null,
    account_id uuid,
    staff_id uuid,
    state text not null default 'waiting' check (state in ('waiting', 'signed', 'declined')),
    viewed_at timestamptz,
    answered_at timestamptz,
    reason text,
    primary key (request_id, position),
    unique (request_id, account_id),
    unique (request_id, staff_id),
    check (num_nonnulls(account_id, staff_id) <= 1),
    foreign key (practice_id, request_id) references signature_request (practice_id, id),
    foreign key (practice_id, account_id) references portal_account (practice_id, id),
    foreign key (practice_id, staff_id) references staff (practice_id, id)
);
create index signer_of_account on signer (account_id);
create index signer_of_staff on signer (staff_id);

insert into signer (request_id, practice_id, position, account_id, state, viewed_at, answered_at)
select id, practice_id, 0, account_id, case state when 'signed' then 'signed' else 'waiting' end, viewed_at, signed_at
from signature_request;

alter table signature_request
    drop column account_id,
    drop column viewed_at,
    add column in_order boolean not null default false,
    add column on_decline text not null default 'ends' check (on_decline in ('ends', 'continues')),
    add column attention_skippable boolean not null default false,
    add column reminders timestamptz[] not null default '{}',
    add column reminder_days int[] not null default '{}',
    add column reminded_at timestamptz,
    add column delivered_at timestamptz,
    add column ended_by text,
    add column end_reason text,
    add column correction boolean not null default false,
    -- of unable to obtain and signed on paper: attempts and dates, as staff has recorded them
    add column record jsonb;

update signature_request set state = 'pending' where state = 'needs_attention';
update signature_request q set delivered_at = q.created_at, reminder_days = p.reminder_days
from practice p where p.id = q.practice_id;
alter table signature_request add check (state in (
    'awaiting_registration', 'pending', 'sealing', 'signed', 'declined', 'recalled', 'expired', 'replaced',
    'unable_to_obtain', 'signed_on_paper'
));

-- the engine allows one open request per document; these say the same of the chart, and that signed stays signed
drop index request_alive;
create unique index request_open on signature_request (document_id) where ended_at is null;
create unique index request_signed on signature_request (version_id) where state in ('signed', 'signed_on_paper');
create index request_of_client on signature_request (client_id) where ended_at is null;
create index request_queue on signature_request (practice_id, created_at) where ended_at is null;

alter table version
    add column reason text,
    add column added_by text;
comment on column version.reason is 'Why a new version was made; a correction of a signed one needs it.';

-- Taking a plain share back needs a reason (45 CFR 171: no information blocking); a signed copy is never taken away.
alter table share
    add column hidden_at timestamptz,
    add column hidden_by text,
    add column hide_reason text;

-- What a message is about; each signer has one of a kind for each request.
alter table message
    add column about text not null default 'record_request'
        check (about in ('record_request', 'recalled', 'replaced'));
alter table message drop constraint message_request_id_key;
alter table message add unique (request_id, account_id, about);

-- What became of each email: one line for each message and occasion (the first mail, a reminder, …).
create table mail (
    practice_id uuid not null,
    message_id uuid not null,
    occasion text not null,
    state text not null check (state in ('sent', 'refused', 'delayed', 'failed')),
    at timestamptz not null default now(),
    primary key (message_id, occasion),
    foreign key (practice_id, message_id) references message (practice_id, id)
);
insert into mail (practice_id, message_id, occasion, state, at)
select n.practice_id, m.id, 'first', n.state, n.at from notice n join message m on m.request_id = n.request_id;
drop table notice;

-- The same of the email with an invitation.
alter table invitation add column mail text check (mail in ('sent', 'refused', 'delayed', 'failed'));

do $$
declare
    name text;
begin
    foreach name in array array['signer', 'mail'] loop
        execute format('alter table %I enable row level security', name);
        execute format(
            'create policy own_practice on %I using (practice_id = current_practice())', name);
    end loop;
end $$;

grant select, insert, update on signer, mail to share_to_sign_application;
grant update (
    state, attention, attention_skippable, signed_at, ended_at, expires_at, reminders, reminder_days, reminded_at,
    ended_by, end_reason, correction, record, delivered_at
) on signature_request to share_to_sign_application;
grant update (hidden_at, hidden_by, hide_reason, shared_by, created_at) on share to share_to_sign_application;
grant update (timezone, request_days, reminder_days, majority_age, language) on practice to share_to_sign_application;
grant update (language) on portal_account to share_to_sign_application;

create index audit_of_request on audit (request_id, number) where request_id is not null;
