-- LockAudit makes the records of a lender follow one another, until the end of the transaction.
-- name: LockAudit :exec
SELECT pg_advisory_xact_lock(hashtextextended(@name::text, 0));

-- LastAuditRecord reads the end of the chain.
-- name: LastAuditRecord :one
SELECT *
FROM audit_records
WHERE tenant_id = @tenant_id
ORDER BY sequence DESC
LIMIT 1;

-- InsertAuditRecord adds a record to the chain, under the lock of LockAudit.
-- name: InsertAuditRecord :exec
INSERT INTO audit_records (
    tenant_id, sequence, actor, procedure, subjects, outcome, reason, request_id, create_time, previous_hash, hash)
VALUES (
    @tenant_id, @sequence, @actor, @procedure, @subjects, @outcome, @reason, @request_id, @create_time, @previous_hash, @hash);

-- ListAuditRecords reads records, newest first. A filter that is null, or an empty text, filters nothing.
-- name: ListAuditRecords :many
SELECT *
FROM audit_records
WHERE tenant_id = @tenant_id
    AND (@before::bigint = 0 OR sequence < @before)
    AND (@by::text = '' OR actor = @by)
    AND (@subject::text = '' OR subjects @> ARRAY[@subject::text])
    AND (@called::text = '' OR procedure = @called)
    AND (sqlc.narg('from_time')::timestamptz IS NULL OR create_time >= sqlc.narg('from_time'))
    AND (sqlc.narg('to_time')::timestamptz IS NULL OR create_time < sqlc.narg('to_time'))
ORDER BY sequence DESC
LIMIT @page_size;

-- ReadAuditChain reads records in order of the chain.
-- name: ReadAuditChain :many
SELECT *
FROM audit_records
WHERE tenant_id = @tenant_id AND sequence >= @from_sequence
ORDER BY sequence
LIMIT @page_size;
