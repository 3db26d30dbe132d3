-- Schedules whose next fire time has come, the longest waiting first. ARGV: how many.
-- with: _plans

return told(call('ZRANGEBYSCORE', NEXT, '-inf', NOW, 'WITHSCORES', 'LIMIT', 0, ARGV[8]))
