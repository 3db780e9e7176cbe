-- All of the staff are told of an invitation that reaches nobody; what is told of a chart again stands once, at its new time.
create unique index staff_notice_of_chart on staff_notice (client_id, about) where client_id is not null and actor is null;
