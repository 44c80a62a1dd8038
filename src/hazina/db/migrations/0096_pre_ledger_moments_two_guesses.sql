-- How many lines an account has up to a moment, as before, with two plain guesses first: each lies
-- between the nearest two lines whose times are known, where the moment lies between these times.
-- An account that was busier of late than before takes eight looks instead of nineteen (one with
-- even times four, with busy days and quiet nights ten as before, at worst two more than before).
CREATE OR REPLACE FUNCTION ledger_lines_until(wanted uuid, moment bigint) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint := 1;      -- This line's time is not after the moment.
    low_at bigint;
    high bigint;          -- This line's time is after it.
    high_at bigint;
    middle bigint;
    step bigint := 8;
    guesses integer := 3;
    up boolean;
    at bigint;
BEGIN
    SELECT lines INTO high FROM account WHERE id = wanted;
    IF high IS NULL OR high = 0 THEN
        RETURN 0;
    END IF;
    SELECT timestamp INTO high_at FROM account_history WHERE account_id = wanted AND line = high;
    IF high_at <= moment THEN
        RETURN high;
    END IF;
    SELECT timestamp INTO low_at FROM account_history WHERE account_id = wanted AND line = 1;
    IF low_at > moment THEN
        RETURN 0;
    END IF;
    WHILE high - low > 1 LOOP
        CASE
            WHEN guesses > 0 THEN
                middle := low
                    + div((high - low)::numeric * (moment - low_at), high_at - low_at)::bigint;
                guesses := guesses - 1;
            -- Strides away from the last guess, until the moment lies behind one.
            WHEN step > 0 AND up THEN
                middle := low + step;
                step := step * 8;
            WHEN step > 0 THEN
                middle := high - step;
                step := step * 8;
            ELSE
                middle := (low + high) / 2;
        END CASE;
        middle := least(greatest(middle, low + 1), high - 1);
        SELECT timestamp INTO at FROM account_history WHERE account_id = wanted AND line = middle;
        IF step > 8 AND up <> (at <= moment) THEN
            step := 0;
        END IF;
        up := at <= moment;
        IF up THEN
            low := middle;
            low_at := at;
        ELSE
            high := middle;
            high_at := at;
        END IF;
    END LOOP;
    RETURN low;
END
$$;
