-- Whoever holds a file may ask whether it was signed here (SPEC D4). The answer is yes or no, for the very bytes.
create function is_signed_version(hash text)
returns boolean language sql stable security definer set search_path = public as $$
    select exists (select from version where sha256 = hash and signed_by_request is not null)
$$;
revoke execute on function is_signed_version from public;
grant execute on function is_signed_version to share_to_sign_application;
create index version_signed on version (sha256) where signed_by_request is not null;
