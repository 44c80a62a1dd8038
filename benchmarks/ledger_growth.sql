-- Transfers of the past, as the ledger would have stored them. In each round every account takes
-- part in one transfer, so that its line has the round's number; the last two accounts have a
-- million lines more. `ledger_growth.py` replaces $rounds, $long, $start and $step.

ALTER TABLE transfer DROP CONSTRAINT transfer_pkey;
DROP INDEX transfer_in_batch, transfer_of_space;
ALTER TABLE account_history DROP CONSTRAINT account_history_pkey;

-- The months of that time, as if the ledger had been there and `ledger_make_months` had been called.
DO $do$
DECLARE
    bound bigint := ledger_month($start);
    ends bigint := ledger_month((extract(epoch FROM now()) * 1000000000)::bigint);
BEGIN
    DROP TABLE account_history_first;
    EXECUTE format('CREATE TABLE account_history_first PARTITION OF account_history'
                   ' FOR VALUES FROM (MINVALUE) TO (%s)', bound);
    WHILE bound < ends LOOP
        EXECUTE format('CREATE TABLE account_history_%s PARTITION OF account_history'
                       ' FOR VALUES FROM (%s) TO (%s)', bound, bound, ledger_month(bound, 1));
        bound := ledger_month(bound, 1);
    END LOOP;
END
$do$;

CREATE TEMPORARY TABLE place AS
SELECT id, client_id, row_number() OVER (ORDER BY client_id) - 1 AS number
FROM account WHERE space = 'acct_bench';

CREATE TEMPORARY TABLE pair AS
SELECT d.number / 2 AS pair, d.id AS debit, c.id AS credit
FROM place d JOIN place c ON c.number = d.number + 1
WHERE d.number % 2 = 0;

CREATE FUNCTION pg_temp.at(round bigint, pair bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$SELECT $start + (round + $long) * $step + pair * 64000$$;

CREATE FUNCTION pg_temp.id_of(round bigint, pair bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$SELECT (lpad(to_hex(pg_temp.at(round, pair) / 1000000), 12, '0')
          || substr(md5(round::text || '/' || pair), 1, 20))::uuid$$;

-- The pairs of a round, and for the last pair a million rounds more before all others.
CREATE TEMPORARY TABLE made AS
SELECT r.round, p.pair, pg_temp.at(r.round, p.pair) AS moment, pg_temp.id_of(r.round, p.pair) AS id
FROM generate_series(1 - $long::bigint, $rounds) r(round)
JOIN pair p ON r.round > 0 OR p.pair = 499;

INSERT INTO transfer (
    id, debit_account_id, credit_account_id, amount, ledger, code, flags, timeout_seconds,
    reference, entry, slot, sequence, position, space, client_id, timestamp
)
SELECT m.id, p.debit, p.credit, 100, 404, 7, 0, 0, '', '', 999, m.round + $long, m.pair,
       'acct_bench', m.id, m.moment
FROM made m JOIN pair p USING (pair);

INSERT INTO account_history (
    account_id, line, transfer_id, amount, debits_pending, debits_posted, credits_pending,
    credits_posted, timestamp
)
SELECT side.account_id, m.round + own.before, m.id, 100, 0,
       CASE WHEN side.debit THEN 100 * (m.round + own.before) ELSE 0 END, 0,
       CASE WHEN side.debit THEN 0 ELSE 100 * (m.round + own.before) END, m.moment
FROM made m
JOIN pair p USING (pair)
CROSS JOIN LATERAL (VALUES (p.debit, true), (p.credit, false)) side(account_id, debit)
CROSS JOIN LATERAL (SELECT CASE WHEN m.pair = 499 THEN $long::bigint ELSE 0 END) own(before);

UPDATE account a
SET lines = $rounds + own.before, timestamp_last = pg_temp.at($rounds, 499), version = version + 1,
    debits_posted = CASE WHEN a.id = p.debit THEN 100 * ($rounds + own.before) ELSE 0 END,
    credits_posted = CASE WHEN a.id = p.credit THEN 100 * ($rounds + own.before) ELSE 0 END
FROM pair p
CROSS JOIN LATERAL (SELECT CASE WHEN p.pair = 499 THEN $long::bigint ELSE 0 END) own(before)
WHERE a.id IN (p.debit, p.credit);

SET maintenance_work_mem = '512MB';
SET max_parallel_maintenance_workers = 1;
ALTER TABLE transfer ADD CONSTRAINT transfer_pkey PRIMARY KEY (id);
CREATE UNIQUE INDEX transfer_in_batch ON transfer (slot, sequence, position);
CREATE INDEX transfer_of_space ON transfer (space, timestamp) WHERE space IS NOT NULL;
ALTER TABLE account_history ADD CONSTRAINT account_history_pkey PRIMARY KEY (account_id, timestamp);
