-- +goose Up
-- Permissions that people gave to the lender.

-- consents: one row each time a person agreed to a text for a purpose. Written by GiveConsents; WithdrawConsent sets its end, which is for
-- good: agreeing again makes a new row. Rows are evidence and are never deleted.
CREATE TABLE consents (
    tenant_id     text        NOT NULL,
    id            uuid        NOT NULL,
    person_id     uuid        NOT NULL,
    purpose       text        NOT NULL,
    text_version  text        NOT NULL,
    actor         text        NOT NULL,
    create_time   timestamptz NOT NULL,
    update_time   timestamptz NOT NULL,
    withdraw_time timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT consents_person FOREIGN KEY (tenant_id, person_id) REFERENCES persons (tenant_id, id),
    CONSTRAINT consents_purpose_is_known CHECK (purpose IN ('PERSONAL_DATA', 'CREDIT_BUREAU', 'MARKETING')),
    CONSTRAINT consents_end_after_they_begin CHECK (withdraw_time >= create_time)
);
-- A text is agreed to once at a time.
CREATE UNIQUE INDEX consents_one_live ON consents (tenant_id, person_id, purpose, text_version) WHERE withdraw_time IS NULL;
CREATE INDEX consents_of_person ON consents (tenant_id, person_id, id DESC);
ALTER TABLE consents ENABLE ROW LEVEL SECURITY;
CREATE POLICY consents_tenant ON consents
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE DELETE ON consents FROM lendgate_identity;

-- +goose Down
DROP TABLE consents;
