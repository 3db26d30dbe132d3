-- Settle what is finished, promote what is due, hand out what is wanted: the hot path, one call for a whole batch.
-- with: _job _ends _due _turn _settle _clearing _claim

-- The last call is answered again: what it handed out is what stands under its number. An earlier one is a claim that
-- waited too long, and gets nothing.
local function recall()
  local entries = call('HGETALL', RUNNING)
  for i = 1, #entries, 2 do
    if entries[i + 1] == fence then
      give(entries[i], call('HGET', JOBS, entries[i]) or '')
    end
  end
end

-- The token that may have woken this call goes on to others, also where this is all that is written.
local function pass_on()
  make_way()
  ring()
end

local function turn()
  local last, words = string.match(call('HGET', CALLS, epoch) or '', '^(%d+) %d+ (%a*)$')
  if last and number <= tonumber(last) then
    pass_on()
    if number < tonumber(last) then
      return string.rep('s', n)
    end
    recall()
    return words
  end
  if n > 0 then
    words = settle()
  else
    make_way()
    words = ''
  end
  if has_gone_on then
    promote(DUE, 200 - promote(RETRY, 200))
  end
  claim()
  call('HSET', CALLS, epoch, string.format('%d %.0f %s', number, NOW, words))
  return words
end

if not call('ZSCORE', WORKERS, epoch) then
  pass_on()
  return {'fenced'}
end
local function append(values)
  for _, value in ipairs(values) do
    reply[#reply + 1] = value
  end
end

local function tallies()
  local ids = {}
  for i = 1, number_found do
    ids[i] = reply[3 + 2 * i]
  end
  return gather('HMGET', TRIES, ids)
end

reply[1] = turn()
call('ZADD', WORKERS, NOW + LEASE_MS, epoch)
reply[2] = has_gone_on and nearest_due() or false
reply[3] = number_found
if number_found > 0 and has_gone_on and call('EXISTS', TRIES) == 1 then
  reply[4] = number_found
  append(tallies())
end
append(lapsed)
return reply
