-- The business date of a tenant, when it is set by hand.

-- GetBusinessDate reads the date that was set; no row, or a null, means today.
-- name: GetBusinessDate :one
SELECT business_date
FROM business_days
WHERE tenant_id = @tenant_id;

-- SetBusinessDate sets the date, or lets it follow the clock again with a null.
-- name: SetBusinessDate :exec
INSERT INTO business_days (tenant_id, business_date, actor, update_time)
VALUES (@tenant_id, sqlc.narg(business_date), @actor, @update_time)
ON CONFLICT (tenant_id) DO UPDATE
    SET business_date = excluded.business_date, actor = excluded.actor, update_time = excluded.update_time;
