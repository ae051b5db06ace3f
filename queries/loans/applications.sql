-- Applications change only under a lock on their row.

-- InsertApplication adds an application; 0 rows means that the person has an open one for the product.
-- name: InsertApplication :execrows
INSERT INTO applications (tenant_id, id, person_id, product_id, product_code, principal_minor, currency, instalments, payout_destination,
    state, actor, create_time, update_time)
VALUES (@tenant_id, @id, @person_id, @product_id, @product_code, @principal_minor, @currency, @instalments, @payout_destination,
    @state, @actor, @now, @now)
ON CONFLICT (tenant_id, person_id, product_code) WHERE state IN ('SUBMITTED', 'OFFERED', 'ACCEPTED', 'SIGNED') DO NOTHING;

-- GetOpenApplication finds the open application of a person for a product.
-- name: GetOpenApplication :one
SELECT id
FROM applications
WHERE tenant_id = @tenant_id
    AND person_id = @person_id
    AND product_code = @product_code
    AND state IN ('SUBMITTED', 'OFFERED', 'ACCEPTED', 'SIGNED');

-- GetApplication reads an application.
-- name: GetApplication :one
SELECT *
FROM applications
WHERE id = @id;

-- LockApplication reads an application and holds it until the transaction ends.
-- name: LockApplication :one
SELECT *
FROM applications
WHERE id = @id
FOR UPDATE;

-- ListApplications reads applications newest first, those of one person when a person is named, those in one state when a state is.
-- name: ListApplications :many
SELECT *
FROM applications
WHERE (sqlc.narg(person_id)::uuid IS NULL OR person_id = sqlc.narg(person_id))
    AND (sqlc.narg(state)::text IS NULL OR state = sqlc.narg(state))
    AND (sqlc.narg(after)::uuid IS NULL OR id < sqlc.narg(after))
ORDER BY id DESC
LIMIT @page_size;

-- UpdateApplication writes what verbs change, under the lock of LockApplication.
-- name: UpdateApplication :execrows
UPDATE applications
SET state = @state,
    decision_id = @decision_id,
    reason_codes = @reason_codes,
    offer_id = @offer_id,
    agreement_id = @agreement_id,
    loan_id = @loan_id,
    version = version + 1,
    actor = @actor,
    update_time = @now
WHERE id = @id AND version = @version;
