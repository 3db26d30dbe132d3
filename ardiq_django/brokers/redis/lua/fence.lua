-- End epochs, so that nothing they send is taken any more; what they hold is taken back afterwards, whoever does it.
-- ARGV: 'left', 'dead', or 'lost' (then only if their lease is over), epochs. Answers all that are still to be taken
-- back, and how: the dead are lost.

local how = ARGV[8]
for i = 9, #ARGV do
  local epoch = ARGV[i]
  local lease_end = call('ZSCORE', WORKERS, epoch)
  if lease_end and (how ~= 'lost' or tonumber(lease_end) <= NOW) then
    call('ZREM', WORKERS, epoch)
    call('HSET', DEAD, epoch, how == 'left' and how or 'lost')
    if call('HDEL', CLEARERS, epoch) == 1 then
      ring()
    end
  end
end
return call('HGETALL', DEAD)
