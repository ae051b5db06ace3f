-- Transactions of the ledger with their entries and resolutions. All are written once.

-- InsertLedgerTransaction records a transaction; 0 rows means that its source was booked before.
-- name: InsertLedgerTransaction :execrows
INSERT INTO ledger_transactions (tenant_id, id, source, kind, reference, value_date, pending, actor, create_time)
VALUES (@tenant_id, @id, @source, @kind, @reference, @value_date, @pending, @actor, @create_time)
ON CONFLICT ON CONSTRAINT ledger_transactions_source_booked_once DO NOTHING;

-- InsertLedgerEntries records the lines of a transaction. The arrays run in parallel.
-- name: InsertLedgerEntries :exec
INSERT INTO ledger_entries (tenant_id, transaction_id, line, account_id, amount_minor, currency)
SELECT @tenant_id, @transaction_id, unnest(@lines::int[]), unnest(@account_ids::uuid[]), unnest(@amounts_minor::bigint[]),
    unnest(@currencies::text[]);

-- InsertLedgerResolution ends a hold; 0 rows means that it had ended.
-- name: InsertLedgerResolution :execrows
INSERT INTO ledger_resolutions (tenant_id, transaction_id, outcome, actor, create_time)
VALUES (@tenant_id, @transaction_id, @outcome, @actor, @create_time)
ON CONFLICT DO NOTHING;

-- GetLedgerTransaction reads a transaction with its outcome, which is empty unless it is a hold that ended.
-- name: GetLedgerTransaction :one
SELECT t.id, t.source, t.kind, t.reference, t.value_date, t.pending, t.create_time, coalesce(r.outcome, '')::text AS outcome
FROM ledger_transactions t
LEFT JOIN ledger_resolutions r ON r.tenant_id = t.tenant_id AND r.transaction_id = t.id
WHERE t.tenant_id = @tenant_id AND t.id = @id;

-- GetLedgerTransactionIDBySource finds the transaction that was made of a source.
-- name: GetLedgerTransactionIDBySource :one
SELECT id
FROM ledger_transactions
WHERE tenant_id = @tenant_id AND source = @source;

-- ListLedgerTransactions reads a page, newest first. An empty reference means all; the highest UUID begins at the newest.
-- name: ListLedgerTransactions :many
SELECT t.id, t.source, t.kind, t.reference, t.value_date, t.pending, t.create_time, coalesce(r.outcome, '')::text AS outcome
FROM ledger_transactions t
LEFT JOIN ledger_resolutions r ON r.tenant_id = t.tenant_id AND r.transaction_id = t.id
WHERE t.tenant_id = @tenant_id AND (@reference::text = '' OR t.reference = @reference) AND t.id < @before
ORDER BY t.id DESC
LIMIT @page_size;

-- ListLedgerEntries reads the lines of some transactions, in order.
-- name: ListLedgerEntries :many
SELECT e.transaction_id, e.line, e.account_id, a.code, e.amount_minor, e.currency
FROM ledger_entries e
JOIN ledger_accounts a ON a.tenant_id = e.tenant_id AND a.id = e.account_id
WHERE e.tenant_id = @tenant_id AND e.transaction_id = ANY(@transaction_ids::uuid[])
ORDER BY e.transaction_id, e.line;
