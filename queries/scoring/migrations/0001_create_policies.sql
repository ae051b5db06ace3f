-- +goose Up
-- What decides.

-- refuse_change keeps tables append-only even for a role that could do more: another look is another row.
-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
-- +goose StatementEnd

-- policies: one row a version of a product's policy, never changed. Written by AddPolicy and SeedPolicy, which check the document first.
-- The newest version whose effective_time has come decides.
CREATE TABLE policies (
    tenant_id      text        NOT NULL,
    product_code   text        NOT NULL,
    version        integer     NOT NULL,
    body           jsonb       NOT NULL,
    effective_time timestamptz NOT NULL,
    actor          text        NOT NULL,
    create_time    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, product_code, version),
    CONSTRAINT policies_product_code_has_its_form CHECK (product_code ~ '^[a-z0-9][a-z0-9-]{1,39}$'),
    CONSTRAINT policies_version_counts_from_one CHECK (version >= 1),
    CONSTRAINT policies_body_is_a_document CHECK (jsonb_typeof(body) = 'object')
);
CREATE TRIGGER policies_append_only BEFORE UPDATE OR DELETE ON policies FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER policies_not_truncated BEFORE TRUNCATE ON policies FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE policies ENABLE ROW LEVEL SECURITY;
CREATE POLICY policies_tenant ON policies
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE UPDATE, DELETE ON policies FROM lendgate_scoring;

-- +goose Down
DROP TABLE policies;
DROP FUNCTION refuse_change;
