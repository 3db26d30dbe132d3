-- Store jobs; answers one letter each, or nothing if all were created.
-- with: _job _ends _accept
-- KEYS after the fixed: lanes, tombs of these lanes, records. ARGV: n, lanes, '1' if an id repeats, places, how many may
-- wait or 0, the sizes of what came together, then the columns: ids, envelopes, places (a single one if all are alike).

local n, lanes, repeats, places = tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10] == '1', tonumber(ARGV[11])
local limit, groups = tonumber(ARGV[12]), ARGV[13]
local at_ids, at_envelopes, at_places = 13, 13 + n, 13 + 2 * n

local function place_of(i)
  return ARGV[at_places + math.min(i, places)]
end

local function is_any_known(ids)
  for first = 23 + lanes, #KEYS, 1000 do
    if call('EXISTS', unpack(KEYS, first, math.min(first + 999, #KEYS))) > 0 then
      return true
    end
  end
  for _, envelope in ipairs(gather('HMGET', JOBS, ids)) do
    if envelope then
      return true
    end
  end
  return false
end

local function put_alike(place, ids)
  if not string.find(place, ' ', 1, true) then
    variadic('RPUSH', lane_list(place), ids)
  else
    for _, id in ipairs(ids) do
      put(id, place)
    end
  end
end

local function store_all(ids)
  local stored, alike, order = {}, {}, {}
  for i = 1, n do
    stored[2 * i - 1], stored[2 * i] = ids[i], ARGV[at_envelopes + i]
  end
  variadic('HSET', JOBS, stored)
  if places == 1 then
    return put_alike(place_of(1), ids)
  end
  for i = 1, n do
    local place = place_of(i)
    if not alike[place] then
      alike[place] = {}
      order[#order + 1] = place
    end
    table.insert(alike[place], ids[i])
  end
  for _, place in ipairs(order) do
    put_alike(place, alike[place])
  end
end

local function store_each(ids)
  local words = {}
  for i = 1, n do
    words[i] = accept(ids[i], ARGV[at_envelopes + i], place_of(i))
  end
  return table.concat(words)
end

-- Those whose window is over have ended, swept or not.
local function waiting()
  return call('HLEN', JOBS) - call('HLEN', RUNNING) - call('ZCOUNT', EXPIRY, '-inf', NOW)
end

-- The word for each of some jobs that came together: those that are new are taken in all, or refused all.
local function store_group(ids, first, last)
  local words, is_new, new = {}, {}, 0
  for i = first, last do
    local id = ids[i]
    words[i] = judge(id, ARGV[at_envelopes + i])
    if not words[i] and not is_new[id] then
      is_new[id], new = true, new + 1
    end
  end
  local fits, told = new == 0 or waiting() + new <= limit, {}
  for i = first, last do
    told[#told + 1] = fits and accept(ids[i], ARGV[at_envelopes + i], place_of(i)) or words[i] or 'f'
  end
  return table.concat(told)
end

local function store_while_room(ids)
  local words, first = {}, 1
  for size in string.gmatch(groups, '%d+') do
    words[#words + 1] = store_group(ids, first, first + size - 1)
    first = first + size
  end
  return table.concat(words)
end

local ids, words = {}, ''
for i = 1, n do
  ids[i] = ARGV[at_ids + i]
end
if limit > 0 and waiting() + n > limit then
  words = store_while_room(ids)
elseif repeats or is_any_known(ids) then
  words = store_each(ids)
else
  store_all(ids)
end
ring()
return words
