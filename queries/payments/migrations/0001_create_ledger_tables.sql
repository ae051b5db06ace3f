-- +goose Up
-- The books. A ledger transaction is written once and never changed: its end as posted or voided is another row, a correction is another
-- transaction. Only the running balances of accounts are updated in place, under a row lock, in the transaction that writes the entries.

-- ledger_accounts: one row a tenant, code and currency, opened when it is first named. Written by LedgerService and by the posting rules.
CREATE TABLE ledger_accounts (
    tenant_id       text        NOT NULL,
    id              uuid        NOT NULL,
    code            text        NOT NULL, -- Group of the chart and, where there is one, the subject: 'loan-principal:loan_…'.
    group_code      text        NOT NULL,
    currency        text        NOT NULL,
    normal_side     text        NOT NULL,
    may_go_negative boolean     NOT NULL,
    debits_posted   bigint      NOT NULL DEFAULT 0, -- All four in minor units; they only grow, but for holds that end.
    credits_posted  bigint      NOT NULL DEFAULT 0,
    debits_pending  bigint      NOT NULL DEFAULT 0,
    credits_pending bigint      NOT NULL DEFAULT 0,
    actor           text        NOT NULL, -- Who opened it.
    create_time     timestamptz NOT NULL,
    update_time     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT ledger_accounts_one_per_code_and_currency UNIQUE (tenant_id, code, currency),
    CONSTRAINT ledger_accounts_code_begins_with_group CHECK (split_part(code, ':', 1) = group_code),
    CONSTRAINT ledger_accounts_currency_is_iso CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT ledger_accounts_normal_side_known CHECK (normal_side IN ('DEBIT', 'CREDIT')),
    CONSTRAINT ledger_accounts_sums_not_negative
        CHECK (debits_posted >= 0 AND credits_posted >= 0 AND debits_pending >= 0 AND credits_pending >= 0),
    -- Holds against an account count as if they were posted, holds in its favour do not count yet.
    CONSTRAINT ledger_accounts_within_limit CHECK (
        may_go_negative
        OR (normal_side = 'DEBIT' AND credits_posted + credits_pending <= debits_posted)
        OR (normal_side = 'CREDIT' AND debits_posted + debits_pending <= credits_posted)
    )
);
ALTER TABLE ledger_accounts ENABLE ROW LEVEL SECURITY;
CREATE POLICY ledger_accounts_tenant ON ledger_accounts
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE DELETE ON ledger_accounts FROM lendgate_payments;

-- ledger_transactions: what happened. Written once, by LedgerService and by the posting rules.
CREATE TABLE ledger_transactions (
    tenant_id      text        NOT NULL,
    id             uuid        NOT NULL,
    source         text        NOT NULL, -- What it was made of, such as 'loan.disbursed/loan_…': the same source is booked once.
    kind           text        NOT NULL,
    reference      text        NOT NULL, -- Wire id of the loan or payment that it is about.
    value_date     date        NOT NULL,
    pending        boolean     NOT NULL, -- True for a hold; how it ended stands in ledger_resolutions.
    transaction_id xid8        NOT NULL DEFAULT pg_current_xact_id(), -- Entries come in the same database transaction or never.
    actor          text        NOT NULL,
    create_time    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT ledger_transactions_source_booked_once UNIQUE (tenant_id, source)
);
CREATE INDEX ledger_transactions_by_reference ON ledger_transactions (tenant_id, reference, id);
CREATE INDEX ledger_transactions_by_value_date ON ledger_transactions (tenant_id, value_date);
ALTER TABLE ledger_transactions ENABLE ROW LEVEL SECURITY;
CREATE POLICY ledger_transactions_tenant ON ledger_transactions
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE UPDATE, DELETE ON ledger_transactions FROM lendgate_payments;

-- ledger_entries: the lines of a transaction. A positive amount is a debit, a negative one a credit.
CREATE TABLE ledger_entries (
    tenant_id      text   NOT NULL,
    transaction_id uuid   NOT NULL,
    line           int    NOT NULL,
    account_id     uuid   NOT NULL,
    amount_minor   bigint NOT NULL,
    currency       text   NOT NULL,
    PRIMARY KEY (tenant_id, transaction_id, line),
    FOREIGN KEY (tenant_id, transaction_id) REFERENCES ledger_transactions (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES ledger_accounts (tenant_id, id),
    CONSTRAINT ledger_entries_amount_not_zero CHECK (amount_minor <> 0)
);
CREATE INDEX ledger_entries_by_account ON ledger_entries (tenant_id, account_id, transaction_id);
ALTER TABLE ledger_entries ENABLE ROW LEVEL SECURITY;
CREATE POLICY ledger_entries_tenant ON ledger_entries
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE UPDATE, DELETE ON ledger_entries FROM lendgate_payments;

-- ledger_resolutions: how a hold ended, at most once. Written by LedgerService and by the payout machine.
CREATE TABLE ledger_resolutions (
    tenant_id      text        NOT NULL,
    transaction_id uuid        NOT NULL,
    outcome        text        NOT NULL,
    actor          text        NOT NULL,
    create_time    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, transaction_id),
    FOREIGN KEY (tenant_id, transaction_id) REFERENCES ledger_transactions (tenant_id, id),
    CONSTRAINT ledger_resolutions_outcome_known CHECK (outcome IN ('POSTED', 'VOIDED'))
);
ALTER TABLE ledger_resolutions ENABLE ROW LEVEL SECURITY;
CREATE POLICY ledger_resolutions_tenant ON ledger_resolutions
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE UPDATE, DELETE ON ledger_resolutions FROM lendgate_payments;

-- +goose Down
DROP TABLE ledger_resolutions;
DROP TABLE ledger_entries;
DROP TABLE ledger_transactions;
DROP TABLE ledger_accounts;
