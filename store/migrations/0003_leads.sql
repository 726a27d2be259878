-- What a search looks through, in lower case, beside what is found.

ALTER TABLE leads ADD COLUMN search TEXT NOT NULL DEFAULT '';
UPDATE leads SET search = lower(
    COALESCE(json_extract(lead, '$.first_name'), '') || ' ' ||
    COALESCE(json_extract(lead, '$.last_name'), '') || char(10) ||
    COALESCE(json_extract(lead, '$.company_name'), '') || char(10) ||
    COALESCE(json_extract(lead, '$.email'), '') || char(10) ||
    COALESCE(json_extract(lead, '$.domain'), ''));
CREATE INDEX leads_by_time ON leads (created_at, lead_id);
