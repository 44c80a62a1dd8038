-- What the writer itself needs: slots that processes lease, and one chained row per batch.

CREATE TABLE writer_slot (
    slot integer PRIMARY KEY,
    holder text,
    lease_until timestamptz,
    fence bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE batch (
    slot integer NOT NULL,
    sequence bigint NOT NULL,
    batch_id bigint NOT NULL,
    digest bytea NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (slot, sequence)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER batch_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON batch
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
