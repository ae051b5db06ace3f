-- The schedule of a loan as it stands, written under the lock of LockLoan.

-- ListInstalments reads the schedules of some loans, each in order of its due days.
-- name: ListInstalments :many
SELECT *
FROM instalments
WHERE loan_id = ANY(@loan_ids::uuid[])
ORDER BY loan_id, number;

-- SetInstalment writes one row of a schedule.
-- name: SetInstalment :batchexec
INSERT INTO instalments (tenant_id, loan_id, number, from_date, due_date, principal_minor, interest_minor, fee_minor, penalty_minor,
    principal_paid_minor, interest_paid_minor, fee_paid_minor, penalty_paid_minor)
VALUES (@tenant_id, @loan_id, @number, @from_date, @due_date, @principal_minor, @interest_minor, @fee_minor, @penalty_minor,
    @principal_paid_minor, @interest_paid_minor, @fee_paid_minor, @penalty_paid_minor)
ON CONFLICT (tenant_id, loan_id, number) DO UPDATE
    SET from_date = excluded.from_date,
        due_date = excluded.due_date,
        principal_minor = excluded.principal_minor,
        interest_minor = excluded.interest_minor,
        fee_minor = excluded.fee_minor,
        penalty_minor = excluded.penalty_minor,
        principal_paid_minor = excluded.principal_paid_minor,
        interest_paid_minor = excluded.interest_paid_minor,
        fee_paid_minor = excluded.fee_paid_minor,
        penalty_paid_minor = excluded.penalty_paid_minor;

-- DropInstalmentsAfter removes the rows that an early payment did away with.
-- name: DropInstalmentsAfter :exec
DELETE FROM instalments
WHERE loan_id = @loan_id AND number > @number;
