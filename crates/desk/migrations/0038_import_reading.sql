-- How the rows of a file are read (docs/import.md): JSON with the separator of a CSV file, and the names of NDJSON rows that
-- are mapped to fields or left out.
ALTER TABLE import ADD COLUMN reading TEXT NOT NULL DEFAULT '{}';
