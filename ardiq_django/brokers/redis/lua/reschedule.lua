-- Let waiting jobs become due at another time; answers a letter each.
-- with: _job _ends
-- ARGV: due ms, ids.

local due_ms, words = ARGV[8], {}
for i = 9, #ARGV do
  local id, word = ARGV[i], 's'
  lapse(id)
  local state, envelope = locate(id)
  if not state then
    word = 'g'
  elseif state ~= 'running' and not IS_END[state] then
    if state == 'queued' then
      withdraw(id, state, envelope, tally_of(id))
    end
    call('ZADD', state == 'retrying' and RETRY or DUE, due_ms, id)
    word = 'd'
  end
  words[#words + 1] = word
end
ring()
return table.concat(words)
