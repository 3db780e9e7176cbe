-- Appointments: the Calendar, from which a chart is opened too.
create table appointment (
    id uuid primary key default uuidv7(),
    practice_id uuid not null,
    client_id uuid not null,
    staff_id uuid not null,
    starts_at timestamptz not null,
    minutes int not null check (minutes between 5 and 720),
    kind text not null check (kind in ('intake', 'individual', 'family', 'group', 'medication', 'other')),
    created_at timestamptz not null default now(),
    created_by text not null,
    cancelled_at timestamptz,
    cancelled_by text,
    check (num_nonnulls(cancelled_at, cancelled_by) in (0, 2)),
    foreign key (practice_id, client_id) references client (practice_id, id),
    foreign key (practice_id, staff_id) references staff (practice_id, id)
);
-- made twice it is one, whoever sends it again
create unique index appointment_once on appointment (client_id, staff_id, starts_at) where cancelled_at is null;
create index appointment_by_time on appointment (practice_id, starts_at) where cancelled_at is null;

alter table appointment enable row level security;
create policy own_practice on appointment using (practice_id = current_practice());
-- that somebody comes at all is a part of the chart (migration 0032)
create policy open_chart on appointment as restrictive using (client_id not in (select * from closed_charts()));

grant select, insert on appointment to share_to_sign_application;
grant update (cancelled_at, cancelled_by) on appointment to share_to_sign_application;
