-- All that is known of some jobs: six values each, then four of each worker that runs one of them.
-- with: _job _ends
-- ARGV: for how long (ms) to be told of the end of those that have not ended, ids.

local watch_ms = tonumber(ARGV[8])
local reply, epochs, seen = {string.format('%.0f', NOW), #ARGV - 8}, {}, {}

local function add(...)
  for _, value in ipairs({...}) do
    reply[#reply + 1] = value
  end
end

for i = 9, #ARGV do
  local id = ARGV[i]
  local state, bytes = locate(id)
  local is_ended = state and IS_END[state]
  if watch_ms > 0 and not is_ended then
    call('ZADD', WAITING, 'GT', NOW + watch_ms, id)
  end
  if not state or is_ended then
    add(state or '', bytes or '', '', '', '', '')
  else
    local due = call('ZSCORE', state == 'retrying' and RETRY or DUE, id)
    local fence = state == 'running' and call('HGET', RUNNING, id) or ''
    add(state, bytes, call('HGET', TRIES, id) or '', due or '', call('ZSCORE', EXPIRY, id) or '', fence)
    local epoch = string.match(fence, '^(.*)%.')
    if epoch and not seen[epoch] then
      seen[epoch] = true
      epochs[#epochs + 1] = epoch
    end
  end
end
for _, epoch in ipairs(epochs) do
  add(epoch, call('HGET', CARDS, epoch) or '', call('HGET', NEWS, epoch) or '', call('HGET', CALLS, epoch) or '')
end
return reply
