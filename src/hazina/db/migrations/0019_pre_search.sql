-- Deleted test clocks stay known, since ids of what they governed do not sort by `created`.
-- Then the indexes of searches and lists, and the functions that they index by;
-- docs/adr/0011-search-indexes.md gives their measured cost. The bodies are parsed here and now,
-- since PostgreSQL builds indexes with a search path that does not contain our schema.

ALTER TABLE test_clock ADD COLUMN deleted boolean NOT NULL DEFAULT false;

CREATE OR REPLACE FUNCTION merchant_now(of_merchant text, of_customer text, real_now timestamptz)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT coalesce(k.target_frozen_time, k.frozen_time)
         FROM customer c JOIN test_clock k ON k.merchant_id = c.merchant_id AND k.id = c.test_clock
         WHERE c.merchant_id = of_merchant AND c.id = of_customer AND NOT k.deleted),
        (SELECT coalesce(k.target_frozen_time, k.frozen_time)
         FROM test_clock k
         WHERE k.merchant_id = of_merchant AND k.whole_merchant AND NOT k.deleted
         ORDER BY k.id LIMIT 1),
        real_now)
$$;

CREATE OR REPLACE FUNCTION clocks_ahead(real_now timestamptz) RETURNS TABLE (merchant_id text)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT k.merchant_id FROM test_clock k
    WHERE coalesce(k.target_frozen_time, k.frozen_time) > real_now AND NOT k.deleted
$$;

-- A term is a word of a merchant's object. It contains the merchant, so that one index serves all
-- without ever looking at another merchant's rows.
CREATE FUNCTION search_term(of_merchant text, label text, value text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN hashtextextended(
    of_merchant || E'\x1f' || label || coalesce(E'\x1f' || lower(value), ''), 0);

-- Words in lower case, each between spaces.
CREATE FUNCTION search_words(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ' ' || btrim(regexp_replace(lower(value), '\W+', ' ', 'g')) || ' ';

CREATE FUNCTION search_terms(of_merchant text, label text, value text) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(
    SELECT search_term(of_merchant, label, word)
    FROM unnest(string_to_array(btrim(search_words(value)), ' ')) word WHERE word <> '');

-- Each key with its value, and each key alone.
CREATE FUNCTION metadata_terms(of_merchant text, metadata jsonb) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(
    SELECT search_term(of_merchant, e.key, one.value)
    FROM jsonb_each_text(metadata) e, LATERAL (VALUES (e.value), (NULL)) one (value));

CREATE FUNCTION customer_terms(of_merchant text, email text, details jsonb, metadata jsonb)
RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN metadata_terms(of_merchant, metadata)
    || search_terms(of_merchant, 'email', coalesce(email, ''))
    || search_terms(of_merchant, 'name', coalesce(details ->> 'name', ''))
    || search_terms(of_merchant, 'phone', coalesce(details ->> 'phone', ''));

CREATE INDEX payment_intent_metadata ON payment_intent
    USING gin (metadata_terms(merchant_id, metadata)) WHERE metadata <> '{}';
CREATE INDEX charge_metadata ON charge
    USING gin (metadata_terms(merchant_id, metadata)) WHERE metadata <> '{}';
CREATE INDEX customer_search ON customer
    USING gin (customer_terms(merchant_id, email, details, metadata)) WHERE NOT deleted;

-- An amount never changes once a payment is confirmed, so this index does not hinder updates in
-- place. An index on a payment intent's status would: every payment changes it.
CREATE INDEX payment_intent_amount ON payment_intent (merchant_id, currency, amount);

-- These hold few rows: a payment that simply succeeds is in none of them.
CREATE INDEX charge_customer ON charge (merchant_id, customer, id) WHERE customer IS NOT NULL;
CREATE INDEX charge_failed ON charge (merchant_id, id) WHERE status = 'failed';
CREATE INDEX charge_refunded ON charge (merchant_id, id) WHERE amount_refunded > 0;
CREATE INDEX refund_intent ON refund (merchant_id, payment_intent, id);
CREATE INDEX balance_transaction_rare ON balance_transaction (merchant_id, type, id)
    WHERE type <> 'charge';
CREATE INDEX event_rare ON event (merchant_id, type, id)
    WHERE type NOT IN ('payment_intent.created', 'charge.succeeded', 'payment_intent.succeeded');
