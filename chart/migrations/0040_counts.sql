-- How many requests there are, for the operators' metrics: numbers over all practices, and nothing of any of them.

create index request_by_state on signature_request (state, (attention is not null));

create function requests_by_state()
returns table (state text, needs_attention bool, requests bigint)
language sql stable security definer set search_path = public as $$
    select state, attention is not null, count(*) from signature_request group by 1, 2
$$;

revoke execute on function requests_by_state from public;
grant execute on function requests_by_state to share_to_sign_application;
