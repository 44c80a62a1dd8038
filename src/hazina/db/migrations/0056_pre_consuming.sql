-- The consumer kit: what each consumer has applied, and what it could not apply; and the read model
-- of the consumer that is shipped.

-- Written in the database transaction of the effect: a record that comes again finds its row.
CREATE TABLE consumed (
    consumer text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    applied timestamptz NOT NULL,
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX consumed_old ON consumed (consumer, applied);

CREATE TABLE parked_record (
    consumer text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    place text NOT NULL,
    body bytea NOT NULL,
    headers jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'quarantined')),
    tries bigint NOT NULL CHECK (tries >= 0),
    next_at timestamptz,
    reason text NOT NULL,
    received timestamptz NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX parked_record_due ON parked_record (consumer, next_at) WHERE state = 'waiting';

-- What a charge last added to the totals: a younger state replaces an older one, whatever comes first.
CREATE TABLE daily_charge (
    merchant_id text COLLATE "C" NOT NULL,
    charge text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    captured bigint NOT NULL CHECK (captured >= 0),
    refunded bigint NOT NULL CHECK (refunded >= 0),
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, charge)
) WITH (fillfactor = 80);

CREATE TABLE daily_total (
    merchant_id text COLLATE "C" NOT NULL,
    day text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    charges bigint NOT NULL,
    captured bigint NOT NULL,
    refunds bigint NOT NULL,
    refunded bigint NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (merchant_id, day, currency)
) WITH (fillfactor = 50);
