-- +goose Up
-- Money on its way through providers: where it may go (cards), what goes out (payouts), what comes in (collections), and every call that
-- could move something (payment_attempts), written down before it is made.

-- cards: payout destinations that persons registered at a provider. Written by RegisterCard and ListCards.
CREATE TABLE cards (
    tenant_id        text        NOT NULL,
    id               uuid        NOT NULL,
    person_id        uuid        NOT NULL,
    provider         text        NOT NULL,
    state            text        NOT NULL,
    form_url         text, -- The provider's form; null until the provider gave one.
    provider_card_id text, -- The provider's token of the card; null until the form was filled in.
    masked_number    bytea, -- Sealed with the person's key.
    provider_code    text, -- Of a refusal.
    actor            text        NOT NULL,
    create_time      timestamptz NOT NULL,
    update_time      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT cards_provider_card_once UNIQUE (tenant_id, person_id, provider, provider_card_id),
    CONSTRAINT cards_state_known CHECK (state IN ('AWAITING', 'ACTIVE', 'REJECTED')),
    CONSTRAINT cards_active_ones_have_a_token CHECK (state <> 'ACTIVE' OR provider_card_id IS NOT NULL)
);
CREATE INDEX cards_by_person ON cards (tenant_id, person_id, id);
ALTER TABLE cards ENABLE ROW LEVEL SECURITY;
CREATE POLICY cards_tenant ON cards
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE DELETE ON cards FROM lendgate_payments;

-- payouts: money on its way to a person, one row a loan. Written by CreatePayout, then by the payout job under a row lock.
CREATE TABLE payouts (
    tenant_id           text        NOT NULL,
    id                  uuid        NOT NULL,
    loan_id             uuid        NOT NULL,
    person_id           uuid        NOT NULL,
    card_id             uuid        NOT NULL,
    amount_minor        bigint      NOT NULL,
    currency            text        NOT NULL,
    provider            text        NOT NULL,
    state               text        NOT NULL,
    provider_payment_id text, -- Set once, when the provider has prepared the payout: all that is executed or asked about is this one.
    provider_code       text,
    hold_id             uuid        NOT NULL, -- The ledger transaction that holds the money.
    actor               text        NOT NULL,
    create_time         timestamptz NOT NULL,
    update_time         timestamptz NOT NULL,
    finish_time         timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT payouts_one_per_loan UNIQUE (tenant_id, loan_id),
    CONSTRAINT payouts_amount_positive CHECK (amount_minor > 0),
    CONSTRAINT payouts_state_known CHECK (state IN ('CREATED', 'SENT', 'PAID', 'REJECTED', 'UNKNOWN')),
    CONSTRAINT payouts_finished_when_final CHECK ((finish_time IS NOT NULL) = (state IN ('PAID', 'REJECTED'))),
    CONSTRAINT payouts_sent_ones_are_named CHECK (state IN ('CREATED', 'REJECTED') OR provider_payment_id IS NOT NULL),
    FOREIGN KEY (tenant_id, card_id) REFERENCES cards (tenant_id, id),
    FOREIGN KEY (tenant_id, hold_id) REFERENCES ledger_transactions (tenant_id, id)
);
CREATE INDEX payouts_open ON payouts (tenant_id, id) WHERE state IN ('CREATED', 'SENT', 'UNKNOWN');
ALTER TABLE payouts ENABLE ROW LEVEL SECURITY;
CREATE POLICY payouts_tenant ON payouts
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE DELETE ON payouts FROM lendgate_payments;

-- +goose StatementBegin
CREATE FUNCTION keep_provider_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'payout % is payment % at the provider for good', OLD.id, OLD.provider_payment_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'payouts_provider_payment_fixed';
END
$$;
-- +goose StatementEnd
-- The second half of "at most once": what may be executed for a payout never changes, so no second payment can be.
CREATE TRIGGER payouts_provider_payment_fixed BEFORE UPDATE ON payouts FOR EACH ROW
    WHEN (OLD.provider_payment_id IS NOT NULL AND OLD.provider_payment_id IS DISTINCT FROM NEW.provider_payment_id)
    EXECUTE FUNCTION keep_provider_payment();

