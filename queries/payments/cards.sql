-- Cards that persons registered for payouts.

-- InsertCard records that a person asks for the provider's form.
-- name: InsertCard :exec
INSERT INTO cards (tenant_id, id, person_id, provider, state, actor, create_time, update_time)
VALUES (@tenant_id, @id, @person_id, @provider, 'AWAITING', @actor, @create_time, @create_time);

-- GetCard reads a card.
-- name: GetCard :one
SELECT *
FROM cards
WHERE tenant_id = @tenant_id AND id = @id;

-- SetCardForm keeps the provider's form, unless another call was first.
-- name: SetCardForm :execrows
UPDATE cards
SET form_url = @form_url, update_time = @update_time
WHERE tenant_id = @tenant_id AND id = @id AND state = 'AWAITING' AND form_url IS NULL;

-- RejectCard notes that the provider refused to open a form.
-- name: RejectCard :execrows
UPDATE cards
SET state = 'REJECTED', provider_code = @provider_code, update_time = @update_time
WHERE tenant_id = @tenant_id AND id = @id AND state = 'AWAITING' AND form_url IS NULL;

-- ActivateCard notes that a form was filled in.
-- name: ActivateCard :execrows
UPDATE cards
SET state = 'ACTIVE', provider_card_id = @provider_card_id, masked_number = @masked_number, update_time = @update_time
WHERE tenant_id = @tenant_id AND id = @id AND state = 'AWAITING';

-- ListCards reads the newest cards of a person that got a form.
-- name: ListCards :many
SELECT *
FROM cards
WHERE tenant_id = @tenant_id AND person_id = @person_id AND form_url IS NOT NULL
ORDER BY id DESC
LIMIT 20;

-- ListProviderCardIDs reads which of the provider's cards a person's rows name already; it locks the person's cards against a second reader.
-- name: ListProviderCardIDs :many
SELECT provider_card_id
FROM cards
WHERE tenant_id = @tenant_id AND person_id = @person_id AND provider = @provider
FOR UPDATE;
