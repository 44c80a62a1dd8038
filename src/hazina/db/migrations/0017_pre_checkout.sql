-- Checkout sessions, payment links, and how far checkout has read the event log.

-- An id is also the address of a page that anybody may open who was given it, so it holds 256 random
-- bits and is unique on its own.
CREATE TABLE checkout_session (
    merchant_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    created timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    look_at timestamptz NOT NULL,
    currency text NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    line_items jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'complete', 'expired')),
    payment_status text NOT NULL CHECK (payment_status IN ('paid', 'unpaid')),
    details jsonb NOT NULL,
    metadata jsonb NOT NULL,
    customer text COLLATE "C",
    payment_intent text COLLATE "C",
    payment_link text COLLATE "C",
    revision bigint NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, id),
    CHECK (payment_status = 'unpaid' OR status = 'complete'),
    CHECK (status <> 'complete' OR payment_intent IS NOT NULL)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX checkout_session_address ON checkout_session (id);
-- One payment belongs to one session at most.
CREATE UNIQUE INDEX checkout_session_payment ON checkout_session (merchant_id, payment_intent)
    WHERE payment_intent IS NOT NULL;
CREATE INDEX checkout_session_look ON checkout_session (look_at) WHERE status = 'open';
CREATE INDEX checkout_session_open ON checkout_session (merchant_id, look_at)
    WHERE status = 'open';

CREATE TABLE payment_link (
    merchant_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    created timestamptz NOT NULL,
    currency text NOT NULL,
    line_items jsonb NOT NULL,
    active boolean NOT NULL,
    details jsonb NOT NULL,
    metadata jsonb NOT NULL,
    revision bigint NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, id)
);
CREATE UNIQUE INDEX payment_link_address ON payment_link (id);

CREATE TABLE checkout_cursor (
    name text COLLATE "C" PRIMARY KEY,
    xid numeric(39, 0) NOT NULL,
    position bigint NOT NULL,
    version bigint NOT NULL DEFAULT 1
);
