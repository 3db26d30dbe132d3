-- How many jobs are in each state. KEYS after the fixed: the lanes, then their tombs.
-- with: _counted

return counted()
