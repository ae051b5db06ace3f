-- LockEmail makes everything about one address' logins happen one after the other, until the end of the transaction.
-- name: LockEmail :exec
SELECT pg_advisory_xact_lock(hashtextextended(@email::text, 0));

-- InsertStaff makes an account; 0 rows means that the address has one.
-- name: InsertStaff :execrows
INSERT INTO staff (
    tenant_id, id, email_index, email_sealed, display_name_sealed, state, invitation_version, invitation_expire_time, actor,
    create_time, update_time)
VALUES (
    @tenant_id, @id, @email_index, @email_sealed, @display_name_sealed, 'INVITED', 0, @invitation_expire_time::timestamptz, @actor,
    @now, @now)
ON CONFLICT (tenant_id, email_index) DO NOTHING;

-- GetStaff reads an account.
-- name: GetStaff :one
SELECT *
FROM staff
WHERE tenant_id = @tenant_id AND id = @id;

-- LockStaff reads an account and holds the row until the end of the transaction.
-- name: LockStaff :one
SELECT *
FROM staff
WHERE tenant_id = @tenant_id AND id = @id
FOR UPDATE;

-- FindStaffByEmail reads the account whose address has this keyed hash.
-- name: FindStaffByEmail :one
SELECT *
FROM staff
WHERE tenant_id = @tenant_id AND email_index = @email_index;

-- ListStaff reads accounts, newest first.
-- name: ListStaff :many
SELECT *
FROM staff
WHERE tenant_id = @tenant_id AND (sqlc.narg('after')::uuid IS NULL OR id < sqlc.narg('after'))
ORDER BY id DESC
LIMIT @page_size;

-- UpdateStaff writes what verbs change, under the lock of LockStaff. Every change of an account passes here and makes a new version.
-- name: UpdateStaff :execrows
UPDATE staff
SET state = @state,
    password_hash = @password_hash,
    invitation_version = @invitation_version,
    invitation_expire_time = @invitation_expire_time,
    totp_version = @totp_version,
    totp_confirm_time = @totp_confirm_time,
    totp_last_step = @totp_last_step,
    last_login_time = @last_login_time,
    version = version + 1,
    actor = @actor,
    update_time = @now
WHERE tenant_id = @tenant_id AND id = @id AND version = @version;

-- GetLoginTries reads the wrong tries of an address.
-- name: GetLoginTries :one
SELECT *
FROM login_tries
WHERE tenant_id = @tenant_id AND email_index = @email_index;

-- PutLoginTries notes a wrong try of an address, under the lock of LockEmail.
-- name: PutLoginTries :exec
INSERT INTO login_tries (tenant_id, email_index, wrong_tries, lock_time, actor, create_time, update_time)
VALUES (@tenant_id, @email_index, @wrong_tries, @lock_time, @actor, @now, @now)
ON CONFLICT (tenant_id, email_index) DO UPDATE
SET wrong_tries = excluded.wrong_tries, lock_time = excluded.lock_time, actor = excluded.actor, update_time = excluded.update_time;

-- ForgetLoginTries drops the wrong tries of an address, after a login with both factors.
-- name: ForgetLoginTries :exec
DELETE FROM login_tries
WHERE tenant_id = @tenant_id AND email_index = @email_index;

-- DeleteLoginTries drops tries that no lock looks at any more.
-- name: DeleteLoginTries :execrows
DELETE FROM login_tries
WHERE tenant_id = @tenant_id AND update_time < @before;

-- InsertRecoveryCode keeps the hash of a recovery code.
-- name: InsertRecoveryCode :exec
INSERT INTO recovery_codes (tenant_id, staff_id, code_hash, actor, create_time)
VALUES (@tenant_id, @staff_id, @code_hash, @actor, @now);

-- UseRecoveryCode spends a recovery code; 0 rows means that it is none, or was spent before.
-- name: UseRecoveryCode :execrows
UPDATE recovery_codes
SET use_time = @now::timestamptz, actor = @actor
WHERE tenant_id = @tenant_id AND staff_id = @staff_id AND code_hash = @code_hash AND use_time IS NULL;

-- CountRecoveryCodes counts the codes that an account has left.
-- name: CountRecoveryCodes :one
SELECT count(*)
FROM recovery_codes
WHERE tenant_id = @tenant_id AND staff_id = @staff_id AND use_time IS NULL;

-- DeleteRecoveryCodes drops all codes of an account.
-- name: DeleteRecoveryCodes :exec
DELETE FROM recovery_codes
WHERE tenant_id = @tenant_id AND staff_id = @staff_id;
