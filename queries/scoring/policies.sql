-- Policies are only ever added to. The newest version in force decides.

-- InsertPolicy adds a version of a product's policy. Zero rows mean that the version is there already.
-- name: InsertPolicy :execrows
INSERT INTO policies (tenant_id, product_code, version, body, effective_time, actor, create_time)
VALUES (@tenant_id, @product_code, @version, @body, @effective_time, @actor, @create_time)
ON CONFLICT (tenant_id, product_code, version) DO NOTHING;

-- GetNewestVersion finds the number of the newest version of a product's policy, in force or not; 0 when there is none.
-- name: GetNewestVersion :one
SELECT COALESCE(MAX(version), 0)::integer AS version
FROM policies
WHERE product_code = @product_code;

-- GetLivePolicy finds the newest version of a product's policy that is in force.
-- name: GetLivePolicy :one
SELECT *
FROM policies
WHERE product_code = @product_code AND effective_time <= @now
ORDER BY version DESC
LIMIT 1;
