-- Taking in one job whose id may be known.
-- with: _job _ends

-- `<lane>`, or `<lane> <delay ms> <scheduled ms> <window ms>`
local function put(id, place)
  local lane, delay, schedule, window = string.match(place, '^(%S+) (%d+) (%d+) (%d+)$')
  if not lane then
    queue(id, place, 0)
    return
  end
  local due = math.max(NOW + delay, tonumber(schedule))
  if due > NOW then
    call('ZADD', DUE, due, id)
  else
    queue(id, lane, 0)
  end
  if window ~= '0' then
    call('ZADD', EXPIRY, NOW + window, id)
  end
end

-- Whether the id belongs to a job although that has ended.
local function is_unique(old, record)
  return old.unique_for_ms > 0 and NOW < (finish_of(record) or 0) + old.unique_for_ms
end

-- 'e'xisting or 'x' for a conflict; nil if the new job may begin a run.
local function met(envelope, in_flight, ended)
  if not in_flight and not ended then
    return nil
  end
  local record = ended and read_record(ended)
  local new, old = tail(envelope), tail(in_flight or record.envelope)
  if old.identity == new.identity then
    return 'e'
  elseif in_flight or is_unique(old, record) then
    return new.digest ~= '' and new.digest == old.digest and 'e' or 'x'
  end
  return not new.replaces and 'x' or nil
end

-- The word for a job that begins no run, and the record that a run of it would replace.
local function judge(id, envelope)
  local in_flight = call('HGET', JOBS, id)
  if in_flight and lapse(id) then
    in_flight = nil
  end
  local ended = not in_flight and record_of(id)
  return met(envelope, in_flight, ended), ended
end

local function accept(id, envelope, place)
  local word, ended = judge(id, envelope)
  if word then
    return word
  end
  call('HSET', JOBS, id, envelope) -- first, so that a full Redis refuses
  if ended then
    local old = read_record(ended)
    if old.number > 0 then
      keep_tally(id, {tries = 0, crashes = 0, requeues = 0, number = old.number, attempts = old.attempts})
    end
    drop_record(id, old)
  end
  put(id, place)
  return 'c'
end
