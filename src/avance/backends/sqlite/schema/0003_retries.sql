-- A retry takes the place of the job that it retries among the children of their parent.
ALTER TABLE jobs ADD COLUMN retry_of TEXT;
UPDATE jobs SET retry_of = json_extract(CAST(doc AS TEXT), '$.retry_of')
    WHERE instr(CAST(doc AS TEXT), '"retry_of"') > 0;
CREATE INDEX jobs_retries ON jobs (parent_id, retry_of) WHERE retry_of IS NOT NULL;
