-- Collections. Every change is made under the lock of LockCollection.

-- InsertCollection records a collection.
-- name: InsertCollection :exec
INSERT INTO collections
    (tenant_id, id, loan_id, person_id, amount_minor, currency, purpose, provider, state, due_time, actor, create_time, update_time)
VALUES
    (@tenant_id, @id, @loan_id, @person_id, @amount_minor, @currency, @purpose, @provider, 'CREATED', @due_time, @actor, @create_time,
     @create_time);

-- GetCollection reads a collection.
-- name: GetCollection :one
SELECT *
FROM collections
WHERE tenant_id = @tenant_id AND id = @id;

-- LockCollection reads a collection and locks it until the end of the transaction.
-- name: LockCollection :one
SELECT *
FROM collections
WHERE tenant_id = @tenant_id AND id = @id
FOR NO KEY UPDATE;

-- UpdateCollection moves a locked collection.
-- name: UpdateCollection :execrows
UPDATE collections
SET state = @state, order_id = @order_id, provider_payment_id = @provider_payment_id, payment_url = @payment_url,
    provider_code = @provider_code, update_time = @update_time, finish_time = @finish_time
WHERE tenant_id = @tenant_id AND id = @id;

-- ListCollections reads a page of a loan's collections, newest first. A null person means those of everybody.
-- name: ListCollections :many
SELECT *
FROM collections
WHERE tenant_id = @tenant_id AND loan_id = @loan_id AND (sqlc.narg('person_id')::uuid IS NULL OR person_id = sqlc.narg('person_id'))
    AND id < @before
ORDER BY id DESC
LIMIT @page_size;

-- ListOpenCollections reads collections that are not final, for the sweep.
-- name: ListOpenCollections :many
SELECT id
FROM collections
WHERE tenant_id = @tenant_id AND state IN ('CREATED', 'AWAITING', 'PROCESSING', 'UNKNOWN') AND id > @after
ORDER BY id
LIMIT @page_size;
