-- Whoever verifies a file also learns whether it was made of the version that was shared, and whether the chart's log
-- tells of it (SPEC D4). Both are looked up in the practice of the file, which strangers are not told.
create function signed_version(hash text)
returns table (practice_id uuid, client_id uuid, request_id uuid, sha256 text, shared_sha256 text)
language sql stable security definer set search_path = public as $$
    select r.practice_id, d.client_id, r.id, v.sha256, shared.sha256
    from version v join signature_request r on r.id = v.signed_by_request
    join version shared on shared.id = r.version_id join document d on d.id = v.document_id
    where v.id = (
        select id from version where sha256 = hash and signed_by_request is not null
        union all select version_id from time_stamp where time_stamp.sha256 = hash limit 1
    )
$$;
revoke execute on function signed_version from public;
grant execute on function signed_version to share_to_sign_application;
drop function is_signed_version;
