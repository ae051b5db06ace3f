-- InsertNonce uses up a nonce; 0 rows means that it was used before.
-- name: InsertNonce :execrows
INSERT INTO nonces (tenant_id, digest, request_id, actor, create_time, expire_time)
VALUES (@tenant_id, @digest, @request_id, @actor, @now, @expire_time)
ON CONFLICT (tenant_id, digest) DO NOTHING;

-- GetNonceRequest reads which request used up a nonce.
-- name: GetNonceRequest :one
SELECT request_id
FROM nonces
WHERE tenant_id = @tenant_id AND digest = @digest;

-- DeleteNonces drops nonces whose signature has ended.
-- name: DeleteNonces :execrows
DELETE FROM nonces
WHERE tenant_id = @tenant_id AND expire_time < @before;
