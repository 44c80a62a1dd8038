-- Keys that can be named, listed, restricted and replaced. `revoked_at` may lie in the future: until
-- then the key still works. `scopes` is null for a key that may do everything.

ALTER TABLE api_key
    ADD COLUMN id text COLLATE "C" NOT NULL
        DEFAULT 'ak_' || replace(gen_random_uuid()::text, '-', ''),
    ADD COLUMN name text,
    ADD COLUMN scopes jsonb;
CREATE UNIQUE INDEX api_key_id ON api_key (merchant_id, id);
