-- Remove schedules; answers one letter each. ARGV: ids.
-- with: _plans

local words = {}
for i = 8, #ARGV do
  words[#words + 1] = drop_plan(ARGV[i]) == 1 and 'd' or 'g'
end
return table.concat(words)
