-- Messages to people and where they stand.

-- InsertNotification queues a message.
-- name: InsertNotification :exec
INSERT INTO notifications (
    tenant_id, id, person_id, template, channel, locale, state, secret, parameters_sealed, phone_sealed, expire_time, actor,
    create_time, update_time
)
VALUES (
    @tenant_id, @id, @person_id, @template, @channel, @locale, 'QUEUED', @secret, @parameters_sealed, @phone_sealed, @expire_time, @actor,
    @create_time, @create_time
);

-- GetNotification reads a message with what is needed to send it.
-- name: GetNotification :one
SELECT *
FROM notifications
WHERE tenant_id = @tenant_id AND id = @id;

-- ListNotifications reads a person's messages, newest first, without those that carry codes and those without a text, which is made when a
-- message is about to be sent.
-- name: ListNotifications :many
SELECT *
FROM notifications
WHERE tenant_id = @tenant_id
    AND person_id = @person_id
    AND NOT secret
    AND content_sealed IS NOT NULL
    AND (@after::uuid = '00000000-0000-0000-0000-000000000000' OR id < @after)
ORDER BY id DESC
LIMIT @page_size;

-- StartAttempt notes that a message is about to be sent, with its language and text. 0 rows means that somebody else moved it.
-- name: StartAttempt :execrows
UPDATE notifications
SET attempts = attempts + 1,
    locale = @locale,
    content_sealed = @content_sealed,
    update_time = @now,
    version = version + 1
WHERE tenant_id = @tenant_id AND id = @id AND state = 'QUEUED' AND version = @version;

-- FinishAttempt notes a failure that another attempt may mend.
-- name: FinishAttempt :exec
UPDATE notifications
SET failure = @failure,
    update_time = @now,
    version = version + 1
WHERE tenant_id = @tenant_id AND id = @id AND state = 'QUEUED';

-- MarkSent notes that the provider took a message, and forgets what was needed to send it.
-- name: MarkSent :execrows
UPDATE notifications
SET state = 'SENT',
    provider = @provider,
    provider_id = @provider_id,
    parts = @parts,
    failure = '',
    parameters_sealed = NULL,
    phone_sealed = NULL,
    send_time = @now,
    update_time = @now,
    version = version + 1
WHERE tenant_id = @tenant_id AND id = @id AND state = 'QUEUED';

-- EndNotification notes that a message will not be sent (FAILED or DEAD), and forgets what was needed to send it.
-- name: EndNotification :execrows
UPDATE notifications
SET state = @state,
    provider = @provider,
    failure = @failure,
    parameters_sealed = NULL,
    phone_sealed = NULL,
    update_time = @now,
    version = version + 1
WHERE tenant_id = @tenant_id AND id = @id AND state = 'QUEUED';

-- ApplyReceipt moves what the provider took to DELIVERED or FAILED; what has ended stays.
-- name: ApplyReceipt :execrows
UPDATE notifications
SET state = @state,
    failure = @failure,
    update_time = @now,
    version = version + 1
WHERE tenant_id = @tenant_id AND provider = @provider AND provider_id = @provider_id AND state = 'SENT';
