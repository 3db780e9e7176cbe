"""Decisions: what happens next in the life of a request, what it waits for, who won a race. No I/O."""
