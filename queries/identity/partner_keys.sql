-- LockPartner makes everything about one partner's keys happen one after the other, until the end of the transaction.
-- name: LockPartner :exec
SELECT pg_advisory_xact_lock(hashtextextended('partner_keys|' || @tenant_id::text || '|' || @partner_id::text, 0));

-- CountLivePartnerKeys counts the keys of a partner that are good now or will be.
-- name: CountLivePartnerKeys :one
SELECT count(*)
FROM partner_keys
WHERE tenant_id = @tenant_id AND partner_id = @partner_id AND revoke_time IS NULL AND (not_after IS NULL OR not_after > @now::timestamptz);

-- InsertPartnerKey issues a key.
-- name: InsertPartnerKey :one
INSERT INTO partner_keys (
    tenant_id, id, partner_id, algorithm, public_key, secret_sealed, actor, create_time, update_time, not_before, not_after)
VALUES (@tenant_id, @id, @partner_id, @algorithm, @public_key, @secret_sealed, @actor, @now, @now, @not_before, @not_after)
RETURNING *;

-- GetPartnerKey reads a key.
-- name: GetPartnerKey :one
SELECT *
FROM partner_keys
WHERE tenant_id = @tenant_id AND id = @id;

-- ListPartnerKeys reads a partner's keys, newest first.
-- name: ListPartnerKeys :many
SELECT *
FROM partner_keys
WHERE tenant_id = @tenant_id AND partner_id = @partner_id
ORDER BY id DESC
LIMIT @page_size;

-- RevokePartnerKey ends a key; 0 rows means that it had ended before.
-- name: RevokePartnerKey :execrows
UPDATE partner_keys
SET revoke_time = @now::timestamptz, actor = @actor, update_time = @now
WHERE tenant_id = @tenant_id AND id = @id AND revoke_time IS NULL;
