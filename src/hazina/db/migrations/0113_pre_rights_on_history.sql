-- What roles could do with `account_history` before it lay in months, they can do with it again: it is
-- a new table, to which nobody but its owner had a right until `hazina grant-roles` ran.
DO $$
DECLARE
    held record;
BEGIN
    FOR held IN
        SELECT one.privilege_type AS privilege, one.is_grantable AS grantable,
               CASE one.grantee WHEN 0 THEN 'PUBLIC' ELSE one.grantee::regrole::text END AS role
        FROM pg_class, aclexplode(relacl) AS one
        WHERE oid = 'account_history_first'::regclass AND one.grantee <> relowner
    LOOP
        EXECUTE format('GRANT %s ON account_history TO %s', held.privilege, held.role)
            || CASE WHEN held.grantable THEN ' WITH GRANT OPTION' ELSE '' END;
    END LOOP;
END
$$;
