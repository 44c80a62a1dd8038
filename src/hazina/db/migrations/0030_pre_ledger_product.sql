-- The ledger as a product: client ids in a space of their own, nanosecond timestamps, user data and
-- metadata, closing and expiry, and account openings that the hash chain covers.
-- Ledger numbers and timeouts are unsigned 32-bit numbers outside, so the columns become wider.

ALTER TABLE account
    ALTER COLUMN ledger TYPE bigint,
    ADD COLUMN space text COLLATE "C",
    ADD COLUMN client_id uuid,
    ADD COLUMN user_data_128 uuid,
    ADD COLUMN user_data_64 bigint,
    ADD COLUMN user_data_32 bigint,
    ADD COLUMN metadata jsonb,
    ADD COLUMN timestamp bigint,
    ADD COLUMN timestamp_last bigint NOT NULL DEFAULT 0,
    ADD COLUMN closed_by uuid,
    ADD COLUMN opened_slot integer,
    ADD COLUMN opened_sequence bigint,
    ADD COLUMN opened_position integer,
    ADD CONSTRAINT space_and_client_id CHECK ((space IS NULL) = (client_id IS NULL)),
    ADD CONSTRAINT opened_at_once CHECK (
        (timestamp IS NULL) = (opened_slot IS NULL)
        AND (timestamp IS NULL) = (opened_sequence IS NULL)
        AND (timestamp IS NULL) = (opened_position IS NULL)
    );
CREATE INDEX account_of_space ON account (space, timestamp) WHERE space IS NOT NULL;
CREATE INDEX account_metadata ON account USING gin (metadata jsonb_path_ops)
    WHERE metadata IS NOT NULL;
CREATE INDEX account_opened ON account (opened_slot, opened_sequence);

ALTER TABLE transfer
    ALTER COLUMN ledger TYPE bigint,
    ALTER COLUMN timeout_seconds TYPE bigint,
    ADD COLUMN space text COLLATE "C",
    ADD COLUMN client_id uuid,
    ADD COLUMN user_data_128 uuid,
    ADD COLUMN user_data_64 bigint,
    ADD COLUMN user_data_32 bigint,
    ADD COLUMN metadata jsonb,
    ADD COLUMN timestamp bigint,
    DROP CONSTRAINT transfer_amount_check,
    ADD CONSTRAINT transfer_amount_check CHECK (amount >= 0),
    DROP CONSTRAINT resolves_or_stands_alone,
    -- 4 posts, 8 voids, 65536 is the ledger's own release of what ran out.
    ADD CONSTRAINT resolves_or_stands_alone CHECK (
        (flags & 65548 <> 0) = (pending_id IS NOT NULL)
    );
CREATE INDEX transfer_of_space ON transfer (space, timestamp) WHERE space IS NOT NULL;
CREATE INDEX transfer_metadata ON transfer USING gin (metadata jsonb_path_ops)
    WHERE metadata IS NOT NULL;

ALTER TABLE account_history ADD COLUMN timestamp bigint;
ALTER TABLE account_history DISABLE TRIGGER account_history_is_append_only;
UPDATE account_history h
SET timestamp = (extract(epoch FROM t.created_at) * 1000000)::bigint * 1000
FROM transfer t WHERE t.id = h.transfer_id;
ALTER TABLE account_history ENABLE TRIGGER account_history_is_append_only;
ALTER TABLE account_history
    ALTER COLUMN timestamp SET DEFAULT (extract(epoch FROM now()) * 1000000)::bigint * 1000,
    ALTER COLUMN timestamp SET NOT NULL;

-- Expiry is judged in nanoseconds of the ledger's own clock; `expires_at` is no longer written.
ALTER TABLE pending
    ALTER COLUMN ledger TYPE bigint,
    ADD COLUMN expires_ns bigint,
    DROP CONSTRAINT pending_amount_check,
    ADD CONSTRAINT pending_amount_check CHECK (amount >= 0);
CREATE INDEX pending_due ON pending (expires_ns) WHERE state = 'pending' AND expires_ns IS NOT NULL;

-- Failed ids are part of what a batch's digest covers.
ALTER TABLE seen
    ADD COLUMN slot integer,
    ADD COLUMN sequence bigint,
    ADD COLUMN position integer;
CREATE INDEX seen_in_batch ON seen (slot, sequence);
