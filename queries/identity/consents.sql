-- InsertConsent records that a person agreed.
-- name: InsertConsent :exec
INSERT INTO consents (tenant_id, id, person_id, purpose, text_version, actor, create_time, update_time)
VALUES (@tenant_id, @id, @person_id, @purpose, @text_version, @actor, @now, @now);

-- FindLiveConsent reads the consent to a text that holds now.
-- name: FindLiveConsent :one
SELECT *
FROM consents
WHERE tenant_id = @tenant_id AND person_id = @person_id AND purpose = @purpose AND text_version = @text_version
    AND withdraw_time IS NULL;

-- GetConsent reads a consent.
-- name: GetConsent :one
SELECT *
FROM consents
WHERE tenant_id = @tenant_id AND id = @id;

-- WithdrawConsent ends a consent; 0 rows means that it had ended before.
-- name: WithdrawConsent :execrows
UPDATE consents
SET withdraw_time = @now::timestamptz, actor = @actor, update_time = @now
WHERE tenant_id = @tenant_id AND id = @id AND withdraw_time IS NULL;

-- ListConsents reads a person's consents, newest first.
-- name: ListConsents :many
SELECT *
FROM consents
WHERE tenant_id = @tenant_id AND person_id = @person_id
ORDER BY id DESC
LIMIT @page_size;
