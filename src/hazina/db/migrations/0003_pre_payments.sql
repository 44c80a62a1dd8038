-- Tables of merchants, idempotency, payments, commands, events and the inbox.
-- Ids sort by time in the "C" collation; merchant_id leads every key.

CREATE TABLE merchant (
    merchant_id text COLLATE "C" PRIMARY KEY,
    account_id text NOT NULL,
    livemode boolean NOT NULL,
    country text NOT NULL,
    default_currency text NOT NULL,
    business_name text NOT NULL,
    email text,
    fee_basis_points bigint NOT NULL CHECK (fee_basis_points BETWEEN 0 AND 10000),
    overdraft_minor bigint NOT NULL CHECK (overdraft_minor >= 0),
    created timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1
);

CREATE TABLE api_key (
    hash bytea PRIMARY KEY,
    merchant_id text COLLATE "C" NOT NULL,
    publishable boolean NOT NULL,
    last4 text NOT NULL,
    created timestamptz NOT NULL,
    revoked_at timestamptz,
    version bigint NOT NULL DEFAULT 1
);

CREATE TABLE idempotency_key (
    merchant_id text COLLATE "C" NOT NULL,
    route text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    operation text NOT NULL,
    lease_until timestamptz,
    fence bigint NOT NULL,
    answered boolean NOT NULL,
    code text,
    body bytea,
    created timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, route, key)
);
CREATE INDEX idempotency_key_created ON idempotency_key (created);

CREATE TABLE payment_intent (
    merchant_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL,
    status text NOT NULL,
    capture_method text NOT NULL,
    amount_received bigint NOT NULL CHECK (amount_received BETWEEN 0 AND amount),
    amount_capturable bigint NOT NULL CHECK (amount_capturable BETWEEN 0 AND amount),
    customer text COLLATE "C",
    payment_method text,
    latest_charge text COLLATE "C",
    client_secret text NOT NULL,
    cancellation_reason text,
    canceled_at timestamptz,
    next_action jsonb,
    last_payment_error jsonb,
    unknown jsonb,
    operation text,
    operation_kind text,
    hidden boolean NOT NULL,
    details jsonb NOT NULL,
    metadata jsonb NOT NULL,
    revision bigint NOT NULL,
    created timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, id)
) WITH (fillfactor = 80);
CREATE INDEX payment_intent_customer ON payment_intent (merchant_id, customer, id)
    WHERE customer IS NOT NULL;

CREATE TABLE charge (
    merchant_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    payment_intent text COLLATE "C" NOT NULL,
    authorize_command text COLLATE "C" NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL,
    status text NOT NULL,
    captured boolean NOT NULL,
    amount_captured bigint NOT NULL CHECK (amount_captured BETWEEN 0 AND amount),
    amount_refunded bigint NOT NULL CHECK (amount_refunded >= 0),
    amount_refund_reserved bigint NOT NULL CHECK (amount_refund_reserved >= 0),
    fee bigint NOT NULL CHECK (fee >= 0),
    funds text NOT NULL,
    available_on timestamptz,
    payment_method text NOT NULL,
    customer text COLLATE "C",
    balance_transaction text COLLATE "C",
    provider text NOT NULL,
    provider_reference text,
    clearing_slot bigint NOT NULL,
    failure jsonb,
    network jsonb,
    details jsonb NOT NULL,
    metadata jsonb NOT NULL,
    revision bigint NOT NULL,
    created timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, id),
    CHECK (amount_refunded + amount_refund_reserved <= amount_captured)
) WITH (fillfactor = 80);
CREATE INDEX charge_intent ON charge (merchant_id, payment_intent, id);
CREATE INDEX charge_release ON charge (available_on) WHERE funds = 'pending';

CREATE TABLE refund (
    merchant_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    charge text COLLATE "C" NOT NULL,
    payment_intent text COLLATE "C",
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL,
    status text NOT NULL,
    reason text,
    failure_reason text,
    balance_transaction text COLLATE "C",
    failure_balance_transaction text COLLATE "C",
    from_available boolean NOT NULL,
    clearing_slot bigint NOT NULL,
    hidden_intent boolean NOT NULL,
    metadata jsonb NOT NULL,
    revision bigint NOT NULL,
    created timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX refund_charge ON refund (merchant_id, charge, id);

CREATE TABLE command (
    merchant_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    operation text NOT NULL,
    provider text NOT NULL,
    payment_intent text COLLATE "C" NOT NULL,
    charge text COLLATE "C" NOT NULL,
    refund text COLLATE "C",
    request jsonb NOT NULL,
    state text NOT NULL,
    fence bigint NOT NULL,
    lease_until timestamptz,
    sent_at timestamptz,
    next_at timestamptz,
    inquiries bigint NOT NULL,
    evidence text,
    created timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, id)
) WITH (fillfactor = 80);
CREATE INDEX command_leased ON command (lease_until) WHERE state = 'leased';
CREATE INDEX command_waiting ON command (next_at) WHERE state IN ('waiting', 'resend');

CREATE TABLE balance_transaction (
    merchant_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    type text NOT NULL,
    amount bigint NOT NULL,
    fee bigint NOT NULL,
    currency text NOT NULL,
    source text COLLATE "C" NOT NULL,
    charge text COLLATE "C" NOT NULL,
    available_on timestamptz NOT NULL,
    created timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX balance_transaction_source ON balance_transaction (merchant_id, source);

CREATE TABLE event (
    merchant_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    type text NOT NULL,
    object_id text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    created timestamptz NOT NULL,
    body bytea NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    position bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX event_forward ON event (xid, position);

CREATE TABLE inbox (
    connector text NOT NULL,
    deduplication_key text COLLATE "C" NOT NULL,
    reference text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    headers jsonb NOT NULL,
    state text NOT NULL,
    tries bigint NOT NULL,
    next_at timestamptz,
    reason text,
    received timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (connector, deduplication_key)
);
CREATE INDEX inbox_due ON inbox (next_at) WHERE state = 'received';
CREATE INDEX command_by_id ON command (id);

CREATE FUNCTION refuse_change_of_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_history();
CREATE TRIGGER balance_transaction_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON balance_transaction FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_history();
