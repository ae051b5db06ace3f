-- InsertSession opens a session.
-- name: InsertSession :exec
INSERT INTO sessions (tenant_id, id, person_id, device_id, generation, actor, create_time, update_time)
VALUES (@tenant_id, @id, @person_id, @device_id, 0, @actor, @now, @now);

-- GetSession reads a session.
-- name: GetSession :one
SELECT *
FROM sessions
WHERE tenant_id = @tenant_id AND id = @id;

-- RotateSession counts a live session up to its next pair of tokens; no row means that the session has ended.
-- name: RotateSession :one
UPDATE sessions
SET generation = generation + 1, actor = @actor, update_time = @now
WHERE tenant_id = @tenant_id AND id = @id AND end_time IS NULL
RETURNING generation;

-- EndSession ends a session; 0 rows means that it had ended before.
-- name: EndSession :execrows
UPDATE sessions
SET end_time = @now::timestamptz, end_reason = @end_reason::text, actor = @actor, update_time = @now
WHERE tenant_id = @tenant_id AND id = @id AND end_time IS NULL;

-- EndDeviceSessions ends whatever session a device has.
-- name: EndDeviceSessions :execrows
UPDATE sessions
SET end_time = @now::timestamptz, end_reason = @end_reason::text, actor = @actor, update_time = @now
WHERE tenant_id = @tenant_id AND device_id = @device_id AND end_time IS NULL;
