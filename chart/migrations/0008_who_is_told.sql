-- Of several signers, one may ask for a correction while the others go on; and those who have signed are told when
-- another one's decline, or the expiry, makes nothing of it.

alter table signer add column correction boolean not null default false;
update signer s set correction = true
from signature_request q
where q.id = s.request_id and q.correction and s.state = 'declined'
and q.ended_by = coalesce('account:' || s.account_id, 'staff:' || s.staff_id);

alter table message drop constraint message_about_check;
alter table message add check (about in ('record_request', 'recalled', 'replaced', 'declined', 'expired'));
