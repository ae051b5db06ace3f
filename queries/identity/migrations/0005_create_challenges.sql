-- +goose Up
-- One-time codes on their way.

-- challenges: one row a code that was sent. The code itself is nowhere: it is derived from the row and the service's key whenever it is
-- needed. Made by StartLogin and CreateChallenge, changed by ConfirmLogin and ConfirmChallenge: a try is counted in a transaction that
-- commits whatever the caller is told. Login challenges go after a day; the others are the record behind a signature and stay.
CREATE TABLE challenges (
    tenant_id    text        NOT NULL,
    id           uuid        NOT NULL,
    purpose      text        NOT NULL,
    phone_index  bytea       NOT NULL,
    -- The phone of a login that nobody may be behind yet, sealed with the lender's own key and wiped when the code is used. The phone of a
    -- person is not kept twice.
    phone_sealed bytea,
    -- Who is to confirm; null for a login.
    person_id    uuid,
    -- The device that the code is good on; null when the code was asked for by a service that knows none.
    device_id    uuid,
    -- SHA-256 of what is confirmed; empty for a login.
    bound_digest bytea       NOT NULL,
    digits       integer     NOT NULL,
    max_tries    integer     NOT NULL,
    wrong_tries  integer     NOT NULL DEFAULT 0,
    actor        text        NOT NULL,
    create_time  timestamptz NOT NULL,
    update_time  timestamptz NOT NULL,
    expire_time  timestamptz NOT NULL,
    use_time     timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT challenges_person FOREIGN KEY (tenant_id, person_id) REFERENCES persons (tenant_id, id),
    CONSTRAINT challenges_purpose_is_known CHECK (purpose IN ('LOGIN', 'SIGN_AGREEMENT', 'CONFIRM_PAYMENT')),
    CONSTRAINT challenges_phone_index_is_a_hash CHECK (octet_length(phone_index) = 32),
    CONSTRAINT challenges_digits_are_enough CHECK (digits BETWEEN 6 AND 9),
    CONSTRAINT challenges_tries_are_bounded CHECK (max_tries BETWEEN 1 AND 10 AND wrong_tries BETWEEN 0 AND max_tries),
    CONSTRAINT challenges_expire_after_they_begin CHECK (expire_time >= create_time),
    CONSTRAINT challenges_login_is_of_a_device CHECK (
        purpose <> 'LOGIN' OR (person_id IS NULL AND device_id IS NOT NULL AND bound_digest = '' AND (phone_sealed IS NULL) = (use_time IS NOT NULL))),
    CONSTRAINT challenges_others_bind_a_person CHECK (
        purpose = 'LOGIN' OR (person_id IS NOT NULL AND octet_length(bound_digest) = 32 AND phone_sealed IS NULL))
);
-- What limits look at: the codes of a phone in the last hour.
CREATE INDEX challenges_of_phone ON challenges (tenant_id, phone_index, purpose, create_time);
ALTER TABLE challenges ENABLE ROW LEVEL SECURITY;
CREATE POLICY challenges_tenant ON challenges
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
-- What was confirmed is evidence: only login codes may be deleted.
CREATE POLICY challenges_keep_evidence ON challenges AS RESTRICTIVE FOR DELETE USING (purpose = 'LOGIN');

-- +goose Down
DROP TABLE challenges;
