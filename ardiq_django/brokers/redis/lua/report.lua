-- Add figures to a bucket of each resolution, once for each number of an epoch; answers '', 'known' or 'fenced'.
-- KEYS after the fixed: the numbers of the last reports, buckets. ARGV: epoch, number, most tasks by name, how long each
-- bucket is kept (ms), then task and figures each.

local epoch, number, most = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10])
local reported, first = KEYS[23], 24
local at_tasks = 11 + #KEYS - first + 1
if not call('ZSCORE', WORKERS, epoch) then
  return 'fenced'
end
if number <= tonumber(call('HGET', reported, epoch) or 0) then
  return 'known'
end
call('HSET', reported, epoch, number)

-- Figures are one flat array: cell, number, cell, number.
local function add(cells, packed)
  local readable, flat = pcall(cmsgpack.unpack, packed)
  if not readable or type(flat) ~= 'table' then
    return
  end
  for i = 1, #flat, 2 do
    local cell, n = tonumber(flat[i]), tonumber(flat[i + 1])
    if cell and n then
      cells[cell] = (cells[cell] or 0) + n
    end
  end
end

local function total(packed, more)
  local cells, flat = {}, {}
  add(cells, packed)
  add(cells, more)
  for cell, n in pairs(cells) do
    flat[#flat + 1] = cell
    flat[#flat + 1] = n
  end
  return cmsgpack.pack(flat)
end

for k = first, #KEYS do
  local bucket = KEYS[k]
  local by_name = call('HLEN', bucket) - call('HEXISTS', bucket, '')
  for i = at_tasks, #ARGV, 2 do
    local task = ARGV[i]
    local stored = call('HGET', bucket, task)
    if not stored and task ~= '' then
      if by_name < most then
        by_name = by_name + 1
      else
        task, stored = '', call('HGET', bucket, '')
      end
    end
    call('HSET', bucket, task, stored and total(stored, ARGV[i + 1]) or ARGV[i + 1])
  end
  call('PEXPIRE', bucket, ARGV[11 + k - first])
end
return ''
