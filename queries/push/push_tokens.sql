-- Where push messages go.

-- ReleaseToken takes a token from another device that had it.
-- name: ReleaseToken :exec
DELETE FROM push_tokens
WHERE tenant_id = @tenant_id AND token_hash = @token_hash AND device_id <> @device_id;

-- PutToken gives a device its token, in place of an earlier one.
-- name: PutToken :exec
INSERT INTO push_tokens (tenant_id, device_id, person_id, token_sealed, token_hash, state, actor, create_time, update_time)
VALUES (@tenant_id, @device_id, @person_id, @token_sealed, @token_hash, 'LIVE', @actor, @now, @now)
ON CONFLICT (tenant_id, device_id) DO UPDATE
SET person_id = excluded.person_id,
    token_sealed = excluded.token_sealed,
    token_hash = excluded.token_hash,
    state = excluded.state,
    actor = excluded.actor,
    update_time = excluded.update_time;

-- HasLiveToken tells whether a person can be reached by push at all.
-- name: HasLiveToken :one
SELECT EXISTS (
    SELECT FROM push_tokens
    WHERE tenant_id = @tenant_id AND person_id = @person_id AND state = 'LIVE'
);

-- ListLiveTokens reads a person's tokens, each with whether the notification has been handed over for its device.
-- name: ListLiveTokens :many
SELECT
    t.device_id,
    t.token_sealed,
    t.token_hash,
    d.provider_id
FROM push_tokens AS t
LEFT JOIN push_deliveries AS d
    ON d.tenant_id = t.tenant_id AND d.device_id = t.device_id AND d.notification_id = @notification_id
WHERE t.tenant_id = @tenant_id AND t.person_id = @person_id AND t.state = 'LIVE'
ORDER BY t.create_time, t.device_id;

-- MarkTokenDead ends a token that the provider no longer knows. The hash keeps a token that came in between alive.
-- name: MarkTokenDead :execrows
UPDATE push_tokens
SET state = 'DEAD',
    update_time = @now
WHERE tenant_id = @tenant_id AND device_id = @device_id AND token_hash = @token_hash AND state = 'LIVE';

-- InsertDelivery notes that the provider took a notification for a device.
-- name: InsertDelivery :exec
INSERT INTO push_deliveries (tenant_id, notification_id, device_id, provider_id, create_time)
VALUES (@tenant_id, @notification_id, @device_id, @provider_id, @create_time)
ON CONFLICT DO NOTHING;
