-- +goose Up
-- People logged in on devices.

-- sessions: one row a login. Made by ConfirmLogin, rotated by RefreshSession, ended by EndSession, RevokeDevice, the next login on the
-- device, and by an old refresh token that comes back.
CREATE TABLE sessions (
    tenant_id   text        NOT NULL,
    id          uuid        NOT NULL,
    person_id   uuid        NOT NULL,
    device_id   uuid        NOT NULL,
    -- The number of the pair of tokens in force: 0 from the login, one more with every refresh.
    generation  bigint      NOT NULL DEFAULT 0,
    actor       text        NOT NULL,
    create_time timestamptz NOT NULL,
    update_time timestamptz NOT NULL,
    end_time    timestamptz,
    end_reason  text,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT sessions_person FOREIGN KEY (tenant_id, person_id) REFERENCES persons (tenant_id, id),
    CONSTRAINT sessions_device FOREIGN KEY (tenant_id, device_id) REFERENCES devices (tenant_id, id),
    CONSTRAINT sessions_end_reason_is_known CHECK (end_reason IN ('LOGGED_OUT', 'LOGGED_IN_ANEW', 'DEVICE_REVOKED', 'TOKEN_REUSED')),
    CONSTRAINT sessions_end_for_a_reason CHECK ((end_time IS NULL) = (end_reason IS NULL))
);
-- A device has one session at a time.
CREATE UNIQUE INDEX sessions_one_live_a_device ON sessions (tenant_id, device_id) WHERE end_time IS NULL;
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY sessions_tenant ON sessions
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE DELETE ON sessions FROM lendgate_identity;

-- session_tokens: one row a pair of tokens that was given out, as SHA-256 hashes. Written by ConfirmLogin and RefreshSession. Replaced pairs
-- stay until their end, so that one which comes back is known for what it is.
CREATE TABLE session_tokens (
    tenant_id           text        NOT NULL,
    session_id          uuid        NOT NULL,
    generation          bigint      NOT NULL,
    access_hash         bytea       NOT NULL,
    refresh_hash        bytea       NOT NULL,
    actor               text        NOT NULL,
    create_time         timestamptz NOT NULL,
    access_expire_time  timestamptz NOT NULL,
    refresh_expire_time timestamptz NOT NULL,
    -- When the refresh token was exchanged; null for the pair in force.
    replace_time        timestamptz,
    PRIMARY KEY (tenant_id, session_id, generation),
    CONSTRAINT session_tokens_session FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id),
    CONSTRAINT session_tokens_access_is_known_by_hash UNIQUE (tenant_id, access_hash),
    CONSTRAINT session_tokens_refresh_is_known_by_hash UNIQUE (tenant_id, refresh_hash),
    CONSTRAINT session_tokens_hashes_are_sha256 CHECK (octet_length(access_hash) = 32 AND octet_length(refresh_hash) = 32)
);
-- What the sweep looks at.
CREATE INDEX session_tokens_by_end ON session_tokens (tenant_id, refresh_expire_time);
ALTER TABLE session_tokens ENABLE ROW LEVEL SECURITY;
CREATE POLICY session_tokens_tenant ON session_tokens
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));

-- +goose Down
DROP TABLE session_tokens;
DROP TABLE sessions;
