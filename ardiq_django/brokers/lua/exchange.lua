-- The hot path: settle what is finished, promote what is due, hand out what is wanted, for a whole batch at once.
-- with: _job _ends
-- KEYS after the fixed: lanes and tombs, then the record of each outcome. ARGV: epoch, call, want, held, the kinds of
-- the outcomes (a letter each), the number of lanes, name and cap of each lane; then the columns of the outcomes: id,
-- fence, body, ms, finish ms, place.
--   s f a   succeeded, failed, aborted: body is the record, ms how long it is kept, place its member in the index
--   r q h   retry, requeue, hand back: body is the attempt (of r), ms the delay, place the lane

local epoch, number, want, held = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local kinds, lanes = ARGV[12], tonumber(ARGV[13])
local n = #kinds
local at_ids = 13 + 2 * lanes
local at_fences, at_bodies, at_ms, at_finish, at_places =
  at_ids + n, at_ids + 2 * n, at_ids + 3 * n, at_ids + 4 * n, at_ids + 5 * n
local at_records = #KEYS - n
local fence = epoch .. '.' .. ARGV[9]

local STATES = {s = 'succeeded', f = 'failed', a = 'aborted'}

-- Most of the time none of these exists, and one question tells. None comes into being here, but due jobs.
local is_any_odd = call('EXISTS', TRIES, DUE, RETRY, EXPIRY, ABORTS, SUSPECTS, CLEARING, PAUSED, WAITING) > 0
local may_be_due = is_any_odd

local function has(key)
  return is_any_odd and call('EXISTS', key) == 1
end

local function kind_of(i)
  return string.sub(kinds, i, i)
end

