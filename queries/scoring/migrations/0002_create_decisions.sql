-- +goose Up
-- What was decided.

-- decisions: one row a decision, never changed. Written by DecideApplication. What tells of the person's money is sealed with the person's
-- own key: the facts (features_sealed), what each rule and attribute said of them (trace_sealed), and the burden and limits, which give
-- the income away (limits_sealed). They are lendgate.scoring.v1.Decision messages with those fields alone. When the key is erased, the rest
-- of the row still accounts for the policy.
CREATE TABLE decisions (
    tenant_id              text        NOT NULL,
    id                     uuid        NOT NULL,
    person_id              uuid        NOT NULL,
    application_id         uuid        NOT NULL,
    product_code           text        NOT NULL,
    policy_version         integer     NOT NULL,
    outcome                text        NOT NULL,
    score                  integer     NOT NULL,
    grade                  text        NOT NULL,
    default_probability_bp integer     NOT NULL,
    reason_codes           text[]      NOT NULL,
    features_sealed        bytea       NOT NULL,
    trace_sealed           bytea       NOT NULL,
    limits_sealed          bytea       NOT NULL,
    request_id             uuid        NOT NULL,
    actor                  text        NOT NULL,
    create_time            timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT decisions_rest_on_a_policy FOREIGN KEY (tenant_id, product_code, policy_version)
        REFERENCES policies (tenant_id, product_code, version),
    CONSTRAINT decisions_one_a_request UNIQUE (tenant_id, actor, request_id),
    CONSTRAINT decisions_outcome_is_known CHECK (outcome IN ('APPROVE', 'REFER', 'DECLINE')),
    CONSTRAINT decisions_score_is_in_range CHECK (score BETWEEN 0 AND 2000),
    CONSTRAINT decisions_probability_is_in_range CHECK (default_probability_bp BETWEEN 0 AND 10000),
    CONSTRAINT decisions_not_approved_have_a_reason CHECK (outcome = 'APPROVE' OR cardinality(reason_codes) > 0)
);
CREATE TRIGGER decisions_append_only BEFORE UPDATE OR DELETE ON decisions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER decisions_not_truncated BEFORE TRUNCATE ON decisions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE decisions ENABLE ROW LEVEL SECURITY;
CREATE POLICY decisions_tenant ON decisions
    USING (tenant_id = current_setting('app.tenant', true)) WITH CHECK (tenant_id = current_setting('app.tenant', true));
REVOKE UPDATE, DELETE ON decisions FROM lendgate_scoring;

-- +goose Down
DROP TABLE decisions;
