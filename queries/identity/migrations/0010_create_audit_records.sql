-- +goose Up
-- What staff did, for good.

-- audit_records: one row a call of staff. Written by RecordCall, numbered without gaps for each lender, never changed. Each row's hash is
-- keyed and covers the hash of the row before, so that neither a changed row nor a missing one goes unseen.
CREATE TABLE audit_records (
    tenant_id     text        NOT NULL,
    sequence      bigint      NOT NULL,
    actor         text        NOT NULL,
    procedure     text        NOT NULL,
    subjects      text[]      NOT NULL,
    outcome       text        NOT NULL,
    reason        text        NOT NULL,
    request_id    text        NOT NULL,
    create_time   timestamptz NOT NULL,
    previous_hash bytea       NOT NULL,
    hash          bytea       NOT NULL,
    PRIMARY KEY (tenant_id, sequence),
    CONSTRAINT audit_records_count_from_one CHECK (sequence > 0),
    CONSTRAINT audit_records_subjects_are_bounded CHECK (cardinality(subjects) <= 20),
    CONSTRAINT audit_records_hash_is_sha256 CHECK (octet_length(hash) = 32)
);
CREATE INDEX audit_records_by_actor ON audit_records (tenant_id, actor, sequence);
CREATE INDEX audit_records_by_subject ON audit_records USING gin (subjects);
ALTER TABLE audit_records ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit_records_tenant ON audit_records
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE UPDATE, DELETE, TRUNCATE ON audit_records FROM lendgate_identity;

-- +goose StatementBegin
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit records are never changed' USING ERRCODE = 'restrict_violation';
END;
$$;
-- +goose StatementEnd
CREATE TRIGGER audit_records_are_final BEFORE UPDATE OR DELETE ON audit_records FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();

-- +goose Down
DROP TABLE audit_records;
DROP FUNCTION refuse_audit_change();
