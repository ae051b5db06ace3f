-- Attempts: calls to a provider, written before they are made. They are read and written under the lock of their payout or collection.

-- InsertAttempt records a call that is about to be made.
-- name: InsertAttempt :exec
INSERT INTO payment_attempts (tenant_id, payment_id, number, operation, order_id, provider_payment_id, deadline, actor, create_time)
VALUES (@tenant_id, @payment_id, @number, @operation, @order_id, @provider_payment_id, @deadline, @actor, @create_time);

-- GetLastAttempt reads the last call for a payment.
-- name: GetLastAttempt :one
SELECT *
FROM payment_attempts
WHERE tenant_id = @tenant_id AND payment_id = @payment_id
ORDER BY number DESC
LIMIT 1;

-- FinishAttempt notes what became of a call; 0 rows means that it had been given up as lost.
-- name: FinishAttempt :execrows
UPDATE payment_attempts
SET outcome = @outcome::text, provider_payment_id = coalesce(sqlc.narg('provider_payment_id'), provider_payment_id),
    provider_code = sqlc.narg('provider_code'), finish_time = @finish_time
WHERE tenant_id = @tenant_id AND payment_id = @payment_id AND number = @number AND outcome IS NULL;
