-- Payouts. Every change is made under the lock of LockPayout.

-- InsertPayout records a payout; 0 rows means that the loan has one.
-- name: InsertPayout :execrows
INSERT INTO payouts
    (tenant_id, id, loan_id, person_id, card_id, amount_minor, currency, provider, state, hold_id, actor, create_time, update_time)
VALUES
    (@tenant_id, @id, @loan_id, @person_id, @card_id, @amount_minor, @currency, @provider, 'CREATED', @hold_id, @actor, @create_time,
     @create_time)
ON CONFLICT ON CONSTRAINT payouts_one_per_loan DO NOTHING;

-- GetPayout reads a payout.
-- name: GetPayout :one
SELECT *
FROM payouts
WHERE tenant_id = @tenant_id AND id = @id;

-- GetPayoutByLoan reads the payout of a loan.
-- name: GetPayoutByLoan :one
SELECT *
FROM payouts
WHERE tenant_id = @tenant_id AND loan_id = @loan_id;

-- LockPayout reads a payout and locks it until the end of the transaction.
-- name: LockPayout :one
SELECT *
FROM payouts
WHERE tenant_id = @tenant_id AND id = @id
FOR NO KEY UPDATE;

-- UpdatePayout moves a locked payout.
-- name: UpdatePayout :execrows
UPDATE payouts
SET state = @state, provider_payment_id = @provider_payment_id, provider_code = @provider_code, update_time = @update_time,
    finish_time = @finish_time
WHERE tenant_id = @tenant_id AND id = @id;

-- LockPayoutsOfLoan lets one transaction at a time look for, and make, the payout of a loan. The key names tenant and loan.
-- name: LockPayoutsOfLoan :exec
SELECT pg_advisory_xact_lock(hashtextextended(@key::text, 0));

-- ListOpenPayouts reads payouts that are not final, for the sweep.
-- name: ListOpenPayouts :many
SELECT id
FROM payouts
WHERE tenant_id = @tenant_id AND state IN ('CREATED', 'SENT', 'UNKNOWN') AND id > @after
ORDER BY id
LIMIT @page_size;
