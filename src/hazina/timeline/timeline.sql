-- What was stored of one payment. An operator may not know whose it is; then all merchants' are
-- looked through.

-- name: timeline_find
SELECT merchant_id, id FROM payment_intent
WHERE id = %(id)s AND (%(merchant_id)s::text IS NULL OR merchant_id = %(merchant_id)s)
UNION ALL
SELECT merchant_id, payment_intent FROM charge
WHERE id = %(id)s AND (%(merchant_id)s::text IS NULL OR merchant_id = %(merchant_id)s)
UNION ALL
SELECT merchant_id, payment_intent FROM refund
WHERE id = %(id)s AND (%(merchant_id)s::text IS NULL OR merchant_id = %(merchant_id)s)
UNION ALL
SELECT merchant_id, id FROM setup_intent
WHERE id = %(id)s AND (%(merchant_id)s::text IS NULL OR merchant_id = %(merchant_id)s);

-- name: timeline_object
SELECT id, status, amount, currency, operation, operation_kind, created FROM payment_intent
WHERE merchant_id = %(merchant_id)s AND id = %(id)s
UNION ALL
SELECT id, status, NULL, NULL, operation, NULL, created FROM setup_intent
WHERE merchant_id = %(merchant_id)s AND id = %(id)s;

-- name: timeline_charges
SELECT id, status, amount, currency, amount_captured, payment_method, provider, provider_reference,
       failure, hold, capture_before, funds, available_on
FROM charge WHERE merchant_id = %(merchant_id)s AND payment_intent = %(id)s ORDER BY id;

-- name: timeline_refunds
SELECT id, status, amount, currency, charge, failure_reason FROM refund
WHERE merchant_id = %(merchant_id)s AND payment_intent = %(id)s ORDER BY id;

-- name: timeline_commands
SELECT id, operation, provider, state, fence, inquiries, evidence, lease_until, sent_at, next_at,
       request, refusal, history
FROM command WHERE merchant_id = %(merchant_id)s AND payment_intent = %(id)s ORDER BY id;

-- name: timeline_keys
SELECT route, operation, created, answered, code, fence, lease_until, request_id
FROM idempotency_key
WHERE merchant_id = %(merchant_id)s AND operation = ANY (%(ids)s::text[]);

-- name: timeline_callbacks
SELECT connector, deduplication_key, reference, state, tries, reason, received FROM inbox
WHERE reference = ANY (%(ids)s::text[]);

-- name: timeline_events
SELECT id, type, object_id, sequence, created, body FROM event
WHERE merchant_id = %(merchant_id)s AND id >= %(first)s AND object_id = ANY (%(ids)s::text[])
ORDER BY xid, position;

-- name: timeline_transfers
SELECT t.id, t.entry, t.amount, t.flags, t.reference, t.created_at, t.slot, t.sequence, t.ledger,
       d.code AS debit_code, c.code AS credit_code
FROM transfer t
JOIN account d ON d.id = t.debit_account_id
JOIN account c ON c.id = t.credit_account_id
WHERE t.id = ANY (%(ids)s::uuid[])
ORDER BY t.created_at, t.slot, t.sequence, t.position;

-- name: timeline_lines
SELECT id, type, amount, fee, currency, source, available_on, created FROM balance_transaction
WHERE merchant_id = %(merchant_id)s AND source = ANY (%(ids)s::text[]) ORDER BY id;

-- name: timeline_deliveries
SELECT endpoint, event_id, state, attempts, last_status, next_at, created FROM webhook_delivery
WHERE event_id = ANY (%(ids)s::text[]);
