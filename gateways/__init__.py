"""The outside world, one module each: Postgres, SMTP, stored bytes, Temporal, logs."""
