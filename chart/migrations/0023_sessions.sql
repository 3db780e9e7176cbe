-- Sessions that their owner sees and ends; whatever ends one is told to the streams that it holds open (SPEC A3).
alter table session
    add id uuid not null default uuidv7() unique,
    -- browser and system, as the sign-in told them
    add agent text not null default '';

create function tell_ended() returns trigger language plpgsql as $$
begin
    perform pg_notify('session_ended', old.practice_id || '/' || old.party);
    return null;
end $$;
create trigger tell_ended after delete on session for each row
    when (old.awaits is null) execute function tell_ended();
