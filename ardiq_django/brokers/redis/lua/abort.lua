-- End waiting jobs as aborted, note the wish for running ones; answers a letter each, and the fence of those that run.
-- with: _job _ends
-- ARGV: ids.

local reply = {}
make_way()
for i = 8, #ARGV do
  local id, fence, word = ARGV[i], '', 's'
  lapse(id)
  local state, envelope = locate(id)
  if state == 'running' then
    call('HSET', ABORTS, id, 1)
    word, fence = 'd', call('HGET', RUNNING, id)
  elseif state == 'aborted' then
    word = 'a'
  elseif not state then
    word = 'g'
  elseif not IS_END[state] then
    local tally = tally_of(id)
    withdraw(id, state, envelope, tally)
    finish(id, envelope, tally, 'aborted', 'aborted before it started')
    word = 'd'
  end
  reply[#reply + 1] = word
  reply[#reply + 1] = fence
end
return reply
