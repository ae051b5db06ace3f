-- Counters give out numbers. The row stays locked until the transaction ends; a number of a transaction that fails is given out again.

-- NextNumber takes the next number of a counter, from 1.
-- name: NextNumber :one
INSERT INTO counters AS c (tenant_id, name, value)
VALUES (@tenant_id, @name, 1)
ON CONFLICT (tenant_id, name) DO UPDATE SET value = c.value + 1
RETURNING value;
