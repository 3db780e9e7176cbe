-- The audit log tells of what it could not tell of before: who was refused, by which anchor its chains are held.

-- As before, and a chain belongs to a chart of the practice, or is the practice's own.
create or replace function audit_chain() returns trigger language plpgsql as $$
declare
    last record;
begin
    if new.chart_id <> new.practice_id
    and not exists (select from client where id = new.chart_id and practice_id = new.practice_id) then
        raise foreign_key_violation using message = 'the chart is not one of the practice';
    end if;
    -- one writer at a time for each chain; released with the transaction
    perform pg_advisory_xact_lock(hashtextextended(new.chart_id::text, 0));
    select number, hash into last from audit where chart_id = new.chart_id order by number desc limit 1;
    new.number := coalesce(last.number, 0) + 1;
    new.previous := coalesce(last.hash, '\x'::bytea);
    new.at := clock_timestamp();
    new.hash := audit_hash(new);
    return new;
end $$;

-- What auditors read, newest first; and whether somebody has just looked at the same.
create index audit_newest on audit (practice_id, at desc, chart_id desc, number desc);
create index audit_viewed on audit (document_id, actor, at) where action = 'viewed';

-- For the daily anchor and the verification, which look after every practice, one after the other.
create function every_practice()
returns table (id uuid) language sql stable security definer set search_path = public as $$
    select id from practice order by id
$$;
revoke execute on function every_practice from public;
grant execute on function every_practice to share_to_sign_application;
