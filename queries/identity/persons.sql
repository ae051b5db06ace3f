-- InsertPerson makes a person known by a phone.
-- name: InsertPerson :exec
INSERT INTO persons (tenant_id, id, phone_index, phone_sealed, locale, state, version, actor, create_time, update_time)
VALUES (@tenant_id, @id, @phone_index, @phone_sealed, @locale, 'ACTIVE', 0, @actor, @now, @now);

-- GetPerson reads a person.
-- name: GetPerson :one
SELECT *
FROM persons
WHERE tenant_id = @tenant_id AND id = @id;

-- LockPerson reads a person and holds the row until the end of the transaction.
-- name: LockPerson :one
SELECT *
FROM persons
WHERE tenant_id = @tenant_id AND id = @id
FOR UPDATE;

-- FindPersonByPhone reads the person whose phone has this keyed hash.
-- name: FindPersonByPhone :one
SELECT *
FROM persons
WHERE tenant_id = @tenant_id AND phone_index = @phone_index::bytea;

-- UpdateProfile replaces a profile that is still of the version that was read; 0 rows means that it is not.
-- name: UpdateProfile :execrows
UPDATE persons
SET profile_sealed = @profile_sealed, locale = @locale, version = version + 1, actor = @actor, update_time = @now
WHERE tenant_id = @tenant_id AND id = @id AND version = @version;
