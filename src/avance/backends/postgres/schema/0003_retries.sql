-- A retry takes the place of the job that it retries among the children of their parent.
ALTER TABLE jobs ADD COLUMN retry_of TEXT;
-- JSON with the character 0 is not read by PostgreSQL; the few jobs that hold it keep counting by themselves.
UPDATE jobs SET retry_of = convert_from(doc, 'UTF8')::json ->> 'retry_of'
    WHERE position('"retry_of"' IN convert_from(doc, 'UTF8')) > 0 AND position('\u0000' IN convert_from(doc, 'UTF8')) = 0;
CREATE INDEX jobs_retries ON jobs (parent_id, retry_of) WHERE retry_of IS NOT NULL;
