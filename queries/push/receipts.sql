-- What providers reported.

-- InsertReceipt keeps a report; 0 rows means that its event came before.
-- name: InsertReceipt :execrows
INSERT INTO receipts (tenant_id, provider, event_id, provider_id, state, create_time)
VALUES (@tenant_id, @provider, @event_id, @provider_id, @state, @create_time)
ON CONFLICT DO NOTHING;

-- ListReceipts reads the reports about a message in the order in which they came.
-- name: ListReceipts :many
SELECT state
FROM receipts
WHERE tenant_id = @tenant_id AND provider = @provider AND provider_id = @provider_id
ORDER BY create_time, event_id;
