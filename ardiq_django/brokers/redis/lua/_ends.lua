-- Records of ended jobs: `<state> <ttl ms> <attempts> <bytes of the end> <bytes of the job>|`, then the packed end, the
-- packed job, the packed attempts; and where unfinished jobs stand.
-- with: _job

local function record_key(id)
  return QUEUE .. 'end:' .. id
end

-- A record that somebody spoilt counts as failed, with nothing in it.
local function read_record(record)
  local state, ttl_ms, number, of_end, of_job, at =
    string.match(record, '^(%a+) (%-?%d+) (%d+) (%d+) (%d+)|()')
  if not IS_END[state or ''] then
    return {state = 'failed', ttl_ms = '-1', number = 0, packed = '', envelope = '', attempts = ''}
  end
  local job_at = at + of_end
  return {
    state = state, ttl_ms = ttl_ms, number = tonumber(number), packed = string.sub(record, at, job_at - 1),
    envelope = string.sub(record, job_at, job_at + of_job - 1), attempts = string.sub(record, job_at + of_job),
  }
end

-- The name of the task stands in the index, so that lists filtered by it need no second read.
local function member(id, envelope, ttl_ms)
  return string.gsub((head(envelope)), '\n', '\31') .. '\n' .. ttl_ms .. '\n' .. id
end

-- When it ended; nil if that cannot be read.
local function finish_of(old)
  local readable, _, _, _, _, _, finish_ms = pcall(cmsgpack.unpack_limit, old.packed, 5, 1)
  return readable and tonumber(finish_ms) or nil
end

-- The server lets keys go by its own clock. Where ours is skewed, a record out of the lists is gone when ours says so.
local function is_over(id, old)
  local finish_ms, ttl_ms = finish_of(old), tonumber(old.ttl_ms)
  local kept_ms = ttl_ms < 0 and (old.state == 'succeeded' and SUCCEEDED_MS or FAILED_MS) or ttl_ms
  local is_listed = call('ZSCORE', ended(old.state), member(id, old.envelope, old.ttl_ms))
  return finish_ms and not is_listed and finish_ms + kept_ms <= NOW
end

local function record_of(id)
  local record = call('GET', record_key(id))
  return record and not (SKEW_MS ~= '0' and is_over(id, read_record(record))) and record or nil
end

local function drop_record(id, old)
  call('UNLINK', record_key(id))
  call('ZREM', ended(old.state), member(id, old.envelope, old.ttl_ms))
end

local function notify(id, record)
  if call('ZREM', WAITING, id) == 1 then
    call('PUBLISH', record_key(id), string.format('%.0f', NOW) .. '|' .. record)
  end
end

-- For how long no rule may remove the record of a job that ends by nobody's outcome: see `stays_ms` in records.py.
local function stays_ms(envelope)
  local ttl_ms, for_ms = tonumber(RESULT_TTL_MS), tail(envelope).unique_for_ms
  if ttl_ms < 0 then
    return for_ms > tonumber(FAILED_MS) and for_ms or ttl_ms
  end
  return math.max(ttl_ms, for_ms)
end

-- End a job that is at its place no longer, by nobody's outcome.
local function finish(id, envelope, tally, state, reason)
  local packed = cmsgpack.pack({state, tally.tries, tally.crashes, 0, NOW, '', '', tonumber(RESULT_TTL_MS), reason})
  local least_ms = stays_ms(envelope)
  local sizes = string.format('%s %.0f %d %d %d|', state, least_ms, tally.number, #packed, #envelope)
  local record = sizes .. packed .. envelope .. tally.attempts
  call('HDEL', JOBS, id)
  call('HDEL', TRIES, id)
  call('ZREM', EXPIRY, id)
  call('SET', record_key(id), record, 'PX', string.format('%.0f', math.max(FAILED_MS, least_ms, 1)))
  call('ZADD', ended(state), NOW, member(id, envelope, string.format('%.0f', least_ms)))
  notify(id, record)
end

-- The state of a job, derived from where it stands, and its envelope; for one that ended its record.
local function locate(id)
  local envelope = call('HGET', JOBS, id)
  if not envelope then
    local record = record_of(id)
    return record and read_record(record).state or nil, record
  elseif call('HEXISTS', RUNNING, id) == 1 then
    return 'running', envelope
  elseif call('ZSCORE', DUE, id) then
    return 'scheduled', envelope
  end
  return call('ZSCORE', RETRY, id) and 'retrying' or 'queued', envelope
end

-- Take a waiting job from its place. A lane keeps the id, noted as dead: taking it out would cost its whole length.
local function withdraw(id, state, envelope, tally)
  if state == 'scheduled' then
    call('ZREM', DUE, id)
  elseif state == 'retrying' then
    call('ZREM', RETRY, id)
  elseif tally.crashes > 0 then
    call('LREM', SUSPECTS, 0, id)
  else
    local _, lane, readable = head(envelope)
    if readable then
      call('SADD', lane_tombs(lane), id)
    end
  end
end

-- End a job as expired if it waits and its window is over: for everybody it has ended, swept or not. True if it did.
local function lapse(id)
  local over_ms = call('ZSCORE', EXPIRY, id)
  if not over_ms or tonumber(over_ms) > NOW then
    return false
  end
  local state, envelope = locate(id)
  if state ~= 'scheduled' and state ~= 'queued' then
    call('ZREM', EXPIRY, id)
    return false
  end
  local tally = tally_of(id)
  withdraw(id, state, envelope, tally)
  local window_ms = tonumber(tail(envelope).expire_ms) or 0
  finish(id, envelope, tally, 'expired', string.format('expired: not started within %d ms', window_ms))
  return true
end
