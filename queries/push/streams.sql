-- The status streams.

-- MakeStream makes a person's stream when there is none; an existing one stays as it is.
-- name: MakeStream :exec
INSERT INTO streams (tenant_id, person_id, epoch, create_time, update_time)
VALUES (@tenant_id, @person_id, @epoch, @now, @now)
ON CONFLICT DO NOTHING;

-- LockStream reads the top and keeps others from publishing until the transaction ends.
-- name: LockStream :one
SELECT epoch, top_offset
FROM streams
WHERE tenant_id = @tenant_id AND person_id = @person_id
FOR UPDATE;

-- GetStream reads the top.
-- name: GetStream :one
SELECT epoch, top_offset
FROM streams
WHERE tenant_id = @tenant_id AND person_id = @person_id;

-- InsertPublication appends an event to a stream that is locked; 0 rows means that the event is there already.
-- name: InsertPublication :execrows
INSERT INTO publications (tenant_id, person_id, offset_no, event_id, payload, create_time)
VALUES (@tenant_id, @person_id, @offset_no, @event_id, @payload, @create_time)
ON CONFLICT (tenant_id, person_id, event_id) DO NOTHING;

-- SetStreamTop moves the top of a stream that is locked.
-- name: SetStreamTop :exec
UPDATE streams
SET top_offset = @top_offset,
    update_time = @now
WHERE tenant_id = @tenant_id AND person_id = @person_id;

-- ListPublications reads what follows an offset, in order.
-- name: ListPublications :many
SELECT offset_no, payload, create_time
FROM publications
WHERE tenant_id = @tenant_id AND person_id = @person_id AND offset_no > @after_offset
ORDER BY offset_no
LIMIT @page_size;
