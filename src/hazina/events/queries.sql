-- name: event_list
SELECT id, body FROM event
WHERE merchant_id = %(merchant_id)s
  AND (%(after)s::text IS NULL OR id < %(after)s::text)
  AND (%(types)s::text[] IS NULL OR type = ANY (%(types)s::text[]))
  AND (%(low)s::text IS NULL OR id >= %(low)s::text)
  AND (%(high)s::text IS NULL OR id < %(high)s::text)
  AND (%(gte)s::bigint IS NULL OR created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR created < to_timestamp(%(lt)s::bigint))
ORDER BY id DESC LIMIT %(limit)s;

-- name: event_list_backwards
SELECT id, body FROM event
WHERE merchant_id = %(merchant_id)s
  AND id > %(before)s::text
  AND (%(after)s::text IS NULL OR id < %(after)s::text)
  AND (%(types)s::text[] IS NULL OR type = ANY (%(types)s::text[]))
  AND (%(low)s::text IS NULL OR id >= %(low)s::text)
  AND (%(high)s::text IS NULL OR id < %(high)s::text)
  AND (%(gte)s::bigint IS NULL OR created >= to_timestamp(%(gte)s::bigint))
  AND (%(gt)s::bigint IS NULL OR created >= to_timestamp(%(gt)s::bigint + 1))
  AND (%(lte)s::bigint IS NULL OR created < to_timestamp(%(lte)s::bigint + 1))
  AND (%(lt)s::bigint IS NULL OR created < to_timestamp(%(lt)s::bigint))
ORDER BY id LIMIT %(limit)s;

-- name: event_forward
SELECT merchant_id, id, type, object_id, created, body, xid::text AS xid, position FROM event
WHERE (xid, position) > (%(xid)s::text::xid8, %(position)s::bigint)
  AND xid < pg_snapshot_xmin(pg_current_snapshot())
-- Not by `xid` alone, which would be the text that is shown: 100 before 99.
ORDER BY event.xid, event.position LIMIT %(limit)s;

-- name: event_place
SELECT xid::text AS xid, position FROM event
WHERE merchant_id = %(merchant_id)s AND id = %(id)s;

-- name: event_log_end
-- The newest event that no older commit can still precede.
SELECT xid::text AS xid, position FROM event
WHERE xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY event.xid DESC, event.position DESC LIMIT 1;

-- name: event_stretch_end
-- How far a look goes that takes in so many events of all merchants.
SELECT xid::text AS xid, position, count(*) OVER () AS count FROM (
    SELECT xid, position FROM event
    WHERE (xid, position) > (%(xid)s::text::xid8, %(position)s::bigint)
      AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY xid, position LIMIT %(limit)s
) stretch
ORDER BY stretch.xid DESC, stretch.position DESC LIMIT 1;

-- name: event_between
SELECT merchant_id, id, type, object_id, created, body, xid::text AS xid, position FROM event
WHERE (xid, position) > (%(xid)s::text::xid8, %(position)s::bigint)
  AND (xid, position) <= (%(end_xid)s::text::xid8, %(end_position)s::bigint)
  AND merchant_id = %(merchant_id)s
ORDER BY event.xid, event.position;
