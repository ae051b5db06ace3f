-- Loans change only under a lock on their row.

-- InsertLoan adds a loan that waits for its payout.
-- name: InsertLoan :exec
INSERT INTO loans (tenant_id, id, person_id, agreement_id, application_id, product_id, number, state, principal_minor, currency,
    instalments, actor, create_time, update_time)
VALUES (@tenant_id, @id, @person_id, @agreement_id, @application_id, @product_id, @number, @state, @principal_minor, @currency,
    @instalments, @actor, @now, @now);

-- GetLoan reads a loan.
-- name: GetLoan :one
SELECT *
FROM loans
WHERE id = @id;

-- LockLoan reads a loan and holds it until the transaction ends.
-- name: LockLoan :one
SELECT *
FROM loans
WHERE id = @id
FOR UPDATE;

-- ListLoans reads loans newest first, those of one person when a person is named.
-- name: ListLoans :many
SELECT *
FROM loans
WHERE (sqlc.narg(person_id)::uuid IS NULL OR person_id = sqlc.narg(person_id))
    AND (sqlc.narg(after)::uuid IS NULL OR id < sqlc.narg(after))
ORDER BY id DESC
LIMIT @page_size;

-- UpdateLoan writes what verbs change, under the lock of LockLoan.
-- name: UpdateLoan :execrows
UPDATE loans
SET state = @state,
    level_minor = @level_minor,
    overpaid_minor = @overpaid_minor,
    disburse_date = @disburse_date,
    maturity_date = @maturity_date,
    value_date = @value_date,
    close_time = @close_time,
    version = version + 1,
    actor = @actor,
    update_time = @now
WHERE id = @id AND version = @version;
