-- Accounts of the ledger. They are locked in the order of their ids, always all of a transaction's at once, so that writers cannot deadlock.

-- OpenLedgerAccounts makes the accounts that do not exist yet. The arrays run in parallel.
-- name: OpenLedgerAccounts :exec
INSERT INTO ledger_accounts
    (tenant_id, id, code, group_code, currency, normal_side, may_go_negative, actor, create_time, update_time)
SELECT @tenant_id, unnest(@ids::uuid[]), unnest(@codes::text[]), unnest(@group_codes::text[]), unnest(@currencies::text[]),
    unnest(@normal_sides::text[]), unnest(@may_go_negatives::boolean[]), @actor, @create_time, @create_time
ON CONFLICT ON CONSTRAINT ledger_accounts_one_per_code_and_currency DO NOTHING;

-- LockLedgerAccounts locks and reads accounts by code, in each of their currencies.
-- name: LockLedgerAccounts :many
SELECT *
FROM ledger_accounts
WHERE tenant_id = @tenant_id AND code = ANY(@codes::text[])
ORDER BY id
FOR NO KEY UPDATE;

-- LockLedgerAccountsOfTransaction locks and reads the accounts that a transaction touches.
-- name: LockLedgerAccountsOfTransaction :many
SELECT a.*
FROM ledger_accounts a
WHERE a.tenant_id = @tenant_id AND a.id IN (
    SELECT e.account_id FROM ledger_entries e WHERE e.tenant_id = @tenant_id AND e.transaction_id = @transaction_id
)
ORDER BY a.id
FOR NO KEY UPDATE OF a;

-- UpdateLedgerBalances writes the running balances of locked accounts. The arrays run in parallel.
-- name: UpdateLedgerBalances :execrows
UPDATE ledger_accounts a
SET debits_posted = b.debits_posted, credits_posted = b.credits_posted,
    debits_pending = b.debits_pending, credits_pending = b.credits_pending, update_time = @update_time
FROM (
    SELECT unnest(@ids::uuid[]) AS id, unnest(@debits_posted::bigint[]) AS debits_posted, unnest(@credits_posted::bigint[]) AS credits_posted,
        unnest(@debits_pending::bigint[]) AS debits_pending, unnest(@credits_pending::bigint[]) AS credits_pending
) b
WHERE a.tenant_id = @tenant_id AND a.id = b.id;

-- ListLedgerAccountsByCode reads one account in each of its currencies.
-- name: ListLedgerAccountsByCode :many
SELECT *
FROM ledger_accounts
WHERE tenant_id = @tenant_id AND code = @code
ORDER BY currency;

-- SumLedgerGroups sums the running balances of all accounts by currency and group.
-- name: SumLedgerGroups :many
SELECT currency, group_code, normal_side,
    sum(debits_posted)::bigint AS debits_posted, sum(credits_posted)::bigint AS credits_posted,
    sum(debits_pending)::bigint AS debits_pending, sum(credits_pending)::bigint AS credits_pending
FROM ledger_accounts
WHERE tenant_id = @tenant_id
GROUP BY currency, group_code, normal_side
ORDER BY currency, group_code;

-- SumLedgerGroupsUntil sums the entries of all transactions that count for a day or an earlier one, by currency and group.
-- name: SumLedgerGroupsUntil :many
SELECT a.currency, a.group_code, a.normal_side,
    (coalesce(sum(e.amount_minor) FILTER (WHERE e.amount_minor > 0 AND (NOT t.pending OR r.outcome = 'POSTED')), 0))::bigint AS debits_posted,
    (coalesce(-sum(e.amount_minor) FILTER (WHERE e.amount_minor < 0 AND (NOT t.pending OR r.outcome = 'POSTED')), 0))::bigint AS credits_posted,
    (coalesce(sum(e.amount_minor) FILTER (WHERE e.amount_minor > 0 AND t.pending AND r.outcome IS NULL), 0))::bigint AS debits_pending,
    (coalesce(-sum(e.amount_minor) FILTER (WHERE e.amount_minor < 0 AND t.pending AND r.outcome IS NULL), 0))::bigint AS credits_pending
FROM ledger_transactions t
JOIN ledger_entries e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id
JOIN ledger_accounts a ON a.tenant_id = e.tenant_id AND a.id = e.account_id
LEFT JOIN ledger_resolutions r ON r.tenant_id = t.tenant_id AND r.transaction_id = t.id
WHERE t.tenant_id = @tenant_id AND t.value_date <= @value_date
GROUP BY a.currency, a.group_code, a.normal_side
ORDER BY a.currency, a.group_code;
