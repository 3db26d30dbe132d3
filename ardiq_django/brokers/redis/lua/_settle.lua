-- The first half of a turn: the outcomes.
-- with: _ends _turn

local STATES = {s = 'succeeded', f = 'failed', a = 'aborted'}

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
  has_gone_on, tally.crashes = true, 0
  if kind == 'r' then
    tally.tries = tally.tries + 1
    add_attempt(tally, ARGV[at_bodies + i])
  else
    tally.requeues = tally.requeues + 1
  end
  keep_tally(id, tally)
  call('ZADD', kind == 'r' and RETRY or DUE, NOW + ms_of(i), id)
  if call('ZCARD', WORKERS) > 1 then
    ring() -- others may be free sooner than this one, and must know when
  end
end

local function settle()
  local words, wishes = {}, {}
  local mine, ended_ids, ended_at, going_on = sort_out(words)
  if #mine == 0 then
    make_way()
  end
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
