-- Renew a lease, and nothing else; answers {''} or {'fenced'}. ARGV: epoch.

local epoch = ARGV[8]
if not call('ZSCORE', WORKERS, epoch) then
  return {'fenced'}
end
make_way()
call('ZADD', WORKERS, NOW + LEASE_MS, epoch)
return {''}
