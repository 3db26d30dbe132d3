-- Schedules: `<mark> <fired> <token> <timing>|` and the packed plan by id; and the ids in the order of their next fire
-- time, the disabled ones for ever last. KEYS after the fixed: both.

local PLANS, NEXT = KEYS[23], KEYS[24]

local function read_plan(id)
  local text = call('HGET', PLANS, id)
  local mark, fired, token, timing, packed = string.match(text or '', '^(%d+) (%d+) (%w+) (%w+)|(.*)$')
  local score = call('ZSCORE', NEXT, id)
  return mark and {
    mark = mark, fired = fired, token = token, timing = timing, packed = packed,
    is_enabled = score and score ~= 'inf',
  } or nil
end

local function keep_plan(id, plan)
  local head = string.format('%s %s %s %s|', plan.mark, plan.fired, plan.token, plan.timing)
  call('HSET', PLANS, id, head .. plan.packed)
end

-- '0' for not at all.
local function fire_next(id, next_ms)
  call('ZADD', NEXT, next_ms == '0' and 'inf' or next_ms, id)
end

local function drop_plan(id)
  call('ZREM', NEXT, id)
  return call('HDEL', PLANS, id)
end

-- The stored texts and next times of these schedules, in turns.
local function told(scored)
  local reply = {}
  for i = 1, #scored, 2 do
    local text = call('HGET', PLANS, scored[i])
    if text then
      reply[#reply + 1] = text
      reply[#reply + 1] = scored[i + 1]
    end
  end
  return reply
end
