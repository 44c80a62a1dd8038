-- Indexes for searches of what few rows are, none of which a plain payment enters. Their measured cost
-- is in docs/adr/0011-search-indexes.md.

-- The state in which a payment intent stands, unless it succeeded or is being confirmed: null in every
-- version of a payment that is confirmed when it is made and succeeds, so that its updates stay in
-- place. Adding it rewrites the table.
ALTER TABLE payment_intent ADD COLUMN at_rest text COLLATE "C" GENERATED ALWAYS AS (
    CASE WHEN status <> 'succeeded' AND NOT hidden
              AND (status <> 'requires_confirmation' OR operation IS NULL)
         THEN status END) STORED;
CREATE INDEX payment_intent_at_rest ON payment_intent (merchant_id, at_rest, id)
    WHERE at_rest IS NOT NULL;

-- A charge's row moves anyway when its outcome comes, and then enters only those that it is in.
CREATE INDEX charge_pending ON charge (merchant_id, id) WHERE status = 'pending';
CREATE INDEX charge_failed_amount ON charge (merchant_id, currency, amount)
    WHERE status = 'failed';
CREATE INDEX charge_refunded_partly ON charge (merchant_id, id)
    WHERE amount_refunded > 0 AND amount_refunded < amount_captured;
