-- InsertDevice enrols a key; 0 rows means that it is enrolled already.
-- name: InsertDevice :execrows
INSERT INTO devices (tenant_id, id, key_id, public_key, platform, model, app_version, actor, create_time, update_time)
VALUES (@tenant_id, @id, @key_id, @public_key, @platform, @model, @app_version, @actor, @now, @now)
ON CONFLICT (tenant_id, key_id) DO NOTHING;

-- GetDevice reads a device.
-- name: GetDevice :one
SELECT *
FROM devices
WHERE tenant_id = @tenant_id AND id = @id;

-- LockDevice reads a device and holds the row until the end of the transaction.
-- name: LockDevice :one
SELECT *
FROM devices
WHERE tenant_id = @tenant_id AND id = @id
FOR UPDATE;

-- GetDeviceByKey reads the device that holds a key.
-- name: GetDeviceByKey :one
SELECT *
FROM devices
WHERE tenant_id = @tenant_id AND key_id = @key_id;

-- ListDevices reads a person's devices, newest first.
-- name: ListDevices :many
SELECT *
FROM devices
WHERE tenant_id = @tenant_id AND person_id = @person_id::uuid
ORDER BY id DESC
LIMIT @page_size;

-- SetDevicePerson notes who logged in on a device.
-- name: SetDevicePerson :exec
UPDATE devices
SET person_id = @person_id::uuid, actor = @actor, update_time = @now
WHERE tenant_id = @tenant_id AND id = @id;

-- RevokeDevice ends a device; 0 rows means that it had ended before.
-- name: RevokeDevice :execrows
UPDATE devices
SET revoke_time = @now::timestamptz, actor = @actor, update_time = @now
WHERE tenant_id = @tenant_id AND id = @id AND revoke_time IS NULL;
