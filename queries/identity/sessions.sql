-- InsertSession opens a session.
-- name: InsertSession :exec
INSERT INTO sessions (tenant_id, id, person_id, staff_id, second_factor_time, device_id, generation, actor, create_time, update_time)
VALUES (@tenant_id, @id, @person_id, @staff_id, @second_factor_time, @device_id, 0, @actor, @now, @now);

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

-- ListStaffSessions reads the live sessions of an account of staff that have given the second factor and whose tokens have not ended,
-- newest first.
-- name: ListStaffSessions :many
SELECT sessions.id, sessions.device_id, sessions.create_time, sessions.update_time, devices.model
FROM sessions
JOIN devices ON devices.tenant_id = sessions.tenant_id AND devices.id = sessions.device_id
WHERE sessions.tenant_id = @tenant_id AND sessions.staff_id = @staff_id::uuid AND sessions.end_time IS NULL
    AND sessions.second_factor_time > @since::timestamptz
ORDER BY sessions.id DESC
LIMIT 100;

-- EndStaffSessions ends live sessions of an account of staff: one when it is named, else all, but for one that may be kept.
-- name: EndStaffSessions :execrows
UPDATE sessions
SET end_time = @now::timestamptz, end_reason = @end_reason::text, actor = @actor, update_time = @now
WHERE tenant_id = @tenant_id AND staff_id = @staff_id::uuid AND end_time IS NULL
    AND (sqlc.narg('only')::uuid IS NULL OR id = sqlc.narg('only'))
    AND (sqlc.narg('keep')::uuid IS NULL OR id <> sqlc.narg('keep'));
