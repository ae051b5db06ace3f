-- +goose Up
-- People who work for the lender.

-- staff: one row an account. Made by InviteStaff; changed by the verbs of StaffService and by logins. Address and name are sealed with the
-- account's own key; the address is found again by its keyed hash. No secret lies here but the hash of the password: tokens of invitations,
-- secrets of authenticator apps and recovery codes are derived from the version that the account had when they were made.
CREATE TABLE staff (
    tenant_id              text        NOT NULL,
    id                     uuid        NOT NULL,
    email_index            bytea       NOT NULL,
    email_sealed           bytea       NOT NULL,
    display_name_sealed    bytea       NOT NULL,
    state                  text        NOT NULL,
    -- Argon2id in PHC form; null until the invitation is accepted.
    password_hash          text,
    -- The invitation in force; both null when there is none.
    invitation_version     bigint,
    invitation_expire_time timestamptz,
    -- The authenticator's secret in force or about to be; null when none was begun.
    totp_version           bigint,
    -- When a code of the secret was seen first; null until then.
    totp_confirm_time      timestamptz,
    -- The newest time step (RFC 6238) whose code was used: it and those before are spent.
    totp_last_step         bigint      NOT NULL DEFAULT 0,
    last_login_time        timestamptz,
    version                bigint      NOT NULL DEFAULT 0,
    actor                  text        NOT NULL,
    create_time            timestamptz NOT NULL,
    update_time            timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT staff_one_an_email UNIQUE (tenant_id, email_index),
    CONSTRAINT staff_email_index_is_a_hash CHECK (octet_length(email_index) = 32),
    CONSTRAINT staff_state_is_known CHECK (state IN ('INVITED', 'ACTIVE', 'SUSPENDED')),
    CONSTRAINT staff_active_have_a_password CHECK (state <> 'ACTIVE' OR password_hash IS NOT NULL),
    CONSTRAINT staff_invitation_ends CHECK ((invitation_version IS NULL) = (invitation_expire_time IS NULL)),
    CONSTRAINT staff_second_factor_was_begun CHECK (totp_confirm_time IS NULL OR totp_version IS NOT NULL)
);
ALTER TABLE staff ENABLE ROW LEVEL SECURITY;
CREATE POLICY staff_tenant ON staff
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE DELETE ON staff FROM lendgate_identity;

-- staff_roles: which roles an account has. Written by InviteStaff and SetStaffRoles.
CREATE TABLE staff_roles (
    tenant_id   text        NOT NULL,
    staff_id    uuid        NOT NULL,
    role_name   text        NOT NULL,
    actor       text        NOT NULL,
    create_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, staff_id, role_name),
    CONSTRAINT staff_roles_staff FOREIGN KEY (tenant_id, staff_id) REFERENCES staff (tenant_id, id),
    CONSTRAINT staff_roles_role FOREIGN KEY (tenant_id, role_name) REFERENCES roles (tenant_id, name)
);
CREATE INDEX staff_roles_by_role ON staff_roles (tenant_id, role_name);
ALTER TABLE staff_roles ENABLE ROW LEVEL SECURITY;
CREATE POLICY staff_roles_tenant ON staff_roles
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));

-- recovery_codes: the keyed hashes of the codes that replace a lost second factor. Made by VerifySecondFactor, spent by it, dropped by
-- ResetSecondFactor.
CREATE TABLE recovery_codes (
    tenant_id   text        NOT NULL,
    staff_id    uuid        NOT NULL,
    code_hash   bytea       NOT NULL,
    use_time    timestamptz,
    actor       text        NOT NULL,
    create_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, staff_id, code_hash),
    CONSTRAINT recovery_codes_staff FOREIGN KEY (tenant_id, staff_id) REFERENCES staff (tenant_id, id),
    CONSTRAINT recovery_codes_are_hashed CHECK (octet_length(code_hash) = 32)
);
ALTER TABLE recovery_codes ENABLE ROW LEVEL SECURITY;
CREATE POLICY recovery_codes_tenant ON recovery_codes
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));

-- login_tries: wrong passwords and codes by address, of accounts and of addresses that nobody has, so that being locked does not tell the two
-- apart. Written by logins; a right login drops the row, the sweep those of yesterday.
CREATE TABLE login_tries (
    tenant_id   text        NOT NULL,
    email_index bytea       NOT NULL,
    wrong_tries integer     NOT NULL,
    lock_time   timestamptz NOT NULL,
    actor       text        NOT NULL,
    create_time timestamptz NOT NULL,
    update_time timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, email_index),
    CONSTRAINT login_tries_count_up CHECK (wrong_tries > 0)
);
CREATE INDEX login_tries_by_age ON login_tries (tenant_id, update_time);
ALTER TABLE login_tries ENABLE ROW LEVEL SECURITY;
CREATE POLICY login_tries_tenant ON login_tries
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));

-- +goose Down
DROP TABLE login_tries;
DROP TABLE recovery_codes;
DROP TABLE staff_roles;
DROP TABLE staff;
