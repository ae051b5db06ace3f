-- The tables that every service has in its own schema: replayed answers, outbox, inbox, keys of persons.

-- GetRequest finds the answer to an earlier mutation with the same request_id.
-- name: GetRequest :one
SELECT fingerprint, response
FROM requests
WHERE tenant_id = @tenant_id AND actor = @actor AND procedure = @procedure AND request_id = @request_id;

-- InsertRequest keeps the answer to a mutation. A conflict means that the same request is being worked on elsewhere.
-- name: InsertRequest :exec
INSERT INTO requests (tenant_id, actor, procedure, request_id, fingerprint, response, create_time)
VALUES (@tenant_id, @actor, @procedure, @request_id, @fingerprint, @response, @create_time);

-- InsertOutboxEvent records a fact to tell.
-- name: InsertOutboxEvent :exec
INSERT INTO outbox_events (tenant_id, event_id, subject_id, actor, payload, create_time)
VALUES (@tenant_id, @event_id, @subject_id, @actor, @payload, @create_time);

-- ListUnrelayedEvents reads facts that have not been told, in order, leaving those behind a transaction that is still open.
-- name: ListUnrelayedEvents :many
SELECT sequence, tenant_id, event_id, subject_id, payload
FROM outbox_events
WHERE relay_time IS NULL AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY sequence
LIMIT @page_size;

-- MarkEventsRelayed notes that facts have been told.
-- name: MarkEventsRelayed :exec
UPDATE outbox_events
SET relay_time = @relay_time
WHERE sequence = ANY(@sequences::bigint[]);

-- InsertInboxEvent notes that an event is being taken in; 0 rows means that it was before.
-- name: InsertInboxEvent :execrows
INSERT INTO inbox_events (tenant_id, consumer, event_id, create_time)
VALUES (@tenant_id, @consumer, @event_id, @create_time)
ON CONFLICT DO NOTHING;

-- InsertDeadEvent keeps an event that could not be taken in.
-- name: InsertDeadEvent :exec
INSERT INTO dead_events (tenant_id, consumer, event_id, payload, error, create_time)
VALUES (@tenant_id, @consumer, @event_id, @payload, @error, @create_time)
ON CONFLICT DO NOTHING;

-- GetSubjectKey reads the wrapped key of a person.
-- name: GetSubjectKey :one
SELECT master_key_id, wrapped_key
FROM subject_keys
WHERE tenant_id = @tenant_id AND subject_id = @subject_id;

-- InsertSubjectKey keeps a new wrapped key; when there is one already it stays.
-- name: InsertSubjectKey :exec
INSERT INTO subject_keys (tenant_id, subject_id, master_key_id, wrapped_key, create_time)
VALUES (@tenant_id, @subject_id, @master_key_id, @wrapped_key, @create_time)
ON CONFLICT DO NOTHING;

-- DeleteSubjectKey erases a person: what was sealed for them cannot be opened any more.
-- name: DeleteSubjectKey :execrows
DELETE FROM subject_keys
WHERE tenant_id = @tenant_id AND subject_id = @subject_id;
