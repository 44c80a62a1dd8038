-- A replayed answer names the request that was carried out (header Original-Request).
ALTER TABLE idempotency_key ADD COLUMN request_id text;
