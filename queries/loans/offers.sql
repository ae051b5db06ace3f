-- Offers are never changed; an offer ends by its time or by the state of its application.

-- InsertOffer adds an offer.
-- name: InsertOffer :exec
INSERT INTO offers (tenant_id, id, application_id, person_id, product_id, principal_minor, currency, instalments, instalment_minor,
    expire_time, actor, create_time)
VALUES (@tenant_id, @id, @application_id, @person_id, @product_id, @principal_minor, @currency, @instalments, @instalment_minor,
    @expire_time, @actor, @create_time);

-- GetOffer reads an offer.
-- name: GetOffer :one
SELECT *
FROM offers
WHERE id = @id;

-- ListOffers reads the offers of an application, smallest instalment first.
-- name: ListOffers :many
SELECT *
FROM offers
WHERE application_id = @application_id
ORDER BY instalment_minor, id
LIMIT 10;
