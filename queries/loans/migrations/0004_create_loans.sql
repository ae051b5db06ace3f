-- +goose Up
-- Money lent, what is owed when, and every movement.

-- loans: one row a signed agreement. Written by SignAgreement; changed by DisburseLoan, RepayLoan, CancelLoan and by collections that
-- arrive. Every change happens under a lock on the row, so that bookings of one loan are one after the other.
CREATE TABLE loans (
    tenant_id       text        NOT NULL,
    id              uuid        NOT NULL,
    person_id       uuid        NOT NULL,
    agreement_id    uuid        NOT NULL,
    application_id  uuid        NOT NULL,
    product_id      uuid        NOT NULL,
    number          text        NOT NULL,
    state           text        NOT NULL,
    principal_minor bigint      NOT NULL,
    currency        text        NOT NULL,
    instalments     integer     NOT NULL,
    -- The level payment of the current schedule, or the level principal part; 0 for a bullet loan and until the money has arrived.
    level_minor     bigint      NOT NULL DEFAULT 0,
    overpaid_minor  bigint      NOT NULL DEFAULT 0,
    disburse_date   date,
    maturity_date   date,
    -- The value date of the last movement. Penalties are booked up to it; no later movement lies before it.
    value_date      date,
    close_time      timestamptz,
    version         bigint      NOT NULL DEFAULT 1,
    actor           text        NOT NULL,
    create_time     timestamptz NOT NULL,
    update_time     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT loans_agreement FOREIGN KEY (tenant_id, agreement_id) REFERENCES agreements (tenant_id, id),
    CONSTRAINT loans_application FOREIGN KEY (tenant_id, application_id) REFERENCES applications (tenant_id, id),
    CONSTRAINT loans_product FOREIGN KEY (tenant_id, product_id) REFERENCES products (tenant_id, id),
    CONSTRAINT loans_one_an_agreement UNIQUE (tenant_id, agreement_id),
    CONSTRAINT loans_one_an_application UNIQUE (tenant_id, application_id),
    CONSTRAINT loans_state_is_known CHECK (state IN ('APPROVED', 'ACTIVE', 'CLOSED', 'CANCELLED')),
    CONSTRAINT loans_principal_is_positive CHECK (principal_minor > 0),
    CONSTRAINT loans_instalments_are_positive CHECK (instalments >= 1),
    CONSTRAINT loans_overpaid_is_not_negative CHECK (overpaid_minor >= 0 AND level_minor >= 0),
    CONSTRAINT loans_disbursed_have_dates CHECK ((state IN ('ACTIVE', 'CLOSED')) =
        (disburse_date IS NOT NULL AND maturity_date IS NOT NULL AND value_date IS NOT NULL)),
    CONSTRAINT loans_closed_have_a_time CHECK ((state = 'CLOSED') = (close_time IS NOT NULL))
);
CREATE INDEX loans_of_person ON loans (tenant_id, person_id, id DESC);
ALTER TABLE loans ENABLE ROW LEVEL SECURITY;
CREATE POLICY loans_tenant ON loans
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE DELETE ON loans FROM lendgate_loans;

ALTER TABLE applications ADD CONSTRAINT applications_loan FOREIGN KEY (tenant_id, loan_id) REFERENCES loans (tenant_id, id);

-- instalments: the schedule as it stands, with what is paid on each row. Written when the money arrives; rewritten under the loan's lock by
-- every payment, since an early one may shorten or lower what is to come. The history is in transactions.
CREATE TABLE instalments (
    tenant_id            text    NOT NULL,
    loan_id              uuid    NOT NULL,
    number               integer NOT NULL,
    from_date            date    NOT NULL,
    due_date             date    NOT NULL,
    principal_minor      bigint  NOT NULL,
    interest_minor       bigint  NOT NULL,
    fee_minor            bigint  NOT NULL,
    penalty_minor        bigint  NOT NULL,
    principal_paid_minor bigint  NOT NULL,
    interest_paid_minor  bigint  NOT NULL,
    fee_paid_minor       bigint  NOT NULL,
    penalty_paid_minor   bigint  NOT NULL,
    PRIMARY KEY (tenant_id, loan_id, number),
    CONSTRAINT instalments_loan FOREIGN KEY (tenant_id, loan_id) REFERENCES loans (tenant_id, id),
    CONSTRAINT instalments_number_counts_from_one CHECK (number >= 1),
    CONSTRAINT instalments_are_due_after_they_begin CHECK (from_date <= due_date),
    CONSTRAINT instalments_principal_is_not_overpaid CHECK (0 <= principal_paid_minor AND principal_paid_minor <= principal_minor),
    CONSTRAINT instalments_interest_is_not_overpaid CHECK (0 <= interest_paid_minor AND interest_paid_minor <= interest_minor),
    CONSTRAINT instalments_fee_is_not_overpaid CHECK (0 <= fee_paid_minor AND fee_paid_minor <= fee_minor),
    CONSTRAINT instalments_penalty_is_not_overpaid CHECK (0 <= penalty_paid_minor AND penalty_paid_minor <= penalty_minor)
);
ALTER TABLE instalments ENABLE ROW LEVEL SECURITY;
CREATE POLICY instalments_tenant ON instalments
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));

-- transactions: every movement of money on a loan with its parts, never changed. Written by DisburseLoan, RepayLoan and by collections that
-- arrive. One payment is booked once. A part may be negative: a payoff gives back interest that was paid in advance.
CREATE TABLE transactions (
    tenant_id       text        NOT NULL,
    id              uuid        NOT NULL,
    loan_id         uuid        NOT NULL,
    type            text        NOT NULL,
    value_date      date        NOT NULL,
    amount_minor    bigint      NOT NULL,
    principal_minor bigint      NOT NULL,
    interest_minor  bigint      NOT NULL,
    fee_minor       bigint      NOT NULL,
    penalty_minor   bigint      NOT NULL,
    overpaid_minor  bigint      NOT NULL,
    currency        text        NOT NULL,
    payment_id      uuid        NOT NULL,
    actor           text        NOT NULL,
    create_time     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT transactions_loan FOREIGN KEY (tenant_id, loan_id) REFERENCES loans (tenant_id, id),
    CONSTRAINT transactions_payment_is_booked_once UNIQUE (tenant_id, payment_id),
    CONSTRAINT transactions_type_is_known CHECK (type IN ('DISBURSEMENT', 'REPAYMENT')),
    CONSTRAINT transactions_amount_is_positive CHECK (amount_minor > 0),
    CONSTRAINT transactions_parts_make_the_amount CHECK (
        principal_minor + interest_minor + fee_minor + penalty_minor + overpaid_minor = amount_minor)
);
CREATE INDEX transactions_of_loan ON transactions (tenant_id, loan_id, id DESC);
CREATE TRIGGER transactions_are_append_only BEFORE UPDATE OR DELETE ON transactions FOR EACH ROW EXECUTE FUNCTION refuse_change();
ALTER TABLE transactions ENABLE ROW LEVEL SECURITY;
CREATE POLICY transactions_tenant ON transactions
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE UPDATE, DELETE ON transactions FROM lendgate_loans;

-- +goose Down
DROP TABLE transactions;
DROP TABLE instalments;
ALTER TABLE applications DROP CONSTRAINT applications_loan;
DROP TABLE loans;
