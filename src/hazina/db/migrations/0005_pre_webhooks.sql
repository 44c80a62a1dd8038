-- Webhook endpoints, one delivery per endpoint and event, and the fan-out's place in the event log.

CREATE TABLE webhook_endpoint (
    merchant_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    url text NOT NULL,
    secret text NOT NULL,
    enabled_events jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('enabled', 'disabled')),
    description text,
    metadata jsonb NOT NULL,
    api_version text,
    created timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, id)
);

-- The key makes a delivery unique, so that fanning out twice changes nothing. `next_at` is also the
-- lease: whoever sends moves it into the future first.
CREATE TABLE webhook_delivery (
    merchant_id text COLLATE "C" NOT NULL,
    endpoint text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts bigint NOT NULL CHECK (attempts >= 0),
    next_at timestamptz,
    last_status text,
    created timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, endpoint, event_id)
) WITH (fillfactor = 70);
CREATE INDEX webhook_delivery_due ON webhook_delivery (merchant_id, endpoint, next_at, position)
    WHERE state = 'pending';

CREATE TABLE webhook_cursor (
    name text COLLATE "C" PRIMARY KEY,
    xid numeric(39, 0) NOT NULL,
    position bigint NOT NULL,
    version bigint NOT NULL DEFAULT 1
);
