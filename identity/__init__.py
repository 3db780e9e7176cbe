"""Who is who, and who may what: staff, portal accounts, invitations, sessions, API keys and the policy table."""
