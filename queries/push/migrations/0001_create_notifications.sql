-- +goose Up

-- notifications: one message to one person over one channel. Written by SendNotification and by the event consumer (new rows), by the
-- delivery worker and by receipts (state). What is personal lies sealed: parameters and phone only while the row waits, since nobody needs
-- them afterwards; the text as sent for the list that its person reads, never for templates with codes.
CREATE TABLE notifications (
    tenant_id         text        NOT NULL,
    id                uuid        NOT NULL,
    -- Null for a code to a phone that is not a person's yet.
    person_id         uuid,
    template          text        NOT NULL,
    channel           text        NOT NULL,
    -- BCP 47; empty until it is known, which is when the worker asks for the person.
    locale            text        NOT NULL DEFAULT '',
    state             text        NOT NULL,
    -- True for templates with codes: their text is kept nowhere and the row is shown to nobody.
    secret            boolean     NOT NULL,
    parameters_sealed bytea,
    phone_sealed      bytea,
    content_sealed    bytea,
    provider          text        NOT NULL DEFAULT '',
    -- The provider's name for the message, by which receipts find the row. Not unique: a provider that sees the same text twice may
    -- answer with the first message.
    provider_id       text        NOT NULL DEFAULT '',
    -- How many text messages it was billed as; 0 for other channels.
    parts             integer     NOT NULL DEFAULT 0,
    attempts          integer     NOT NULL DEFAULT 0,
    -- The last failure as "provider:outcome:code". Never a provider's free text, which may quote personal data.
    failure           text        NOT NULL DEFAULT '',
    -- After this nobody wants the message any more.
    expire_time       timestamptz NOT NULL,
    send_time         timestamptz,
    version           bigint      NOT NULL DEFAULT 1,
    actor             text        NOT NULL,
    create_time       timestamptz NOT NULL,
    update_time       timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT notifications_channel CHECK (channel IN ('PUSH', 'SMS')),
    CONSTRAINT notifications_state CHECK (state IN ('QUEUED', 'SENT', 'DELIVERED', 'FAILED', 'DEAD')),
    CONSTRAINT notifications_counts CHECK (attempts >= 0 AND parts >= 0),
    CONSTRAINT notifications_sent_has_time CHECK (state NOT IN ('SENT', 'DELIVERED') OR send_time IS NOT NULL),
    CONSTRAINT notifications_queued_has_parameters CHECK (state <> 'QUEUED' OR parameters_sealed IS NOT NULL),
    CONSTRAINT notifications_queued_has_addressee CHECK (state <> 'QUEUED' OR person_id IS NOT NULL OR phone_sealed IS NOT NULL),
    CONSTRAINT notifications_done_keeps_no_parameters CHECK (state = 'QUEUED' OR (parameters_sealed IS NULL AND phone_sealed IS NULL)),
    CONSTRAINT notifications_secret_keeps_no_text CHECK (NOT secret OR content_sealed IS NULL)
);
CREATE INDEX notifications_of_person ON notifications (tenant_id, person_id, id DESC) WHERE NOT secret;
CREATE INDEX notifications_at_provider ON notifications (tenant_id, provider, provider_id) WHERE provider_id <> '';

ALTER TABLE notifications ENABLE ROW LEVEL SECURITY;
CREATE POLICY notifications_tenant ON notifications
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE DELETE ON notifications FROM lendgate_push;

-- A state never goes back, whatever order receipts and retries come in.
-- +goose StatementBegin
CREATE FUNCTION notifications_go_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND OLD.state <> 'QUEUED' AND NOT (OLD.state = 'SENT' AND NEW.state IN ('DELIVERED', 'FAILED')) THEN
        RAISE EXCEPTION 'notification % may not go from % to %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER notifications_go_forward BEFORE UPDATE ON notifications FOR EACH ROW EXECUTE FUNCTION notifications_go_forward();

-- +goose Down
DROP TABLE notifications;
DROP FUNCTION notifications_go_forward();
