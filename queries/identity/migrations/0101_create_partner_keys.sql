-- +goose Up
-- Keys that the servers of partners sign by.

-- partner_keys: one row a key. Made by CreatePartnerKey, ended for good by RevokePartnerKey. A secret is sealed with the lender's own key; a
-- public key is nothing to hide. At most two of a partner are live at once, which CreatePartnerKey sees to while it holds the partner.
CREATE TABLE partner_keys (
    tenant_id     text        NOT NULL,
    id            uuid        NOT NULL,
    -- The partner's code in the lender's configuration.
    partner_id    text        NOT NULL,
    algorithm     text        NOT NULL,
    -- Ed25519: 32 bytes (RFC 8032). P-256: the two coordinates one after the other, big endian. Empty for a secret.
    public_key    bytea       NOT NULL,
    secret_sealed bytea,
    actor         text        NOT NULL,
    create_time   timestamptz NOT NULL,
    update_time   timestamptz NOT NULL,
    not_before    timestamptz NOT NULL,
    not_after     timestamptz,
    revoke_time   timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT partner_keys_algorithm_is_known CHECK (algorithm IN ('ED25519', 'ECDSA_P256', 'HMAC_SHA256')),
    CONSTRAINT partner_keys_hold_what_they_verify_by CHECK (
        octet_length(public_key) = CASE algorithm WHEN 'ED25519' THEN 32 WHEN 'ECDSA_P256' THEN 64 ELSE 0 END
        AND (secret_sealed IS NOT NULL) = (algorithm = 'HMAC_SHA256')),
    CONSTRAINT partner_keys_end_after_they_begin CHECK (not_after > not_before)
);
CREATE INDEX partner_keys_of_partner ON partner_keys (tenant_id, partner_id, id DESC);
ALTER TABLE partner_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY partner_keys_tenant ON partner_keys
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE DELETE ON partner_keys FROM lendgate_identity;

-- +goose Down
DROP TABLE partner_keys;
