-- +goose Up
-- Installations of apps with their signing keys.

-- devices: one row a key. Made by EnrollDevice; ConfirmLogin says whose it is; RevokeDevice ends it for good: the key is never taken again.
CREATE TABLE devices (
    tenant_id   text        NOT NULL,
    id          uuid        NOT NULL,
    -- RFC 7638 SHA-256 thumbprint of the public key, base64url.
    key_id      text        NOT NULL,
    -- The two coordinates on P-256 one after the other, 32 bytes each, big endian.
    public_key  bytea       NOT NULL,
    platform    text        NOT NULL,
    model       text        NOT NULL,
    app_version text        NOT NULL,
    -- Who logged in on it last; null until somebody does.
    person_id   uuid,
    actor       text        NOT NULL,
    create_time timestamptz NOT NULL,
    update_time timestamptz NOT NULL,
    revoke_time timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT devices_one_a_key UNIQUE (tenant_id, key_id),
    CONSTRAINT devices_person FOREIGN KEY (tenant_id, person_id) REFERENCES persons (tenant_id, id),
    CONSTRAINT devices_key_id_is_a_thumbprint CHECK (length(key_id) = 43),
    CONSTRAINT devices_public_key_has_two_coordinates CHECK (octet_length(public_key) = 64),
    CONSTRAINT devices_platform_is_known CHECK (platform IN ('IOS', 'ANDROID', 'WEB'))
);
CREATE INDEX devices_of_person ON devices (tenant_id, person_id, id DESC);
ALTER TABLE devices ENABLE ROW LEVEL SECURITY;
CREATE POLICY devices_tenant ON devices
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE DELETE ON devices FROM lendgate_identity;

-- +goose Down
DROP TABLE devices;
