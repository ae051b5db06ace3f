-- +goose Up
-- What the database itself holds against every role, the owner of the tables included: entries balance, books are never rewritten.

-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER ledger_transactions_append_only BEFORE UPDATE OR DELETE ON ledger_transactions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_transactions_not_truncated BEFORE TRUNCATE ON ledger_transactions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_entries_not_truncated BEFORE TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_resolutions_append_only BEFORE UPDATE OR DELETE ON ledger_resolutions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_resolutions_not_truncated BEFORE TRUNCATE ON ledger_resolutions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- check_balance runs at commit, once for each new transaction row: at least two entries, and a sum of zero in every currency. Entries cannot
-- come later (check_entry), so one look is enough.
-- +goose StatementBegin
CREATE FUNCTION check_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    crooked text;
    lines   bigint;
BEGIN
    SELECT count(*) INTO lines FROM ledger_entries WHERE tenant_id = NEW.tenant_id AND transaction_id = NEW.id;
    IF lines < 2 THEN
        RAISE EXCEPTION 'ledger transaction % has % entries, two are the least', NEW.id, lines
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_transactions_balanced';
    END IF;
    SELECT string_agg(currency, ', ') INTO crooked FROM (
        SELECT currency FROM ledger_entries WHERE tenant_id = NEW.tenant_id AND transaction_id = NEW.id
        GROUP BY currency HAVING sum(amount_minor) <> 0
    ) sums;
    IF crooked IS NOT NULL THEN
        RAISE EXCEPTION 'ledger transaction % does not sum to zero in %', NEW.id, crooked
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_transactions_balanced';
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER ledger_transactions_balanced AFTER INSERT ON ledger_transactions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_balance();

-- check_entry keeps entries to the database transaction that wrote their ledger transaction, and to the currency of their account.
-- +goose StatementBegin
CREATE FUNCTION check_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM ledger_transactions
        WHERE tenant_id = NEW.tenant_id AND id = NEW.transaction_id AND transaction_id = pg_current_xact_id()
    ) THEN
        RAISE EXCEPTION 'ledger transaction % takes no more entries', NEW.transaction_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entries_come_at_once';
    END IF;
    IF NOT EXISTS (
        SELECT FROM ledger_accounts WHERE tenant_id = NEW.tenant_id AND id = NEW.account_id AND currency = NEW.currency
    ) THEN
        RAISE EXCEPTION 'account % is not in %', NEW.account_id, NEW.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entries_currency_of_account';
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER ledger_entries_come_at_once BEFORE INSERT ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION check_entry();

-- check_resolution lets only a hold end.
-- +goose StatementBegin
CREATE FUNCTION check_resolution() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM ledger_transactions WHERE tenant_id = NEW.tenant_id AND id = NEW.transaction_id AND pending
    ) THEN
        RAISE EXCEPTION 'ledger transaction % is no hold', NEW.transaction_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_resolutions_of_holds';
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER ledger_resolutions_of_holds BEFORE INSERT ON ledger_resolutions
    FOR EACH ROW EXECUTE FUNCTION check_resolution();

-- +goose Down
DROP TRIGGER ledger_resolutions_of_holds ON ledger_resolutions;
DROP FUNCTION check_resolution();
DROP TRIGGER ledger_entries_come_at_once ON ledger_entries;
DROP FUNCTION check_entry();
DROP TRIGGER ledger_transactions_balanced ON ledger_transactions;
DROP FUNCTION check_balance();
DROP TRIGGER ledger_resolutions_not_truncated ON ledger_resolutions;
DROP TRIGGER ledger_resolutions_append_only ON ledger_resolutions;
DROP TRIGGER ledger_entries_not_truncated ON ledger_entries;
DROP TRIGGER ledger_entries_append_only ON ledger_entries;
DROP TRIGGER ledger_transactions_not_truncated ON ledger_transactions;
DROP TRIGGER ledger_transactions_append_only ON ledger_transactions;
DROP FUNCTION refuse_change();
