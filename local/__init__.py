"""The all-in-one for one machine: Postgres, Temporal, a mail catcher, API and worker in one foreground process."""