-- Which outcomes are of attempts that this epoch still holds, by kind; the letters of the others go into `words`.
local function sort_out(words)
  local ids, taken, mine, ended, going_on = {}, {}, {}, {}, {}
  for i = 1, n do
    ids[i] = ARGV[at_ids + i]
  end
  local fences = gather('HMGET', RUNNING, ids)
  for i = 1, n do
    local id = ids[i]
    if fences[i] == ARGV[at_fences + i] and not taken[id] then
      taken[id] = true
      mine[#mine + 1] = id
      local group = STATES[kind_of(i)] and ended or going_on
      group[#group + 1] = i
    else
      local known = taken[id] or call('HEXISTS', JOBS, id) == 1 or call('EXISTS', KEYS[at_records + i]) == 1
      words[i] = known and 's' or 'g'
    end
  end
  return mine, ended, going_on
end

local function record_ends(ended)
  local index, is_awaited = {s = {}, f = {}, a = {}}, has(WAITING)
  for _, i in ipairs(ended) do
    call('SET', KEYS[at_records + i], ARGV[at_bodies + i], 'PX', ARGV[at_ms + i])
    local pairs_of = index[kind_of(i)]
    pairs_of[#pairs_of + 1] = ARGV[at_finish + i]
    pairs_of[#pairs_of + 1] = ARGV[at_places + i]
    if is_awaited then
      notify(ARGV[at_ids + i], ARGV[at_bodies + i])
    end
  end
  for kind, state in pairs(STATES) do
    variadic('ZADD', ENDED[state], index[kind])
  end
end

local function go_on(i)
  local id, kind, tally = ARGV[at_ids + i], kind_of(i), tally_of(ARGV[at_ids + i])
  if kind == 'h' then
    return queue(id, ARGV[at_places + i], tally.crashes, true)
  end
  may_be_due, tally.crashes = true, 0
  if kind == 'r' then
    tally.tries = tally.tries + 1
    add_attempt(tally, ARGV[at_bodies + i])
  else
    tally.requeues = tally.requeues + 1
  end
  keep_tally(id, tally)
  call('ZADD', kind == 'r' and RETRY or DUE, NOW + ARGV[at_ms + i], id)
end

local function settle()
  local words = {}
  local mine, ended, going_on = sort_out(words)
  variadic('HDEL', RUNNING, mine)
  local ended_ids, wishes = {}, {}
  for k, i in ipairs(ended) do
    ended_ids[k] = ARGV[at_ids + i]
  end
  variadic('HDEL', JOBS, ended_ids)
  if has(TRIES) then
    variadic('HDEL', TRIES, ended_ids)
  end
  if has(ABORTS) then
    wishes = gather('HMGET', ABORTS, mine)
    for k, id in ipairs(mine) do
      wishes[id] = wishes[k]
    end
    variadic('HDEL', ABORTS, mine)
  end
  record_ends(ended)
  for k = #going_on, 1, -1 do -- what is handed back keeps its order at the head
    local id = ARGV[at_ids + going_on[k]]
    if wishes[id] then
      finish(id, call('HGET', JOBS, id), tally_of(id), 'aborted', 'aborted while it ran')
    else
      go_on(going_on[k])
    end
  end
  if not next(words) then
    return ''
  end
  for i = 1, n do
    words[i] = words[i] or 'd'
  end
  return table.concat(words)
end

local function promote(zset, most)
  local ids = call('ZRANGEBYSCORE', zset, '-inf', NOW, 'LIMIT', 0, most)
  if #ids == 0 then
    return 0
  end
  call('ZREM', zset, unpack(ids))
  local envelopes, tallies = call('HMGET', JOBS, unpack(ids)), call('HMGET', TRIES, unpack(ids))
  for i, id in ipairs(ids) do
    if envelopes[i] then
      local _, lane = head(envelopes[i])
      queue(id, lane, read_tally(tallies[i]).crashes, false)
    end
  end
  return #ids
end

local function nearest_due()
  local nearest
  for _, key in ipairs({DUE, RETRY}) do
    local first = call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if first[2] then
      nearest = math.min(nearest or first[2], first[2])
    end
  end
  return nearest and math.max(0, nearest - NOW)
end

local found, given, lapsed = {}, {}, {} -- ids; ids and envelopes; ids whose window is over

-- Hand out what of these ids may be. One whose window is over waits among the due until its end is recorded, which
-- takes another call: the key of its record was not among this call's.
local function hand_out(ids, dead)
  local envelopes, holders = call('HMGET', JOBS, unpack(ids)), call('HMGET', RUNNING, unpack(ids))
  local windows = has(EXPIRY) and call('ZMSCORE', EXPIRY, unpack(ids)) or {}
  local claims, closed = {}, {}
  for i, id in ipairs(ids) do
    local is_over = windows[i] and tonumber(windows[i]) <= NOW
    if windows[i] and not is_over then
      closed[#closed + 1] = id
    end
    if envelopes[i] and not holders[i] and dead[i] ~= 1 then
      if is_over then
        lapsed[#lapsed + 1] = id
        call('ZADD', DUE, NOW, id)
        may_be_due = true
      else
        found[#found + 1], claims[#claims + 1] = id, id
        claims[#claims + 1] = fence
        given[#given + 1] = id
        given[#given + 1] = envelopes[i]
      end
    end
  end
  if #claims > 0 then
    variadic('HSET', RUNNING, claims)
  end
  variadic('ZREM', EXPIRY, closed)
end

local function take(lane, quota)
  local list, tombs = lane_list(lane), lane_tombs(lane)
  local has_dead = call('EXISTS', tombs) == 1
  local goal = #found + quota
  while #found < goal do
    local ids = call('LPOP', list, goal - #found)
    if not ids then
      return
    end
    local dead = has_dead and call('SMISMEMBER', tombs, unpack(ids)) or {}
    if has_dead then
      call('SREM', tombs, unpack(ids))
    end
    hand_out(ids, dead)
  end
end

-- A job with crashes runs alone. True if this worker is the one chosen for it, and gets nothing beside.
local function clear_suspects()
  local chosen = call('GET', CLEARING)
  if not chosen or not call('ZSCORE', WORKERS, chosen) then
    if call('EXISTS', SUSPECTS) == 0 then
      return false
    end
    chosen = epoch
    call('SET', CLEARING, epoch)
    ring() -- the others go on with the innocent
  end
  if chosen ~= epoch then
    return false
  elseif held > 0 then
    return true
  end
  while #found == 0 do
    local id = call('LPOP', SUSPECTS)
    if not id then
      call('DEL', CLEARING)
      return false
    end
    hand_out({id}, {})
  end
  return true
end

local function claim()
  if want == 0 or has(PAUSED) then
    if held == 0 and has(CLEARING) and call('GET', CLEARING) == epoch then
      call('DEL', CLEARING)
      ring()
    end
    return
  end
  if (has(SUSPECTS) or has(CLEARING)) and clear_suspects() then
    return
  end
  local lists = {}
  for i = 1, lanes do
    local lane, cap = ARGV[12 + 2 * i], tonumber(ARGV[13 + 2 * i])
    lists[i] = lane_list(lane)
    take(lane, math.min(want - #found, cap))
  end
  if lanes > 0 and call('EXISTS', unpack(lists)) > 0 then
    ring()
  end
end

-- A call that was answered is answered again: what it handed out is what stands under its number.
local function recall()
  local entries = call('HGETALL', RUNNING)
  for i = 1, #entries, 2 do
    if entries[i + 1] == fence then
      found[#found + 1] = entries[i]
      given[#given + 1] = entries[i]
      given[#given + 1] = call('HGET', JOBS, entries[i]) or ''
    end
  end
end

local function turn()
  local last, words = string.match(call('HGET', CALLS, epoch) or '', '^(%d+) %d+ (%a*)$')
  if last and number <= tonumber(last) then
    recall()
    return number == tonumber(last) and words or string.rep('s', n)
  end
  make_way()
  words = n > 0 and settle() or ''
  if may_be_due then
    promote(DUE, 200 - promote(RETRY, 200))
  end
  claim()
  call('HSET', CALLS, epoch, string.format('%d %.0f %s', number, NOW, words))
  return words
end

if not call('ZSCORE', WORKERS, epoch) then
  return {'fenced'}
end
local words = turn()
call('ZADD', WORKERS, NOW + LEASE_MS, epoch)
local tallies = #found > 0 and call('EXISTS', TRIES) == 1 and gather('HMGET', TRIES, found) or {}
local reply = {words, may_be_due and nearest_due() or false, #found, #tallies}
for _, part in ipairs({given, tallies, lapsed}) do
  for _, value in ipairs(part) do
    reply[#reply + 1] = value
  end
end
return reply
