"""HTTP edge: routes for staff, portal and integrations, pages, health. Authorises, reads, starts and signals."""
