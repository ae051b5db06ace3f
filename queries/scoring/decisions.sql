-- Decisions are written once and read by their id.

-- InsertDecision records a decision.
-- name: InsertDecision :exec
INSERT INTO decisions (tenant_id, id, person_id, application_id, product_code, policy_version, outcome, score, grade,
    default_probability_bp, reason_codes, features_sealed, trace_sealed, limits_sealed, request_id, actor, create_time)
VALUES (@tenant_id, @id, @person_id, @application_id, @product_code, @policy_version, @outcome, @score, @grade,
    @default_probability_bp, @reason_codes, @features_sealed, @trace_sealed, @limits_sealed, @request_id, @actor, @create_time);

-- GetDecision finds a decision.
-- name: GetDecision :one
SELECT *
FROM decisions
WHERE id = @id;
