-- Remove all that is known of an ended epoch that holds nothing any more. KEYS: its mail. ARGV: epoch.

for _, key in ipairs({CARDS, NEWS, CALLS, DEAD}) do
  call('HDEL', key, ARGV[8])
end
call('UNLINK', KEYS[#KEYS])
