-- The double-entry ledger. Amounts are whole minor units; no foreign keys on the write path: the
-- writer proves existence under its locks, and the ledger's invariants prove it again.

CREATE TABLE account (
    id uuid PRIMARY KEY,
    ledger integer NOT NULL CHECK (ledger > 0),
    code integer NOT NULL CHECK (code > 0),
    flags integer NOT NULL,
    owner text COLLATE "C" NOT NULL,
    slot integer NOT NULL,
    overdraft numeric(39,0) NOT NULL CHECK (overdraft >= 0),
    debits_pending numeric(39,0) NOT NULL CHECK (debits_pending >= 0),
    debits_posted numeric(39,0) NOT NULL CHECK (debits_posted >= 0),
    credits_pending numeric(39,0) NOT NULL CHECK (credits_pending >= 0),
    credits_posted numeric(39,0) NOT NULL CHECK (credits_posted >= 0),
    lines bigint NOT NULL CHECK (lines >= 0),
    version bigint NOT NULL,
    CONSTRAINT debits_must_not_exceed_credits CHECK (
        flags & 2 = 0 OR debits_pending + debits_posted <= credits_posted + overdraft
    ),
    CONSTRAINT credits_must_not_exceed_debits CHECK (
        flags & 4 = 0 OR credits_pending + credits_posted <= debits_posted + overdraft
    )
) WITH (fillfactor = 70);
CREATE INDEX account_owner ON account (owner) WHERE owner <> '';

CREATE TABLE transfer (
    id uuid PRIMARY KEY,
    debit_account_id uuid NOT NULL,
    credit_account_id uuid NOT NULL,
    amount numeric(39,0) NOT NULL CHECK (amount > 0),
    ledger integer NOT NULL,
    code integer NOT NULL,
    flags integer NOT NULL,
    pending_id uuid,
    timeout_seconds integer NOT NULL CHECK (timeout_seconds >= 0),
    reference text COLLATE "C" NOT NULL,
    entry text COLLATE "C" NOT NULL,
    slot integer NOT NULL,
    sequence bigint NOT NULL,
    position integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT accounts_must_be_different CHECK (debit_account_id <> credit_account_id),
    CONSTRAINT resolves_or_stands_alone CHECK ((flags & 12 <> 0) = (pending_id IS NOT NULL))
);
-- A pending transfer resolves at most once, whatever the engine believes.
CREATE UNIQUE INDEX transfer_resolves_once ON transfer (pending_id) WHERE pending_id IS NOT NULL;
CREATE UNIQUE INDEX transfer_in_batch ON transfer (slot, sequence, position);

CREATE TABLE account_history (
    account_id uuid NOT NULL,
    line bigint NOT NULL CHECK (line > 0),
    transfer_id uuid NOT NULL,
    amount numeric(39,0) NOT NULL,
    debits_pending numeric(39,0) NOT NULL,
    debits_posted numeric(39,0) NOT NULL,
    credits_pending numeric(39,0) NOT NULL,
    credits_posted numeric(39,0) NOT NULL,
    PRIMARY KEY (account_id, line)
);

CREATE TABLE pending (
    transfer_id uuid PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('pending', 'posted', 'voided', 'expired')),
    amount numeric(39,0) NOT NULL CHECK (amount > 0),
    debit_account_id uuid NOT NULL,
    credit_account_id uuid NOT NULL,
    ledger integer NOT NULL,
    code integer NOT NULL,
    expires_at timestamptz,
    version bigint NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX pending_expiry ON pending (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE seen (
    id uuid PRIMARY KEY,
    digest bytea NOT NULL,
    status text NOT NULL
);

CREATE TRIGGER transfer_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfer
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER account_history_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON account_history
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER seen_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON seen
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER account_is_never_removed BEFORE DELETE OR TRUNCATE ON account
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER pending_is_never_removed BEFORE DELETE OR TRUNCATE ON pending
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
