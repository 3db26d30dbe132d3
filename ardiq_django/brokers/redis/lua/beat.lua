-- Renew a lease and keep the news; answers what the worker lost, what it is to abort, and what it holds unknowingly.
-- ARGV: epoch, last call answered, news, then id and claim of each job held.

local epoch, answered, news = ARGV[8], tonumber(ARGV[9]), ARGV[10]
if not call('ZSCORE', WORKERS, epoch) then
  return {'fenced'}
end
make_way()
call('ZADD', WORKERS, NOW + LEASE_MS, epoch)
call('HSET', NEWS, epoch, news)

local mine, ids = {}, {}
local entries, prefix = call('HGETALL', RUNNING), epoch .. '.'
for i = 1, #entries, 2 do
  if string.sub(entries[i + 1], 1, #prefix) == prefix then
    mine[entries[i]] = string.sub(entries[i + 1], #prefix + 1)
    ids[#ids + 1] = entries[i]
  end
end

local held, lost, aborts, unknown = {}, {}, {}, {}
for i = 11, #ARGV, 2 do
  held[ARGV[i]] = ARGV[i + 1]
  if mine[ARGV[i]] ~= ARGV[i + 1] then
    lost[#lost + 1] = ARGV[i]
  end
end
if call('EXISTS', ABORTS) == 1 then
  for i, asked in ipairs(gather('HMGET', ABORTS, ids)) do
    if asked then
      aborts[#aborts + 1] = ids[i]
    end
  end
end
for _, id in ipairs(ids) do
  if tonumber(mine[id]) <= answered and held[id] ~= mine[id] then
    for _, value in ipairs({id, mine[id], call('HGET', JOBS, id) or '', call('HGET', TRIES, id) or ''}) do
      unknown[#unknown + 1] = value
    end
  end
end
return {'', lost, aborts, unknown}
