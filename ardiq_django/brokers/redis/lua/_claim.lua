-- The second half of a turn: jobs whose time has come go into their lanes, and jobs are handed out.
-- with: _ends _turn _clearing

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
        has_gone_on = true
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
  local has_dead = has(tombs)
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

local function be_chosen_no_more()
  if call('HDEL', CLEARERS, epoch) == 1 then
    ring()
  end
end

-- A job with crashes runs alone. True if this worker is chosen for it, and gets nothing beside.
local function clear_suspects()
  local own, others = parts(epoch)
  if held > 0 and own == 'clearing' then
    return true
  elseif not has_room(held > 0, others) then
    be_chosen_no_more()
    return false
  elseif held > 0 then
    if call('HSET', CLEARERS, epoch, 'draining') == 1 then
      ring() -- the others go on with the innocent
    end
    return true
  end
  while number_found == 0 do
    local id = call('LPOP', SUSPECTS)
    if not id then
      be_chosen_no_more()
      return false
    end
    hand_out({id}, {})
  end
  call('HSET', CLEARERS, epoch, 'clearing')
  ring() -- and with the next suspect, if there is room
  return true
end

local function claim()
  if want == 0 or has(PAUSED) then
    if has(CLEARERS) and (held == 0 or call('HGET', CLEARERS, epoch) == 'draining') then
      be_chosen_no_more()
    end
    return
  end
  if (has(SUSPECTS) or has(CLEARERS)) and clear_suspects() then
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
