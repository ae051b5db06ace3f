-- +goose Up
-- The documents that loans rest on, and the proof that they were signed.

-- agreements: one row a document made for a chosen offer. Written by AcceptOffer; signed by SignAgreement; voided by the verbs that end an
-- application.
CREATE TABLE agreements (
    tenant_id        text        NOT NULL,
    id               uuid        NOT NULL,
    application_id   uuid        NOT NULL,
    offer_id         uuid        NOT NULL,
    person_id        uuid        NOT NULL,
    -- For people; gaps are possible, doubles are not.
    number           text        NOT NULL,
    state            text        NOT NULL,
    document_sha256  bytea       NOT NULL,
    locale           text        NOT NULL,
    template_version text        NOT NULL,
    sign_time        timestamptz,
    version          bigint      NOT NULL DEFAULT 1,
    actor            text        NOT NULL,
    create_time      timestamptz NOT NULL,
    update_time      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT agreements_application FOREIGN KEY (tenant_id, application_id) REFERENCES applications (tenant_id, id),
    CONSTRAINT agreements_offer FOREIGN KEY (tenant_id, offer_id) REFERENCES offers (tenant_id, id),
    CONSTRAINT agreements_one_an_application UNIQUE (tenant_id, application_id),
    CONSTRAINT agreements_number_is_unique UNIQUE (tenant_id, number),
    CONSTRAINT agreements_state_is_known CHECK (state IN ('PREPARED', 'SIGNED', 'VOIDED')),
    CONSTRAINT agreements_hash_is_sha256 CHECK (octet_length(document_sha256) = 32),
    CONSTRAINT agreements_signed_have_a_time CHECK ((state = 'SIGNED') = (sign_time IS NOT NULL))
);
ALTER TABLE agreements ENABLE ROW LEVEL SECURITY;
CREATE POLICY agreements_tenant ON agreements
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE DELETE ON agreements FROM lendgate_loans;

ALTER TABLE applications ADD CONSTRAINT applications_agreement
    FOREIGN KEY (tenant_id, agreement_id) REFERENCES agreements (tenant_id, id);

-- documents: the PDF of an agreement, sealed with the key of the person that it is about, never changed. Written by AcceptOffer.
CREATE TABLE documents (
    tenant_id    text        NOT NULL,
    agreement_id uuid        NOT NULL,
    person_id    uuid        NOT NULL,
    content      bytea       NOT NULL,
    actor        text        NOT NULL,
    create_time  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, agreement_id),
    CONSTRAINT documents_agreement FOREIGN KEY (tenant_id, agreement_id) REFERENCES agreements (tenant_id, id)
);
CREATE TRIGGER documents_are_append_only BEFORE UPDATE OR DELETE ON documents FOR EACH ROW EXECUTE FUNCTION refuse_change();
ALTER TABLE documents ENABLE ROW LEVEL SECURITY;
CREATE POLICY documents_tenant ON documents
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE UPDATE, DELETE ON documents FROM lendgate_loans;

-- signatures: the evidence behind a simple electronic signature: who signed what (hash), when, on which device, by which code sent to which
-- phone (sealed). Written by SignAgreement, never changed.
CREATE TABLE signatures (
    tenant_id       text        NOT NULL,
    agreement_id    uuid        NOT NULL,
    person_id       uuid        NOT NULL,
    document_sha256 bytea       NOT NULL,
    challenge_id    uuid        NOT NULL,
    -- Null when the code was typed in on no device of ours, such as in a shop.
    device_id       uuid,
    phone           bytea       NOT NULL,
    send_time       timestamptz NOT NULL,
    confirm_time    timestamptz NOT NULL,
    actor           text        NOT NULL,
    create_time     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, agreement_id),
    CONSTRAINT signatures_agreement FOREIGN KEY (tenant_id, agreement_id) REFERENCES agreements (tenant_id, id),
    CONSTRAINT signatures_challenge_signs_once UNIQUE (tenant_id, challenge_id),
    CONSTRAINT signatures_hash_is_sha256 CHECK (octet_length(document_sha256) = 32),
    CONSTRAINT signatures_code_was_sent_before CHECK (send_time <= confirm_time)
);
CREATE TRIGGER signatures_are_append_only BEFORE UPDATE OR DELETE ON signatures FOR EACH ROW EXECUTE FUNCTION refuse_change();
ALTER TABLE signatures ENABLE ROW LEVEL SECURITY;
CREATE POLICY signatures_tenant ON signatures
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE UPDATE, DELETE ON signatures FROM lendgate_loans;

-- +goose Down
DROP TABLE signatures;
DROP TABLE documents;
ALTER TABLE applications DROP CONSTRAINT applications_agreement;
DROP TABLE agreements;
