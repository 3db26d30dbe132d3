-- Begin an epoch with a full lease; one that has begun is left alone. ARGV: epoch, card.

local epoch, card = ARGV[8], ARGV[9]
make_way()
if not call('ZSCORE', WORKERS, epoch) then
  call('ZADD', WORKERS, NOW + LEASE_MS, epoch)
  call('HSET', CARDS, epoch, card)
end
