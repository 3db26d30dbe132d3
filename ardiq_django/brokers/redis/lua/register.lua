-- Begin an epoch with a full lease; one that has begun is left alone. ARGV: epoch, card.
-- KEYS after the fixed: where older versions note the one worker that they choose for suspects.

local epoch, card = ARGV[8], ARGV[9]
make_way()
if not call('ZSCORE', WORKERS, epoch) then
  call('ZADD', WORKERS, NOW + LEASE_MS, epoch)
  call('HSET', CARDS, epoch, card)
end
local chosen = string.match(call('GET', KEYS[23]) or '', '^[^*]*')
if not call('ZSCORE', WORKERS, chosen) then
  call('DEL', KEYS[23])
end
