-- Setup intents and their attempts. A command of operation `verify` names the setup intent and the
-- attempt in its columns payment_intent and charge, as other commands name theirs.

CREATE TABLE setup_intent (
    merchant_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    status text NOT NULL,
    usage text NOT NULL,
    customer text COLLATE "C",
    payment_method text COLLATE "C",
    latest_attempt text COLLATE "C",
    client_secret text NOT NULL,
    cancellation_reason text,
    next_action jsonb,
    last_setup_error jsonb,
    unknown jsonb,
    operation text,
    details jsonb NOT NULL,
    metadata jsonb NOT NULL,
    revision bigint NOT NULL,
    created timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX setup_intent_customer ON setup_intent (merchant_id, customer, id)
    WHERE customer IS NOT NULL;
CREATE INDEX setup_intent_method ON setup_intent (merchant_id, payment_method, id)
    WHERE payment_method IS NOT NULL;

CREATE TABLE setup_attempt (
    merchant_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    setup_intent text COLLATE "C" NOT NULL,
    command text COLLATE "C" NOT NULL,
    status text NOT NULL,
    usage text NOT NULL,
    customer text COLLATE "C",
    payment_method text COLLATE "C" NOT NULL,
    card jsonb NOT NULL,
    setup_error jsonb,
    created timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX setup_attempt_intent ON setup_attempt (merchant_id, setup_intent, id);
