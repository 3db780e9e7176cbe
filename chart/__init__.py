"""What is true: practices, clients, documents, requests, messages, audit. A module a noun: records, rules, SQL."""
