-- What is under way is asked for all the time, and is little beside all that has ended.
CREATE INDEX jobs_active ON jobs (created_ms, id) WHERE is_active;
