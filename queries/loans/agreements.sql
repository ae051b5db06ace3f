-- Agreements, their sealed documents and the evidence of their signatures.

-- InsertAgreement adds an agreement.
-- name: InsertAgreement :exec
INSERT INTO agreements (tenant_id, id, application_id, offer_id, person_id, number, state, document_sha256, locale, template_version,
    actor, create_time, update_time)
VALUES (@tenant_id, @id, @application_id, @offer_id, @person_id, @number, @state, @document_sha256, @locale, @template_version,
    @actor, @now, @now);

-- GetAgreement reads an agreement.
-- name: GetAgreement :one
SELECT *
FROM agreements
WHERE id = @id;

-- LockAgreement reads an agreement and holds it until the transaction ends. Lock the application first.
-- name: LockAgreement :one
SELECT *
FROM agreements
WHERE id = @id
FOR UPDATE;

-- UpdateAgreement signs or voids an agreement that is prepared.
-- name: UpdateAgreement :execrows
UPDATE agreements
SET state = @state,
    sign_time = @sign_time,
    version = version + 1,
    actor = @actor,
    update_time = @now
WHERE id = @id AND state = 'PREPARED';

-- InsertDocument keeps the sealed document of an agreement.
-- name: InsertDocument :exec
INSERT INTO documents (tenant_id, agreement_id, person_id, content, actor, create_time)
VALUES (@tenant_id, @agreement_id, @person_id, @content, @actor, @create_time);

-- GetDocument reads the sealed document of an agreement.
-- name: GetDocument :one
SELECT content
FROM documents
WHERE agreement_id = @agreement_id;

-- InsertSignature keeps the evidence of a signature.
-- name: InsertSignature :exec
INSERT INTO signatures (tenant_id, agreement_id, person_id, document_sha256, challenge_id, device_id, phone, send_time, confirm_time,
    actor, create_time)
VALUES (@tenant_id, @agreement_id, @person_id, @document_sha256, @challenge_id, @device_id, @phone, @send_time, @confirm_time,
    @actor, @create_time);
