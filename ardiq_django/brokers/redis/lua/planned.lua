-- How many schedules there are, and some of them in the order in which they fire next. ARGV: from where, how many.
-- with: _plans

local first = tonumber(ARGV[8])
return {call('ZCARD', NEXT), told(call('ZRANGE', NEXT, first, first + ARGV[9] - 1, 'WITHSCORES'))}
