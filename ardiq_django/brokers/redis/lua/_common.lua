-- The keys, rules and clock of the queue, and what most verbs do. Prepended to every script.

local JOBS, RUNNING, TRIES, DUE, RETRY, EXPIRY, ABORTS, SUSPECTS, CLEARERS, PAUSED, WAITING,
  WORKERS, CARDS, NEWS, CALLS, DEAD, CRON, WAKE = unpack(KEYS, 1, 18)
local QUEUE = string.sub(JOBS, 1, -5) -- what every key of the queue begins with

-- Left as text: most scripts need few of them, and Lua reads a number where it wants one.
local SKEW_MS, LEASE_MS, MAX_CRASHES, RESULT_TTL_MS, SUCCEEDED_MS, FAILED_MS, LANE = unpack(ARGV, 1, 7)

local call = redis.call
local time = call('TIME')
local NOW = time[1] * 1000 + math.floor(time[2] / 1000) + SKEW_MS

local IS_END = {succeeded = true, failed = true, aborted = true, expired = true}

local function ended(state)
  return QUEUE .. 'ended:' .. state
end

-- Lua's stack ends some 8,000 values up.
local function variadic(command, key, values)
  for first = 1, #values, 1000 do
    call(command, key, unpack(values, first, math.min(first + 999, #values)))
  end
end

local function gather(command, key, values)
  if #values <= 1000 then
    return #values > 0 and call(command, key, unpack(values)) or {}
  end
  local found, n = {}, 0
  for first = 1, #values, 1000 do
    for _, value in ipairs(call(command, key, unpack(values, first, math.min(first + 999, #values)))) do
      n = n + 1
      found[n] = value
    end
  end
  return found
end

-- A full Redis refuses a script whose first write may grow; what ends or takes back work must not be refused.
local function make_way()
  call('HDEL', ABORTS, '')
end

-- One token at most, for one idle worker; whoever leaves work behind passes it on.
local function ring()
  if call('LLEN', WAKE) == 0 then
    call('RPUSH', WAKE, 1)
  end
end

local function lane_list(lane)
  return QUEUE .. 'lane:' .. lane
end

local function lane_tombs(lane)
  return QUEUE .. 'tombs:' .. lane
end

-- Its place of an earlier time, if any, is taken out of the lane first: an id stands there once.
local function queue(id, lane, crashes, at_head)
  if crashes > 0 then
    call('RPUSH', SUSPECTS, id)
    return
  end
  if call('SREM', lane_tombs(lane), id) == 1 then
    call('LREM', lane_list(lane), 0, id)
  end
  call(at_head and 'LPUSH' or 'RPUSH', lane_list(lane), id)
end

-- What a job has behind it: `<tries> <crashes> <requeues> <attempts>|` and its packed attempts, one after the other.
local function read_tally(text)
  local tries, crashes, requeues, number, attempts =
    string.match(text or '', '^(%d+) (%d+) (%d+) (%d+)|(.*)$')
  return {
    tries = tonumber(tries or 0), crashes = tonumber(crashes or 0), requeues = tonumber(requeues or 0),
    number = tonumber(number or 0), attempts = attempts or '',
  }
end

local function tally_of(id)
  return read_tally(call('HGET', TRIES, id))
end

local function keep_tally(id, tally)
  local counts = string.format('%d %d %d %d|', tally.tries, tally.crashes, tally.requeues, tally.number)
  call('HSET', TRIES, id, counts .. tally.attempts)
end

local function add_attempt(tally, packed)
  tally.number = tally.number + 1
  tally.attempts = tally.attempts .. packed
end
