-- As before, and no table is dropped on the way: whatever a session sees, no line can be lost.

-- Make the months that are missing until `ahead` months from now; return their names.
-- `account_history_later` takes what is beyond all months, so that booking never waits for this.
-- Where it holds lines already, they stay where they are, and it becomes a partition of its own
-- that reaches to the end of its last line's month.
CREATE OR REPLACE FUNCTION ledger_make_months(ahead integer) RETURNS SETOF text LANGUAGE plpgsql AS $$
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
    IF to_regclass('account_history_was_later') IS NOT NULL THEN
        -- It was empty, and is not thrown away: ATTACH reads it by the newest snapshot there is,
        -- and fails where it holds a line that a snapshot from before its lock did not show.
        ALTER TABLE account_history_was_later RENAME TO account_history_later;
        ALTER INDEX account_history_was_later_pkey RENAME TO account_history_later_pkey;
        EXECUTE format('ALTER TABLE account_history ATTACH PARTITION account_history_later'
                       ' FOR VALUES FROM (%s) TO (MAXVALUE)', bound);
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE account_history_later PARTITION OF account_history'
                   ' FOR VALUES FROM (%s) TO (MAXVALUE)', bound);
    CREATE TRIGGER account_history_is_append_only
        BEFORE UPDATE OR DELETE OR TRUNCATE ON account_history_later
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
END
$$;
