-- Remove all that is known of an ended epoch that holds nothing any more. KEYS: numbers of reports, its mail. ARGV: epoch.

for _, key in ipairs({CARDS, NEWS, CALLS, DEAD, KEYS[23]}) do
  call('HDEL', key, ARGV[8])
end
call('UNLINK', KEYS[#KEYS])
