-- How many lines an account has up to a moment. Lines and times of an account grow together, so a
-- binary search over the primary key finds it, and the time needs no index of its own.
CREATE FUNCTION ledger_lines_until(wanted uuid, moment bigint) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint := 0;
    high bigint;
    middle bigint;
    at bigint;
BEGIN
    SELECT lines INTO high FROM account WHERE id = wanted;
    IF high IS NULL OR high = 0 THEN
        RETURN 0;
    END IF;
    WHILE low < high LOOP
        middle := (low + high + 1) / 2;
        SELECT timestamp INTO at FROM account_history
        WHERE account_id = wanted AND line = middle;
        IF at <= moment THEN
            low := middle;
        ELSE
            high := middle - 1;
        END IF;
    END LOOP;
    RETURN low;
END
$$;
