-- +goose Up
-- People, known by their phone.

-- persons: one row a customer of a lender. Made by ConfirmLogin, changed by UpdateProfile. Phone and profile are sealed with the person's
-- own key; the phone is found again by its keyed hash. An erased person keeps the row and nothing else.
CREATE TABLE persons (
    tenant_id      text        NOT NULL,
    id             uuid        NOT NULL,
    phone_index    bytea,
    phone_sealed   bytea,
    profile_sealed bytea,
    locale         text        NOT NULL DEFAULT '',
    state          text        NOT NULL DEFAULT 'ACTIVE',
    version        bigint      NOT NULL DEFAULT 0,
    actor          text        NOT NULL,
    create_time    timestamptz NOT NULL,
    update_time    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT persons_one_a_phone UNIQUE (tenant_id, phone_index),
    CONSTRAINT persons_phone_index_is_a_hash CHECK (octet_length(phone_index) = 32),
    CONSTRAINT persons_state_is_known CHECK (state IN ('ACTIVE', 'BLOCKED', 'ERASED')),
    CONSTRAINT persons_have_a_phone_until_erased CHECK ((state = 'ERASED') = (phone_index IS NULL)),
    CONSTRAINT persons_erased_have_no_data CHECK (state <> 'ERASED' OR (phone_sealed IS NULL AND profile_sealed IS NULL)),
    CONSTRAINT persons_phone_is_kept_with_its_index CHECK ((phone_index IS NULL) = (phone_sealed IS NULL))
);
ALTER TABLE persons ENABLE ROW LEVEL SECURITY;
CREATE POLICY persons_tenant ON persons
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE DELETE ON persons FROM lendgate_identity;

-- +goose Down
DROP TABLE persons;
