-- Where a link or code was sent, so that it ends with that address; and when a user's addresses were last changed.
ALTER TABLE proof ADD COLUMN channel TEXT CHECK (channel IN ('email', 'sms'));

UPDATE proof
SET channel = CASE WHEN purpose = 'phone_code' THEN 'sms' ELSE 'email' END
WHERE ended_at IS NULL AND purpose <> 'sign_in_totp';

ALTER TABLE users ADD COLUMN email_changed_at BIGINT;
ALTER TABLE users ADD COLUMN phone_changed_at BIGINT;
