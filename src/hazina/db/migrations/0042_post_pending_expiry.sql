-- Expiry is judged by `expires_ns`; since 0030 nothing writes this column any more.
ALTER TABLE pending DROP COLUMN expires_at;
