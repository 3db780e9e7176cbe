-- Time stamps of an authority behind signed versions (SPEC D3): the bytes that carry one, or why it is not there yet.
-- A line for each signed version that was time-stamped, or whose first tries have failed. The version itself stays.
create table time_stamp (
    version_id uuid primary key,
    practice_id uuid not null,
    waits_because text,
    sha256 text check (sha256 ~ '^[0-9a-f]{64}$'),
    size bigint,
    at timestamptz,
    authority text,
    created_at timestamptz not null default now(),
    check (num_nulls(sha256, size, at, authority) in (0, 4)),
    check (sha256 is null or waits_because is null),
    foreign key (practice_id, version_id) references version (practice_id, id)
);
comment on column time_stamp.at is 'By the authority''s clock.';
alter table time_stamp enable row level security;
create policy own_practice on time_stamp using (practice_id = current_practice());
grant select, insert on time_stamp to share_to_sign_application;
grant update (waits_because, sha256, size, at, authority) on time_stamp to share_to_sign_application;

-- What everybody is given of a signed version: its newest bytes. With the rights of whoever asks, as in `acting`.
create view signed_copy with (security_invoker = true) as
select v.id, v.practice_id, v.signed_by_request, coalesce(t.sha256, v.sha256) as sha256, v.pages,
    t.at as time_stamped_at, t.waits_because as time_stamp_waits
from version v left join time_stamp t on t.version_id = v.id
where v.signed_by_request is not null;
grant select on signed_copy to share_to_sign_application;

-- Whoever has downloaded a copy before it was time-stamped holds a signed version as good as the later one.
create or replace function is_signed_version(hash text)
returns boolean language sql stable security definer set search_path = public as $$
    select exists (select from version where sha256 = hash and signed_by_request is not null)
        or exists (select from time_stamp where sha256 = hash)
$$;
create index time_stamp_signed on time_stamp (sha256);
