-- Remove jobs that do not run, with all that is known of them; answers a letter each.
-- with: _job _ends
-- ARGV: ids.

local words = {}
make_way()
for i = 8, #ARGV do
  local id, word = ARGV[i], 'd'
  local state, bytes = locate(id)
  if not state then
    word = 'g'
  elseif state == 'running' then
    word = 's'
  elseif IS_END[state] then
    drop_record(id, read_record(bytes))
  else
    withdraw(id, state, bytes, tally_of(id))
    call('HDEL', JOBS, id)
    call('HDEL', TRIES, id)
    call('ZREM', EXPIRY, id)
  end
  words[#words + 1] = word
end
return table.concat(words)
