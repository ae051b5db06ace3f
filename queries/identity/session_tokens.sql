-- InsertSessionTokens records a pair of tokens that is given out.
-- name: InsertSessionTokens :exec
INSERT INTO session_tokens (
    tenant_id, session_id, generation, access_hash, refresh_hash, actor, create_time, access_expire_time, refresh_expire_time)
VALUES (
    @tenant_id, @session_id, @generation, @access_hash, @refresh_hash, @actor, @now, @access_expire_time, @refresh_expire_time);

-- GetSessionTokens reads the pair of a generation.
-- name: GetSessionTokens :one
SELECT *
FROM session_tokens
WHERE tenant_id = @tenant_id AND session_id = @session_id AND generation = @generation;

-- FindByAccessHash reads the live session that an access token opens: the pair in force, or one that was replaced after grace_start.
-- name: FindByAccessHash :one
SELECT sessions.id, sessions.person_id, sessions.staff_id, sessions.second_factor_time, sessions.device_id, sessions.generation,
    sessions.create_time, session_tokens.access_expire_time, session_tokens.replace_time,
    coalesce(persons.locale, '')::text AS locale
FROM session_tokens
JOIN sessions ON sessions.tenant_id = session_tokens.tenant_id AND sessions.id = session_tokens.session_id
LEFT JOIN persons ON persons.tenant_id = sessions.tenant_id AND persons.id = sessions.person_id
WHERE session_tokens.tenant_id = @tenant_id AND session_tokens.access_hash = @access_hash
    AND session_tokens.access_expire_time > @now
    AND (session_tokens.replace_time IS NULL OR session_tokens.replace_time > @grace_start::timestamptz)
    AND sessions.end_time IS NULL;

-- FindByRefreshHash reads a pair of tokens by its refresh token, whatever has become of it, with its session and device.
-- name: FindByRefreshHash :one
SELECT session_tokens.session_id, session_tokens.generation, session_tokens.refresh_expire_time, session_tokens.replace_time,
    sessions.device_id, sessions.end_time, devices.revoke_time
FROM session_tokens
JOIN sessions ON sessions.tenant_id = session_tokens.tenant_id AND sessions.id = session_tokens.session_id
JOIN devices ON devices.tenant_id = sessions.tenant_id AND devices.id = sessions.device_id
WHERE session_tokens.tenant_id = @tenant_id AND session_tokens.refresh_hash = @refresh_hash;

-- ReplaceSessionTokens takes a pair out of force. Of many who try at the same time one gets 1 row: that one makes the next pair.
-- name: ReplaceSessionTokens :execrows
UPDATE session_tokens
SET replace_time = @now::timestamptz
WHERE tenant_id = @tenant_id AND refresh_hash = @refresh_hash AND replace_time IS NULL;

-- DeleteSessionTokens drops pairs whose refresh token has ended, which are worth nothing to anybody.
-- name: DeleteSessionTokens :execrows
DELETE FROM session_tokens
WHERE tenant_id = @tenant_id AND refresh_expire_time < @before;
