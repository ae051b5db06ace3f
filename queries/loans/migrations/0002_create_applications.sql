-- +goose Up
-- Wishes for loans and what is offered on them.

-- applications: one row a wish for a loan, on its way from SUBMITTED to an end. Written by every verb of ApplicationService, by
-- SignAgreement, DisburseLoan and CancelLoan.
CREATE TABLE applications (
    tenant_id          text        NOT NULL,
    id                 uuid        NOT NULL,
    person_id          uuid        NOT NULL,
    product_id         uuid        NOT NULL,
    product_code       text        NOT NULL,
    principal_minor    bigint      NOT NULL,
    currency           text        NOT NULL,
    instalments        integer     NOT NULL,
    -- A provider's token of a card or account; never the number itself.
    payout_destination text        NOT NULL,
    state              text        NOT NULL,
    decision_id        uuid,
    reason_codes       text[]      NOT NULL DEFAULT '{}',
    offer_id           uuid,
    agreement_id       uuid,
    loan_id            uuid,
    version            bigint      NOT NULL DEFAULT 1,
    actor              text        NOT NULL,
    create_time        timestamptz NOT NULL,
    update_time        timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT applications_product FOREIGN KEY (tenant_id, product_id) REFERENCES products (tenant_id, id),
    CONSTRAINT applications_principal_is_positive CHECK (principal_minor > 0),
    CONSTRAINT applications_instalments_are_positive CHECK (instalments >= 1),
    CONSTRAINT applications_state_is_known CHECK (state IN (
        'SUBMITTED', 'OFFERED', 'ACCEPTED', 'SIGNED', 'DISBURSED', 'REJECTED', 'WITHDRAWN', 'EXPIRED', 'FAILED')),
    CONSTRAINT applications_rejected_have_reasons CHECK (state <> 'REJECTED' OR cardinality(reason_codes) > 0),
    CONSTRAINT applications_accepted_have_an_agreement CHECK (
        state NOT IN ('ACCEPTED', 'SIGNED', 'DISBURSED') OR (offer_id IS NOT NULL AND agreement_id IS NOT NULL)),
    CONSTRAINT applications_signed_have_a_loan CHECK (state NOT IN ('SIGNED', 'DISBURSED', 'FAILED') OR loan_id IS NOT NULL)
);
-- One open application a person and product.
CREATE UNIQUE INDEX applications_one_open ON applications (tenant_id, person_id, product_code)
    WHERE state IN ('SUBMITTED', 'OFFERED', 'ACCEPTED', 'SIGNED');
CREATE INDEX applications_of_person ON applications (tenant_id, person_id, id DESC);
ALTER TABLE applications ENABLE ROW LEVEL SECURITY;
CREATE POLICY applications_tenant ON applications
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE DELETE ON applications FROM lendgate_loans;

-- offers: what the lender would lend on an application, never changed. Written by OfferLoan. The schedule is computed when it is shown,
-- as if paid out on that day; instalment_minor is the largest instalment as of the day of the offer, and the order of the list.
CREATE TABLE offers (
    tenant_id        text        NOT NULL,
    id               uuid        NOT NULL,
    application_id   uuid        NOT NULL,
    person_id        uuid        NOT NULL,
    product_id       uuid        NOT NULL,
    principal_minor  bigint      NOT NULL,
    currency         text        NOT NULL,
    instalments      integer     NOT NULL,
    instalment_minor bigint      NOT NULL,
    expire_time      timestamptz NOT NULL,
    actor            text        NOT NULL,
    create_time      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT offers_application FOREIGN KEY (tenant_id, application_id) REFERENCES applications (tenant_id, id),
    CONSTRAINT offers_product FOREIGN KEY (tenant_id, product_id) REFERENCES products (tenant_id, id),
    CONSTRAINT offers_principal_is_positive CHECK (principal_minor > 0),
    CONSTRAINT offers_instalments_are_positive CHECK (instalments >= 1 AND instalment_minor > 0),
    CONSTRAINT offers_end_after_they_begin CHECK (expire_time > create_time)
);
CREATE INDEX offers_of_application ON offers (tenant_id, application_id, instalment_minor);
CREATE TRIGGER offers_are_append_only BEFORE UPDATE OR DELETE ON offers FOR EACH ROW EXECUTE FUNCTION refuse_change();
ALTER TABLE offers ENABLE ROW LEVEL SECURITY;
CREATE POLICY offers_tenant ON offers
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE UPDATE, DELETE ON offers FROM lendgate_loans;

ALTER TABLE applications ADD CONSTRAINT applications_offer FOREIGN KEY (tenant_id, offer_id) REFERENCES offers (tenant_id, id);

-- +goose Down
ALTER TABLE applications DROP CONSTRAINT applications_offer;
DROP TABLE offers;
DROP TABLE applications;
