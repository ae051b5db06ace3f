-- +goose Up
-- One table of sessions for customers and staff: a session is of exactly one of the two.

ALTER TABLE sessions
    ALTER COLUMN person_id DROP NOT NULL,
    ADD COLUMN staff_id           uuid,
    -- When staff gave the second factor; null for a session that waits for it, and for customers.
    ADD COLUMN second_factor_time timestamptz,
    ADD CONSTRAINT sessions_staff FOREIGN KEY (tenant_id, staff_id) REFERENCES staff (tenant_id, id),
    ADD CONSTRAINT sessions_are_of_one CHECK (num_nonnulls(person_id, staff_id) = 1),
    ADD CONSTRAINT sessions_second_factor_is_of_staff CHECK (second_factor_time IS NULL OR staff_id IS NOT NULL),
    DROP CONSTRAINT sessions_end_reason_is_known,
    ADD CONSTRAINT sessions_end_reason_is_known CHECK (end_reason IN (
        'LOGGED_OUT', 'LOGGED_IN_ANEW', 'DEVICE_REVOKED', 'TOKEN_REUSED', 'SECOND_FACTOR_GIVEN', 'SIGNED_OUT', 'SUSPENDED', 'CREDENTIALS_CHANGED'));
CREATE INDEX sessions_live_of_staff ON sessions (tenant_id, staff_id) WHERE end_time IS NULL AND staff_id IS NOT NULL;

-- +goose Down
DELETE FROM session_tokens USING sessions
WHERE sessions.tenant_id = session_tokens.tenant_id AND sessions.id = session_tokens.session_id AND sessions.staff_id IS NOT NULL;
DELETE FROM sessions WHERE staff_id IS NOT NULL;
ALTER TABLE sessions
    DROP CONSTRAINT sessions_end_reason_is_known,
    ADD CONSTRAINT sessions_end_reason_is_known CHECK (end_reason IN ('LOGGED_OUT', 'LOGGED_IN_ANEW', 'DEVICE_REVOKED', 'TOKEN_REUSED')),
    DROP COLUMN staff_id,
    DROP COLUMN second_factor_time,
    ALTER COLUMN person_id SET NOT NULL;
