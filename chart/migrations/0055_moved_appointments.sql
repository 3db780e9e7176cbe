-- An appointment can be moved: to another time, length, kind or colleague. Whose it is never changes; what it was before
-- stands in the audit log.
grant update (staff_id, starts_at, minutes, kind) on appointment to share_to_sign_application;
