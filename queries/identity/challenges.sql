-- LockPhone makes everything about one phone's codes happen one after the other, until the end of the transaction.
-- name: LockPhone :exec
SELECT pg_advisory_xact_lock(hashtextextended(@phone::text, 0));

-- InsertChallenge records a code that is about to be sent.
-- name: InsertChallenge :exec
INSERT INTO challenges (
    tenant_id, id, purpose, phone_index, phone_sealed, person_id, device_id, bound_digest, digits, max_tries, actor,
    create_time, update_time, expire_time)
VALUES (
    @tenant_id, @id, @purpose, @phone_index, @phone_sealed, @person_id, @device_id, @bound_digest, @digits, @max_tries, @actor,
    @now, @now, @expire_time);

-- GetChallenge reads a challenge.
-- name: GetChallenge :one
SELECT *
FROM challenges
WHERE tenant_id = @tenant_id AND id = @id;

-- ListRecentChallenges reads the codes sent to a phone for a purpose since a time, newest first, for the limits.
-- name: ListRecentChallenges :many
SELECT create_time, wrong_tries
FROM challenges
WHERE tenant_id = @tenant_id AND phone_index = @phone_index AND purpose = @purpose AND create_time > @since
ORDER BY create_time DESC
LIMIT 100;

-- SupersedeChallenges ends the live codes that a new one for the same thing on the same device takes the place of.
-- name: SupersedeChallenges :exec
UPDATE challenges
SET expire_time = @now, actor = @actor, update_time = @now
WHERE tenant_id = @tenant_id AND phone_index = @phone_index AND purpose = @purpose AND bound_digest = @bound_digest
    AND device_id IS NOT DISTINCT FROM sqlc.narg('device_id')::uuid AND use_time IS NULL AND expire_time > @now;

-- CountWrongTry costs a challenge a try.
-- name: CountWrongTry :execrows
UPDATE challenges
SET wrong_tries = wrong_tries + 1, actor = @actor, update_time = @now
WHERE tenant_id = @tenant_id AND id = @id AND use_time IS NULL AND wrong_tries < max_tries;

-- UseChallenge ends a challenge by its right code and wipes the phone, which is the person's now.
-- name: UseChallenge :execrows
UPDATE challenges
SET use_time = @now::timestamptz, phone_sealed = NULL, actor = @actor, update_time = @now
WHERE tenant_id = @tenant_id AND id = @id AND use_time IS NULL;

-- DeleteLoginChallenges drops the login codes that no limit looks at any more.
-- name: DeleteLoginChallenges :execrows
DELETE FROM challenges
WHERE tenant_id = @tenant_id AND purpose = 'LOGIN' AND create_time < @before;
