-- +goose Up
-- Nonces of signatures that Redis could not vouch for.

-- nonces: one row a nonce, known by the SHA-256 of its key id and itself. Written by ConsumeNonce while the edge's Redis is away, or has
-- lately lost its memory; dropped by the sweep once the signature has ended by itself. The row's request_id tells a repeat of the call that
-- wrote it from another use of the nonce.
CREATE TABLE nonces (
    tenant_id   text        NOT NULL,
    digest      bytea       NOT NULL,
    request_id  uuid        NOT NULL,
    actor       text        NOT NULL,
    create_time timestamptz NOT NULL,
    expire_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, digest),
    CONSTRAINT nonces_digest_is_sha256 CHECK (octet_length(digest) = 32)
);
-- What the sweep looks at.
CREATE INDEX nonces_by_end ON nonces (tenant_id, expire_time);
ALTER TABLE nonces ENABLE ROW LEVEL SECURITY;
CREATE POLICY nonces_tenant ON nonces
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));

-- +goose Down
DROP TABLE nonces;
