-- The hot path: settle what is finished, promote what is due, hand out what is wanted, for a whole batch at once.
-- with: _job _ends
-- KEYS after the fixed: lanes and tombs, then the record of each outcome. ARGV: epoch, call, want, held, the kinds of
-- the outcomes (a letter each), whether all their ms are alike, the number of lanes, name and cap of each lane; then the
-- columns of the outcomes: fence, body, finish ms, place, ms (a single one if all are alike).
--   s f a   succeeded, failed, aborted: body is the record, ms how long it is kept, place its member in the index
--   r q h   retry, requeue, hand back: body is the attempt (of r), ms the delay, place the lane

local epoch, number, want, held = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local kinds, is_ms_alike, lanes = ARGV[12], ARGV[13] == '1', tonumber(ARGV[14])
local n = #kinds
local at_fences = 14 + 2 * lanes
local at_bodies, at_finish, at_places, at_ms = at_fences + n, at_fences + 2 * n, at_fences + 3 * n, at_fences + 4 * n
local at_records, id_at = #KEYS - n, #record_key('') + 1
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

local function ms_of(i)
  return ARGV[at_ms + (is_ms_alike and 1 or i)]
end

local function is_known(i, id)
  return call('HEXISTS', JOBS, id) == 1 or call('EXISTS', KEYS[at_records + i]) == 1
end

-- The outcomes of attempts that this epoch still holds: which of them end, which go on, and the ids of both. For the
-- others, a letter each goes into `words`.
local function sort_out(words)
  local ids, taken, mine, ended_ids, ended_at, going_on = {}, {}, {}, {}, {}, {}
  for i = 1, n do
    ids[i] = string.sub(KEYS[at_records + i], id_at)
  end
  local fences, m, e = gather('HMGET', RUNNING, ids), 0, 0
  for i = 1, n do
    local id = ids[i]
    if fences[i] ~= ARGV[at_fences + i] or taken[id] then
      words[i] = (taken[id] or is_known(i, id)) and 's' or 'g'
    else
      m = m + 1
      mine[m], taken[id] = id, true
      if STATES[kind_of(i)] then
        e = e + 1
        ended_ids[e], ended_at[e] = id, i
      else
        going_on[#going_on + 1] = i
      end
    end
  end
  return mine, ended_ids, ended_at, going_on
end

local function record_ends(ids, at)
  local index, is_awaited = {s = {}, f = {}, a = {}}, has(WAITING)
  for k, i in ipairs(at) do
    local record, scored = ARGV[at_bodies + i], index[kind_of(i)]
    call('SET', KEYS[at_records + i], record, 'PX', ms_of(i))
    local last = #scored
    scored[last + 1], scored[last + 2] = ARGV[at_finish + i], ARGV[at_places + i]
    if is_awaited then
      notify(ids[k], record)
    end
  end
  for kind, state in pairs(STATES) do
    variadic('ZADD', ended(state), index[kind])
  end
end

local function go_on(i, id)
  local kind, tally = kind_of(i), tally_of(id)
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
  call('ZADD', kind == 'r' and RETRY or DUE, NOW + ms_of(i), id)
end

local function settle()
  local words, wishes = {}, {}
  local mine, ended_ids, ended_at, going_on = sort_out(words)
  variadic('HDEL', RUNNING, mine)
  variadic('HDEL', JOBS, ended_ids)
  if has(TRIES) then
    variadic('HDEL', TRIES, ended_ids)
  end
  if has(ABORTS) then
    for k, asked in ipairs(gather('HMGET', ABORTS, mine)) do
      wishes[mine[k]] = asked
    end
    variadic('HDEL', ABORTS, mine)
  end
  record_ends(ended_ids, ended_at)
  for k = #going_on, 1, -1 do -- what is handed back keeps its order at the head
    local i = going_on[k]
    local id = string.sub(KEYS[at_records + i], id_at)
    if wishes[id] then
      finish(id, call('HGET', JOBS, id), tally_of(id), 'aborted', 'aborted while it ran')
    else
      go_on(i, id)
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

local reply, lapsed = {'', false, 0, 0}, {} -- id and envelope of each job handed out; ids whose window is over
local number_found = 0

local function give(id, envelope)
  local last = 4 + 2 * number_found
  reply[last + 1], reply[last + 2] = id, envelope
  number_found = number_found + 1
end

-- Hand out what of these ids may be. One whose window is over waits among the due until its end is recorded, which
-- takes another call: the key of its record was not among this call's.
local function hand_out(ids, dead)
  local envelopes, holders = call('HMGET', JOBS, unpack(ids)), call('HMGET', RUNNING, unpack(ids))
  local windows = has(EXPIRY) and call('ZMSCORE', EXPIRY, unpack(ids)) or {}
  local claims, last, closed = {}, 0, {}
  for i, id in ipairs(ids) do
    if envelopes[i] and not holders[i] and dead[i] ~= 1 then
      if windows[i] and tonumber(windows[i]) <= NOW then
        lapsed[#lapsed + 1] = id
        call('ZADD', DUE, NOW, id)
        may_be_due = true
      else
        claims[last + 1], claims[last + 2] = id, fence
        last = last + 2
        closed[#closed + 1] = windows[i] and id or nil
        give(id, envelopes[i])
      end
    end
  end
  variadic('HSET', RUNNING, claims)
  variadic('ZREM', EXPIRY, closed)
end

-- A thousand ids at most: where so many are dead, the next turn goes on.
local function take(lane, quota)
  local list, tombs = lane_list(lane), lane_tombs(lane)
  local has_dead = call('EXISTS', tombs) == 1
  local goal, met = number_found + quota, 0
  while number_found < goal and met < 1000 do
    local ids = call('LPOP', list, goal - number_found)
    if not ids then
      return
    end
    met = met + #ids
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
  while number_found == 0 do
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
    local lane, cap = ARGV[13 + 2 * i], tonumber(ARGV[14 + 2 * i])
    lists[i] = lane_list(lane)
    take(lane, math.min(want - number_found, cap))
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
      give(entries[i], call('HGET', JOBS, entries[i]) or '')
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
reply[2] = may_be_due and nearest_due() or false
reply[3] = number_found
if number_found > 0 and call('EXISTS', TRIES) == 1 then
  reply[4] = number_found
  append(tallies())
end
append(lapsed)
return reply
