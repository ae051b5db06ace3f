-- +goose Up

-- push_tokens: where push messages for a device go. Written by RegisterPushToken; the delivery worker marks a token dead when the provider
-- proves it so. A device has one token, and a token belongs to one device: an app that changes hands takes its token along.
CREATE TABLE push_tokens (
    tenant_id    text        NOT NULL,
    device_id    uuid        NOT NULL,
    person_id    uuid        NOT NULL,
    token_sealed bytea       NOT NULL,
    -- Keyed hash of the token, so that the same token is found again without lying here in clear.
    token_hash   bytea       NOT NULL,
    state        text        NOT NULL,
    actor        text        NOT NULL,
    create_time  timestamptz NOT NULL,
    update_time  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, device_id),
    CONSTRAINT push_tokens_hash_unique UNIQUE (tenant_id, token_hash),
    CONSTRAINT push_tokens_hash_is_sha256 CHECK (octet_length(token_hash) = 32),
    CONSTRAINT push_tokens_state CHECK (state IN ('LIVE', 'DEAD'))
);
CREATE INDEX push_tokens_live ON push_tokens (tenant_id, person_id) WHERE state = 'LIVE';

ALTER TABLE push_tokens ENABLE ROW LEVEL SECURITY;
CREATE POLICY push_tokens_tenant ON push_tokens
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));

-- +goose Down
DROP TABLE push_tokens;
