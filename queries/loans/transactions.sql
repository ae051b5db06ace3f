-- Movements of money on loans, append-only.

-- InsertTransaction books a movement.
-- name: InsertTransaction :exec
INSERT INTO transactions (tenant_id, id, loan_id, type, value_date, amount_minor, principal_minor, interest_minor, fee_minor,
    penalty_minor, overpaid_minor, currency, payment_id, actor, create_time)
VALUES (@tenant_id, @id, @loan_id, @type, @value_date, @amount_minor, @principal_minor, @interest_minor, @fee_minor,
    @penalty_minor, @overpaid_minor, @currency, @payment_id, @actor, @create_time);

-- GetTransactionOfPayment finds what a payment was booked as.
-- name: GetTransactionOfPayment :one
SELECT *
FROM transactions
WHERE tenant_id = @tenant_id AND payment_id = @payment_id;

-- ListTransactions reads the movements of a loan, newest first.
-- name: ListTransactions :many
SELECT *
FROM transactions
WHERE loan_id = @loan_id
    AND (sqlc.narg(after)::uuid IS NULL OR id < sqlc.narg(after))
ORDER BY id DESC
LIMIT @page_size;
