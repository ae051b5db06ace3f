-- Notifications of providers.

-- InsertWebhook keeps a notification; 0 rows means that the same one came before.
-- name: InsertWebhook :execrows
INSERT INTO webhooks
    (tenant_id, id, provider, body_hash, subject_id, body, content_type, payment_kind, payment_id, provider_status, verdict, actor, create_time)
VALUES
    (@tenant_id, @id, @provider, @body_hash, @subject_id, @body, @content_type, @payment_kind, @payment_id, @provider_status, @verdict, @actor,
     @create_time)
ON CONFLICT ON CONSTRAINT webhooks_body_once DO NOTHING;

-- GetWebhook reads what a notification is about.
-- name: GetWebhook :one
SELECT id, payment_kind, payment_id, verdict, process_time
FROM webhooks
WHERE tenant_id = @tenant_id AND id = @id;

-- MarkWebhookProcessed notes that the provider has been asked because of a notification.
-- name: MarkWebhookProcessed :execrows
UPDATE webhooks
SET process_time = @process_time
WHERE tenant_id = @tenant_id AND id = @id AND process_time IS NULL;