-- collections: money on its way from a person. Written by CreateCollection, then by jobs under a row lock.
CREATE TABLE collections (
    tenant_id           text        NOT NULL,
    id                  uuid        NOT NULL,
    loan_id             uuid        NOT NULL,
    person_id           uuid        NOT NULL,
    amount_minor        bigint      NOT NULL,
    currency            text        NOT NULL,
    purpose             text        NOT NULL,
    provider            text        NOT NULL,
    state               text        NOT NULL,
    order_id            text, -- Our name for it at the provider, of the last attempt to open it.
    provider_payment_id text,
    payment_url         text, -- The provider's page; null until it was opened.
    provider_code       text,
    due_time            timestamptz NOT NULL, -- When the page closes.
    actor               text        NOT NULL,
    create_time         timestamptz NOT NULL,
    update_time         timestamptz NOT NULL,
    finish_time         timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT collections_amount_positive CHECK (amount_minor > 0),
    CONSTRAINT collections_purpose_known CHECK (purpose IN ('INSTALMENT', 'PAYOFF')),
    CONSTRAINT collections_state_known
        CHECK (state IN ('CREATED', 'AWAITING', 'PROCESSING', 'PAID', 'FAILED', 'EXPIRED', 'UNKNOWN')),
    CONSTRAINT collections_finished_when_final CHECK ((finish_time IS NOT NULL) = (state IN ('PAID', 'FAILED', 'EXPIRED'))),
    CONSTRAINT collections_awaiting_ones_can_be_paid
        CHECK (state <> 'AWAITING' OR (payment_url IS NOT NULL AND provider_payment_id IS NOT NULL))
);
CREATE INDEX collections_by_loan ON collections (tenant_id, loan_id, id);
CREATE INDEX collections_open ON collections (tenant_id, id) WHERE state IN ('CREATED', 'AWAITING', 'PROCESSING', 'UNKNOWN');
ALTER TABLE collections ENABLE ROW LEVEL SECURITY;
CREATE POLICY collections_tenant ON collections
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE DELETE ON collections FROM lendgate_payments;

-- payment_attempts: calls to a provider that make or move something, each written before it is made. An attempt without an outcome is under
-- way until its deadline; after that its process died, and what the call did is not known.
CREATE TABLE payment_attempts (
    tenant_id           text        NOT NULL,
    payment_id          uuid        NOT NULL, -- The payout or collection.
    number              int         NOT NULL, -- 1, 2, 3… within the payment.
    operation           text        NOT NULL,
    order_id            text        NOT NULL,
    provider_payment_id text, -- What an EXECUTE executes; of the others, what the provider answered.
    deadline            timestamptz NOT NULL,
    outcome             text, -- As the kit of integrations classifies it; LOST when the process died.
    provider_code       text,
    actor               text        NOT NULL,
    create_time         timestamptz NOT NULL,
    finish_time         timestamptz,
    PRIMARY KEY (tenant_id, payment_id, number),
    CONSTRAINT payment_attempts_operation_known CHECK (operation IN ('PREPARE', 'EXECUTE', 'OPEN')),
    CONSTRAINT payment_attempts_outcome_known CHECK (outcome IN ('DONE', 'REFUSED', 'RETRYABLE', 'UNKNOWN', 'LOST')),
    CONSTRAINT payment_attempts_finished_with_outcome CHECK ((outcome IS NULL) = (finish_time IS NULL))
);
-- Nobody calls while another call for the same payment is under way.
CREATE UNIQUE INDEX payment_attempts_one_at_a_time ON payment_attempts (tenant_id, payment_id) WHERE outcome IS NULL;
ALTER TABLE payment_attempts ENABLE ROW LEVEL SECURITY;
CREATE POLICY payment_attempts_tenant ON payment_attempts
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE DELETE ON payment_attempts FROM lendgate_payments;

-- +goose Down
DROP TABLE payment_attempts;
DROP TABLE collections;
DROP TABLE payouts;
DROP FUNCTION keep_provider_payment();
DROP TABLE cards;
