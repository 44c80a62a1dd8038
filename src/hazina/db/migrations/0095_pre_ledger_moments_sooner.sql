-- How many lines an account has up to a moment. Lines and times of an account grow together. Where
-- the moment lies between the first line and the last says about where its line is; from there on
-- steps eight times as long each time find a stretch that holds it, and halving finds the line.
-- Each look may read a page that is in nobody's memory, so there should be few: seven where lines
-- come evenly, however many there are; halving alone takes twenty in a million.
CREATE OR REPLACE FUNCTION ledger_lines_until(wanted uuid, moment bigint) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint := 1;      -- This line's time is not after the moment.
    high bigint;          -- This line's time is after it.
    first_at bigint;
    last_at bigint;
    middle bigint;
    step bigint := 8;
    up boolean;
    at bigint;
BEGIN
    SELECT lines INTO high FROM account WHERE id = wanted;
    IF high IS NULL OR high = 0 THEN
        RETURN 0;
    END IF;
    SELECT timestamp INTO last_at FROM account_history WHERE account_id = wanted AND line = high;
    IF last_at <= moment THEN
        RETURN high;
    END IF;
    SELECT timestamp INTO first_at FROM account_history WHERE account_id = wanted AND line = 1;
    IF first_at > moment THEN
        RETURN 0;
    END IF;
    middle := low + ((high - low)::numeric * (moment - first_at) / (last_at - first_at))::bigint;
    WHILE high - low > 1 LOOP
        middle := least(greatest(middle, low + 1), high - 1);
        SELECT timestamp INTO at FROM account_history WHERE account_id = wanted AND line = middle;
        IF at <= moment THEN
            low := middle;
        ELSE
            high := middle;
        END IF;
        up := coalesce(up, at <= moment);
        EXIT WHEN up <> (at <= moment);
        middle := CASE WHEN up THEN low + step ELSE high - step END;
        step := step * 8;
    END LOOP;
    WHILE high - low > 1 LOOP
        middle := (low + high) / 2;
        SELECT timestamp INTO at FROM account_history WHERE account_id = wanted AND line = middle;
        IF at <= moment THEN
            low := middle;
        ELSE
            high := middle;
        END IF;
    END LOOP;
    RETURN low;
END
$$;
