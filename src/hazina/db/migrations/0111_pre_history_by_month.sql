-- `account_history` becomes one table per month (UTC), so that old months can lie on cheaper disks
-- and the index that is written stays small. What was stored so far stays one partition.
--
-- The key is (account_id, timestamp): an account's lines have growing times, which the writer makes
-- under the account's lock. That lines are single follows from the account's `version`, without
-- which no batch can be stored, and is proved again by the ledger's invariants.

ALTER TABLE account_history RENAME TO account_history_first;
ALTER TABLE account_history_first DISABLE TRIGGER account_history_is_append_only;
-- Lines older than the ledger's own timestamps may share a microsecond: nanoseconds part them.
UPDATE account_history_first h
SET timestamp = h.timestamp + tied.later
FROM (
    SELECT account_id, line,
           row_number() OVER (PARTITION BY account_id, timestamp ORDER BY line) - 1 AS later
    FROM account_history_first
) tied
WHERE tied.later > 0 AND h.account_id = tied.account_id AND h.line = tied.line;
ALTER TABLE account_history_first ENABLE TRIGGER account_history_is_append_only;
ALTER TABLE account_history_first DROP CONSTRAINT account_history_pkey;

CREATE TABLE account_history (LIKE account_history_first INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
    PARTITION BY RANGE (timestamp);
ALTER TABLE account_history ADD PRIMARY KEY (account_id, timestamp);
CREATE TRIGGER account_history_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON account_history
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The first nanosecond of the month of a moment, or of one so many months later.
CREATE FUNCTION ledger_month(moment bigint, later integer DEFAULT 0) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT extract(epoch FROM (
        date_trunc('month', timestamp '1970-01-01' + make_interval(secs => moment / 1000000000))
        + make_interval(months => later)
    ))::bigint * 1000000000
$$;

-- Make the months that are missing until `ahead` months from now; return their names.
-- `account_history_later` takes what is beyond all months, so that booking never waits for this.
-- Where it holds lines already, they stay where they are, and it becomes a partition of its own
-- that reaches to the end of its last line's month.
CREATE FUNCTION ledger_make_months(ahead integer) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    wanted bigint := ledger_month((extract(epoch FROM now()) * 1000000000)::bigint, ahead + 1);
    bound bigint;
    newest bigint;
    upto bigint;
    name text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('ledger_make_months'));
    SELECT substring(pg_get_expr(relpartbound, oid) FROM 'FROM \(''(\d+)''\)')::bigint
    INTO STRICT bound
    FROM pg_class WHERE oid = 'account_history_later'::regclass;
    IF bound >= wanted THEN
        RETURN;
    END IF;
    ALTER TABLE account_history DETACH PARTITION account_history_later;
    SELECT max(timestamp) INTO newest FROM account_history_later;
    ALTER TABLE account_history_later RENAME TO account_history_was_later;
    ALTER INDEX account_history_later_pkey RENAME TO account_history_was_later_pkey;
    WHILE bound < wanted OR bound <= newest LOOP
        upto := ledger_month(greatest(bound, newest), 1);
        name := 'account_history_'
            || to_char(timestamp '1970-01-01' + make_interval(secs => bound / 1000000000), 'YYYY_MM');
        IF newest IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF account_history FOR VALUES FROM (%s) TO (%s)',
                           name, bound, upto);
            EXECUTE format('CREATE TRIGGER account_history_is_append_only'
                           ' BEFORE UPDATE OR DELETE OR TRUNCATE ON %I'
                           ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
        ELSE
            EXECUTE format('ALTER TABLE account_history_was_later RENAME TO %I', name);
            EXECUTE format('ALTER INDEX account_history_was_later_pkey RENAME TO %I', name || '_pkey');
            EXECUTE format('ALTER TABLE account_history ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                           name, bound, upto);
            newest := NULL;
        END IF;
        RETURN NEXT name;
        bound := upto;
    END LOOP;
    DROP TABLE IF EXISTS account_history_was_later;
    EXECUTE format('CREATE TABLE account_history_later PARTITION OF account_history'
                   ' FOR VALUES FROM (%s) TO (MAXVALUE)', bound);
    CREATE TRIGGER account_history_is_append_only
        BEFORE UPDATE OR DELETE OR TRUNCATE ON account_history_later
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
END
$$;

-- What was stored so far, until the end of the month of its last line; nothing yet: until now's.
DO $$
DECLARE
    newest bigint := (SELECT max(timestamp) FROM account_history_first);
    bound bigint := coalesce(
        ledger_month(newest, 1), ledger_month((extract(epoch FROM now()) * 1000000000)::bigint)
    );
BEGIN
    EXECUTE format('ALTER TABLE account_history ATTACH PARTITION account_history_first'
                   ' FOR VALUES FROM (MINVALUE) TO (%s)', bound);
    EXECUTE format('CREATE TABLE account_history_later PARTITION OF account_history'
                   ' FOR VALUES FROM (%s) TO (MAXVALUE)', bound);
    CREATE TRIGGER account_history_is_append_only
        BEFORE UPDATE OR DELETE OR TRUNCATE ON account_history_later
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    PERFORM ledger_make_months(3);
END
$$;

-- How many lines an account has up to a moment: the last release still asks for it.
CREATE OR REPLACE FUNCTION ledger_lines_until(wanted uuid, moment bigint) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT line FROM account_history
        WHERE account_id = wanted AND timestamp <= moment ORDER BY timestamp DESC LIMIT 1
    ), 0)
$$;
